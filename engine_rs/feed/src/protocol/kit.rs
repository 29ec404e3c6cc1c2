//! What the tests of every protocol need.

use super::{Message, Protocol, Reject, Symbols, Venue};
use crate::grid::Grid;

pub fn opened(venue: &Venue, symbol: &str, tick: &str, lot: &str) -> (Box<dyn Protocol>, Symbols) {
    let symbols = Symbols::new(vec![(symbol.to_owned(), Grid::new(tick, lot).unwrap())]);
    ((venue.open)(venue.default_depth), symbols)
}

pub fn read(protocol: &mut dyn Protocol, symbols: &Symbols, frame: &str) -> Result<Vec<Message>, Reject> {
    let mut out = Vec::new();
    protocol.read(frame, symbols, &mut out).map(|()| out)
}
