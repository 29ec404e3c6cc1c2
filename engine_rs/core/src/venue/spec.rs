//! What a listing is worth: atoms of a lot and of a tick, fees, the least notional.

use std::fmt;

use crate::types::{Atoms, Lots, MAX_TOTAL, Ticks};

/// A rate of one in `..._e8` units.
const ONE_E8: i64 = 100_000_000;

/// The numbers of a listing; `new` has checked them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingSpec {
    tick_lot_atoms: Atoms,
    lot_atoms: Atoms,
    min_notional_atoms: Atoms,
    maker_fee_e8: i64,
    taker_fee_e8: i64,
}

/// A listing that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingError {
    pub field: &'static str,
    pub value: i64,
    pub least: i64,
    pub most: i64,
}

impl fmt::Display for ListingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, least, most } = self;
        write!(f, "listing: {field} is {value}, must be from {least} to {most}")
    }
}

impl std::error::Error for ListingError {}

impl ListingSpec {
    /// `tick_lot_atoms`: quote atoms of one lot at a price of one tick; `lot_atoms`: base atoms of one lot;
    /// fees in 1e-8 of the notional, a rebate negative.
    pub fn new(
        tick_lot_atoms: Atoms,
        lot_atoms: Atoms,
        min_notional_atoms: Atoms,
        maker_fee_e8: i64,
        taker_fee_e8: i64,
    ) -> Result<Self, ListingError> {
        let within = |field, value, least, most| {
            if (least..=most).contains(&value) {
                Ok(value)
            } else {
                Err(ListingError { field, value, least, most })
            }
        };
        Ok(Self {
            tick_lot_atoms: within("tick_lot_atoms", tick_lot_atoms, 1, MAX_TOTAL)?,
            lot_atoms: within("lot_atoms", lot_atoms, 1, MAX_TOTAL)?,
            min_notional_atoms: within("min_notional_atoms", min_notional_atoms, 0, MAX_TOTAL)?,
            maker_fee_e8: within("maker_fee_e8", maker_fee_e8, -ONE_E8, ONE_E8)?,
            taker_fee_e8: within("taker_fee_e8", taker_fee_e8, -ONE_E8, ONE_E8)?,
        })
    }

    pub const fn tick_lot_atoms(&self) -> Atoms {
        self.tick_lot_atoms
    }

    pub const fn lot_atoms(&self) -> Atoms {
        self.lot_atoms
    }

    pub const fn min_notional_atoms(&self) -> Atoms {
        self.min_notional_atoms
    }

    pub const fn maker_fee_e8(&self) -> i64 {
        self.maker_fee_e8
    }

    pub const fn taker_fee_e8(&self) -> i64 {
        self.taker_fee_e8
    }

    /// Quote atoms of so many lots at a price, unless that leaves the range of money.
    #[inline]
    pub fn notional(&self, price: Ticks, size: Lots) -> Option<Atoms> {
        in_range(price.checked_mul(size)?.checked_mul(self.tick_lot_atoms)?)
    }

    /// Base atoms of so many lots, unless that leaves the range of money.
    #[inline]
    pub fn base_atoms(&self, size: Lots) -> Option<Atoms> {
        in_range(size.checked_mul(self.lot_atoms)?)
    }

    #[inline]
    pub fn maker_fee(&self, notional: Atoms) -> Atoms {
        fee(notional, self.maker_fee_e8)
    }

    #[inline]
    pub fn taker_fee(&self, notional: Atoms) -> Atoms {
        fee(notional, self.taker_fee_e8)
    }
}

#[inline]
fn in_range(atoms: Atoms) -> Option<Atoms> {
    (atoms <= MAX_TOTAL).then_some(atoms)
}

/// A charge rounds up to a whole atom, a rebate down: the venue never pays for rounding.
#[inline]
fn fee(notional: Atoms, rate_e8: i64) -> Atoms {
    // Where the product fits a word, division by a constant is a multiplication; else it costs a 128-bit division.
    match notional.checked_mul(rate_e8) {
        Some(product) if product >= 0 => product.unsigned_abs().div_ceil(ONE_E8 as u64) as Atoms,
        Some(product) => product / ONE_E8,
        None => wide_fee(notional, rate_e8),
    }
}

#[cold]
fn wide_fee(notional: Atoms, rate_e8: i64) -> Atoms {
    let product = i128::from(notional) * i128::from(rate_e8);
    let one = i128::from(ONE_E8);
    let whole = if product >= 0 { (product + one - 1) / one } else { product / one };
    Atoms::try_from(whole).expect("a rate of at most one keeps the fee below the notional")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_rounds_up_and_a_rebate_down() {
        assert_eq!(fee(1, 1), 1);
        assert_eq!(fee(100_000_000, 5_000), 5_000);
        assert_eq!(fee(100_000_001, 5_000), 5_001);
        assert_eq!(fee(99_999_999, -1), 0);
        assert_eq!(fee(100_000_000, -1), -1);
        assert_eq!(fee(199_999_999, -1), -1);
        assert_eq!(fee(12_345, 0), 0);
    }

    #[test]
    fn the_wide_fee_is_the_fee() {
        for notional in [0, 1, 99_999_999, 100_000_000, 12_345_678_901] {
            for rate in [-ONE_E8, -2_000, -1, 0, 1, 5_000, ONE_E8] {
                assert_eq!(wide_fee(notional, rate), fee(notional, rate), "{notional} at {rate}");
            }
        }
        assert_eq!(fee(MAX_TOTAL, ONE_E8), MAX_TOTAL);
        assert_eq!(fee(MAX_TOTAL, -ONE_E8), -MAX_TOTAL);
        assert_eq!(fee(MAX_TOTAL, 3), (3 * i128::from(MAX_TOTAL) / 100_000_000 + 1) as i64);
    }

    #[test]
    fn a_notional_out_of_range_is_none() {
        let spec = ListingSpec::new(1 << 40, 1 << 20, 0, 0, 0).unwrap();
        assert_eq!(spec.notional(1 << 11, 1 << 11), Some(MAX_TOTAL));
        assert_eq!(spec.notional((1 << 11) + 1, 1 << 11), None);
        assert_eq!(spec.notional(1 << 53, 1 << 48), None);
        assert_eq!(spec.base_atoms(1 << 42), Some(MAX_TOTAL));
        assert_eq!(spec.base_atoms((1 << 42) + 1), None);
    }

    #[test]
    fn an_impossible_listing_names_its_field() {
        let error = ListingSpec::new(0, 1, 0, 0, 0).unwrap_err();
        assert_eq!(error.to_string(), format!("listing: tick_lot_atoms is 0, must be from 1 to {MAX_TOTAL}"));
        assert_eq!(ListingSpec::new(1, 1, 0, 0, ONE_E8 + 1).unwrap_err().field, "taker_fee_e8");
        assert_eq!(ListingSpec::new(1, 1, -1, 0, 0).unwrap_err().field, "min_notional_atoms");
    }
}
