//! Decimal texts of a feed as whole ticks and lots. Integers all the way: no price ever passes through a float.

use std::fmt;

/// Largest price in ticks and largest size in lots of a book here. The engine takes sizes up to 2^48 lots and refuses
/// more by name; a cheap coin in lots of 1e-8 passes that, and its book can still be followed and proven.
pub const LARGEST_TICKS: i64 = 1 << 53;
pub const LARGEST_LOTS: i64 = 1 << 62;

const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut n = 1;
    while n < 20 {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};
/// More decimals than any venue writes; it also bounds what an exponent can ask for.
const MOST_DECIMALS: i32 = 40;

/// Why a text is no number of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffGrid(pub String);

impl fmt::Display for OffGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A decimal, exactly: `digits` times 10 to the power of minus `decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: u128,
    decimals: i32,
}

/// The number that eight digits at `at` are, all at once: pairs, then fours, then all (Lemire's published method).
fn eight_digits(bytes: &[u8], at: usize) -> Option<u64> {
    let text = u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?);
    let high = 0xf0f0_f0f0_f0f0_f0f0;
    let beyond_nine = (text.wrapping_add(0x0606_0606_0606_0606) & high) >> 4;
    if (text & high) | beyond_nine != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (text & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601) >> 16;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001) >> 32)
}

/// Reads `123`, `1.50`, `4.8E-7`: what a JSON number may be, without a sign. An exponent is read exactly.
fn decimal(text: &[u8]) -> Option<Decimal> {
    let (mut digits, mut decimals, mut seen) = (0u128, 0i32, 0u32);
    let mut point = false;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            digit @ b'0'..=b'9' => {
                if digits > u128::MAX / 100 {
                    return None;
                }
                digits = digits * 10 + u128::from(digit - b'0');
                seen += 1;
                decimals += i32::from(point);
            }
            b'.' if !point && seen > 0 => point = true,
            b'e' | b'E' if seen > 0 => return with_exponent(digits, decimals, &text[at + 1..]),
            _ => return None,
        }
        at += 1;
    }
    (seen > 0).then_some(Decimal { digits, decimals })
}

fn with_exponent(digits: u128, decimals: i32, text: &[u8]) -> Option<Decimal> {
    let exponent: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let decimals = decimals.checked_sub(exponent)?;
    (-MOST_DECIMALS..=MOST_DECIMALS).contains(&decimals).then_some(Decimal { digits, decimals })
}

/// The step of a grid: `mantissa` times 10 to the power of minus `decimals`, without trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    mantissa: u64,
    decimals: u32,
    largest: i64,
    name: &'static str,
    text: String,
}

impl Step {
    fn parse(text: &str, name: &'static str, largest: i64) -> Result<Self, OffGrid> {
        let wrong =
            || OffGrid(format!("{text:?} is no {name}; allowed: a plain decimal above 0, as in 0.01"));
        let mut read = decimal(text.as_bytes()).filter(|read| read.digits > 0).ok_or_else(wrong)?;
        while read.digits % 10 == 0 && read.decimals > 0 {
            read = Decimal { digits: read.digits / 10, decimals: read.decimals - 1 };
        }
        while read.decimals < 0 {
            read = Decimal {
                digits: read.digits.checked_mul(10).ok_or_else(wrong)?,
                decimals: read.decimals + 1,
            };
        }
        if read.decimals > 18 {
            return Err(wrong());
        }
        let mantissa = u64::try_from(read.digits).map_err(|_| wrong())?;
        Ok(Self { mantissa, decimals: read.decimals as u32, largest, name, text: text.to_owned() })
    }

    /// Digits behind the point that a multiple of the step can have.
    pub fn decimals(&self) -> u32 {
        self.decimals
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// `text` as a whole number of steps, 0 included. Nothing is rounded.
    pub fn whole(&self, text: &str) -> Result<i64, OffGrid> {
        match self.take(text.as_bytes(), 0) {
            Some((whole, end)) if end == text.len() => Ok(whole),
            _ => self.exact(text),
        }
    }

    /// The usual number at `at`: digits, a point, digits, and zeros behind those that the step can have. Its whole
    /// number of steps, and where it ends. None sends everything else the careful way.
    pub(crate) fn take(&self, bytes: &[u8], mut at: usize) -> Option<(i64, usize)> {
        let start = at;
        // Wraps only beyond nineteen digits, which is looked at before the number is used.
        let mut units = 0u64;
        let digit = |at: usize, units: &mut u64| {
            let value = bytes.get(at).copied().unwrap_or(b'"').wrapping_sub(b'0');
            let found = value < 10;
            if found {
                *units = units.wrapping_mul(10).wrapping_add(u64::from(value));
            }
            found
        };
        while digit(at, &mut units) {
            at += 1;
        }
        let whole_digits = at - start;
        let mut missing = self.decimals as usize;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            if missing >= 8 {
                if let Some(eight) = eight_digits(bytes, at) {
                    units = units.wrapping_mul(100_000_000).wrapping_add(eight);
                    at += 8;
                    missing -= 8;
                }
            }
            while missing > 0 && digit(at, &mut units) {
                at += 1;
                missing -= 1;
            }
            // Eight decimals of which two count is how many a price is written.
            if bytes.get(at..at + 6) == Some(b"000000") {
                at += 6;
            }
            while bytes.get(at) == Some(&b'0') {
                at += 1;
            }
        }
        if whole_digits == 0 || whole_digits + self.decimals as usize - missing > 19 {
            return None;
        }
        if missing > 0 {
            units = units.checked_mul(POWERS[missing])?;
        }
        if self.mantissa != 1 {
            units = (units % self.mantissa == 0).then(|| units / self.mantissa)?;
        }
        i64::try_from(units).ok().filter(|&whole| whole <= self.largest).map(|whole| (whole, at))
    }

    fn exact(&self, text: &str) -> Result<i64, OffGrid> {
        let shown: String = text.chars().take(40).collect();
        let read = decimal(text.as_bytes()).ok_or_else(|| {
            OffGrid(format!(
                "{shown:?} is no decimal of 0 or more, so it has no whole number of {}s",
                self.name
            ))
        })?;
        let off = || OffGrid(format!("{shown} is no whole multiple of the {} {}", self.name, self.text));
        let large =
            || OffGrid(format!("{shown} is more than {} {}s of {}", self.largest, self.name, self.text));
        if read.digits == 0 {
            return Ok(0);
        }
        let shift = self.decimals as i32 - read.decimals;
        let power = 10u128
            .checked_pow(shift.unsigned_abs())
            .ok_or_else(|| if shift > 0 { large() } else { off() })?;
        let units = if shift >= 0 {
            read.digits.checked_mul(power).ok_or_else(large)?
        } else if read.digits % power == 0 {
            read.digits / power
        } else {
            return Err(off());
        };
        if units % u128::from(self.mantissa) != 0 {
            return Err(off());
        }
        i64::try_from(units / u128::from(self.mantissa))
            .ok()
            .filter(|&whole| whole <= self.largest)
            .ok_or_else(large)
    }

    /// `whole` steps in units of 10 to the power of minus `decimals`; None if that is no whole number.
    pub fn scaled(&self, whole: i64, decimals: u32) -> Option<u128> {
        let units = u128::try_from(whole).ok()? * u128::from(self.mantissa);
        if decimals >= self.decimals {
            return units.checked_mul(10u128.checked_pow(decimals - self.decimals)?);
        }
        let power = 10u128.checked_pow(self.decimals - decimals)?;
        (units % power == 0).then(|| units / power)
    }

    /// `whole` steps as the shortest plain decimal: no trailing zeros, no point where there is nothing behind it.
    pub fn shortest(&self, whole: i64) -> String {
        let units = i128::from(whole) * i128::from(self.mantissa);
        let power = i128::from(POWERS[self.decimals as usize]);
        let (front, back) = (units / power, units % power);
        if back == 0 {
            return front.to_string();
        }
        let back = format!("{back:0width$}", width = self.decimals as usize);
        format!("{front}.{}", back.trim_end_matches('0'))
    }
}

/// The price and size steps of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    pub tick: Step,
    pub lot: Step,
}

impl Grid {
    /// From decimal texts, as in `Grid::new("0.01", "0.00000001")`.
    pub fn new(tick: &str, lot: &str) -> Result<Self, OffGrid> {
        Ok(Self {
            tick: Step::parse(tick, "tick", LARGEST_TICKS)?,
            lot: Step::parse(lot, "lot", LARGEST_LOTS)?,
        })
    }

    /// A price, which is above 0.
    pub fn price(&self, text: &str) -> Result<i64, OffGrid> {
        match self.tick.whole(text)? {
            0 => Err(OffGrid("a price of 0".to_owned())),
            ticks => Ok(ticks),
        }
    }

    pub fn size(&self, text: &str) -> Result<i64, OffGrid> {
        self.lot.whole(text)
    }

    pub fn level(&self, price: &str, size: &str) -> Result<(i64, i64), OffGrid> {
        Ok((self.price(price)?, self.size(size)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::draws;

    fn grid() -> Grid {
        Grid::new("0.01", "0.00000001").unwrap()
    }

    #[test]
    fn texts_are_exact_whatever_their_spelling() {
        let grid = grid();
        for (text, ticks) in
            [("61837.63000000", 6_183_763), ("61837.6", 6_183_760), ("0.01", 1), ("1e2", 10_000)]
        {
            assert_eq!(grid.price(text), Ok(ticks), "{text}");
        }
        for (text, lots) in [("0.00000000", 0), ("4.8E-7", 48), ("1.00000001", 100_000_001), ("0e5", 0)] {
            assert_eq!(grid.size(text), Ok(lots), "{text}");
        }
        assert_eq!(grid.size("1.000000010000000000000000"), Ok(100_000_001));
    }

    #[test]
    fn what_is_read_at_once_is_what_is_read_with_care() {
        let mut next = draws(3);
        let steps = [("0.01", "0.00000001"), ("0.0000000001", "0.000000001"), ("0.25", "1")];
        for _ in 0..60_000 {
            let (tick, lot) = steps[next(3) as usize];
            let grid = Grid::new(tick, lot).unwrap();
            let length = next(22) as usize;
            let text: String =
                (0..length).map(|_| b"0000123456789.....9/:-e"[next(23) as usize] as char).collect();
            for step in [&grid.tick, &grid.lot] {
                if let Some((whole, end)) = step.take(text.as_bytes(), 0) {
                    assert_eq!(step.exact(&text[..end]), Ok(whole), "{text} in steps of {}", step.text());
                }
                assert_eq!(step.whole(&text), step.exact(&text), "{text} in steps of {}", step.text());
            }
        }
    }

    #[test]
    fn what_is_no_multiple_is_refused_with_the_grid_in_the_message() {
        let grid = grid();
        for text in [
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1.2.3",
            "NaN",
            "1e400",
            "1e-400",
            "1e",
            "0x10",
            "61837.634",
            "1,5",
            " 1",
        ] {
            assert!(grid.price(text).is_err(), "{text}");
        }
        assert!(grid.price("0.00").unwrap_err().0.contains("price of 0"));
        assert!(grid.price("1.005").unwrap_err().0.contains("tick 0.01"));
        assert!(grid.price("99999999999999999999").unwrap_err().0.contains("more than"));
        assert_eq!(grid.size("46116860184.27387904"), Ok(1 << 62));
        assert!(grid.size("46116860184.27387905").unwrap_err().0.contains("more than"));
    }

    #[test]
    fn steps_need_not_be_powers_of_ten() {
        let grid = Grid::new("0.25", "5").unwrap();
        assert_eq!(grid.level("100.75", "15"), Ok((403, 3)));
        assert!(grid.level("100.80", "15").is_err());
        assert!(grid.level("100.75", "16").is_err());
        assert_eq!(grid.tick.shortest(403), "100.75");
        assert_eq!(grid.tick.scaled(402, 1), Some(1005));
        assert_eq!(grid.tick.scaled(403, 1), None);
        for wrong in ["0", "", "-0.1", "x", "0.0000000000000000001"] {
            assert!(Grid::new(wrong, "1").is_err(), "{wrong}");
        }
    }
}
