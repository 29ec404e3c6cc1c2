//! What holds for a sweep beyond price and time.

use crate::policy::Shares;
use crate::types::{OrderId, Side, Ticks};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Orders at one price share by size; `None`: first in, first out.
    pub shares: Option<Shares>,
    /// The order that bettered the price of the side which the sweep meets.
    pub top: Option<OrderId>,
    pub band: Band,
}

/// The prices at which a listing trades continuously; beyond them it halts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Band {
    /// Half its width, in hundredths of a per cent of its middle; 0: there is no band.
    pub bps: i64,
    /// `None` until the first print.
    pub middle: Option<Ticks>,
}

impl Band {
    /// The last price at which an order of this side trades; `None`: any.
    pub fn edge(&self, side: Side) -> Option<Ticks> {
        let middle = self.middle.filter(|_| self.bps > 0)?;
        let width = (i128::from(middle) * i128::from(self.bps) / 10_000) as Ticks;
        Some(if side == Side::Buy { middle + width } else { middle - width })
    }

    pub fn allows(&self, price: Ticks) -> bool {
        let edges = self.edge(Side::Sell).zip(self.edge(Side::Buy));
        edges.is_none_or(|(low, high)| (low..=high).contains(&price))
    }

    /// A limit, or the edge of the band where that is nearer.
    pub fn within(&self, side: Side, limit: Option<Ticks>) -> Option<Ticks> {
        match (self.edge(side), limit) {
            (Some(edge), Some(limit)) if side.better(limit, edge) => Some(edge),
            (Some(edge), None) => Some(edge),
            _ => limit,
        }
    }

    /// The first print stands in for a price that nobody has named.
    pub fn note_print(&mut self, price: Ticks) {
        if self.bps > 0 {
            self.middle.get_or_insert(price);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MAX_PRICE;

    #[test]
    fn a_band_reaches_as_far_as_its_width_rounded_down() {
        let band = Band { bps: 150, middle: Some(333) };
        assert_eq!((band.edge(Side::Sell), band.edge(Side::Buy)), (Some(329), Some(337)));
        assert!(band.allows(329) && band.allows(337) && !band.allows(328) && !band.allows(338));
        assert_eq!(band.within(Side::Buy, Some(400)), Some(337));
        assert_eq!(band.within(Side::Sell, Some(335)), Some(335));
        assert_eq!(band.within(Side::Sell, None), Some(329));
    }

    #[test]
    fn a_band_without_a_middle_or_a_width_allows_all() {
        let mut band = Band { bps: 0, middle: Some(100) };
        assert!(band.allows(MAX_PRICE) && band.within(Side::Buy, None).is_none());
        band = Band { bps: 10_000, middle: None };
        assert!(band.allows(1));
        band.note_print(MAX_PRICE);
        assert_eq!(band.edge(Side::Buy), Some(2 * MAX_PRICE));
    }
}
