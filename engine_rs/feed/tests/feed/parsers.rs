//! Anything may come through a socket: no parser panics, and none of it counts as a book. Ten minutes of it a
//! protocol are in `fuzz`.

use market_feed::grid::Grid;
use market_feed::protocol::{self, Symbols, VENUES};
use proptest::prelude::*;

use crate::world::exchange::{Exchange, LOT, TICK};

pub fn symbols() -> Symbols {
    let grid = || Grid::new(TICK, LOT).unwrap();
    Symbols::new(["AAA", "BBB"].iter().map(|name| ((*name).to_owned(), grid())).collect())
}

/// Messages as a venue writes them.
pub fn messages(name: &str, seed: u64) -> Vec<String> {
    let venue = protocol::venue(name).unwrap();
    let mut exchange = Exchange::new(venue.name, &["AAA", "BBB"], Some(10), seed);
    let mut protocol = (venue.open)(None);
    let mut frames = Vec::new();
    for text in protocol.subscribe(&symbols(), &[0, 1]) {
        frames.extend(exchange.hears(1, &text));
    }
    for _ in 0..20 {
        frames.extend(exchange.changes(0).into_iter().map(|(_, frame)| frame));
    }
    frames.push(exchange.rest("AAA"));
    frames
}

fn read(venue: usize, frame: &str) {
    let mut protocol = (VENUES[venue].open)(None);
    let mut out = Vec::new();
    if protocol.read(frame, &symbols(), &mut out).is_err() {
        assert!(out.is_empty(), "an unusable message is refused whole");
    }
    // A frame cannot say more than its own length holds.
    assert!(out.len() <= frame.len());
    if VENUES[venue].snapshot_by_rest {
        let _ = protocol.read_snapshot(frame, &symbols(), 0);
    }
    let _ = (VENUES[venue].read_instrument)(frame);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn real_messages_with_a_few_bytes_changed(
        venue in 0..VENUES.len(),
        seed in 0u64..1000,
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..6),
    ) {
        let frames = messages(VENUES[venue].name, seed);
        let mut bytes = frames[pick.index(frames.len())].clone().into_bytes();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        read(venue, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn anything_at_all(venue in 0..VENUES.len(), frame in "\\PC{0,200}") {
        read(venue, &frame);
    }

    #[test]
    fn numbers_are_exact_or_refused(whole in 0u64..1_000_000_000, part in 0u32..1000, zeros in 0usize..12) {
        let grid = Grid::new(TICK, LOT).unwrap();
        let text = format!("{whole}.{part:03}{}", "0".repeat(zeros));
        prop_assert_eq!(grid.size(&text).unwrap(), whole as i64 * 1000 + i64::from(part));
        let price = grid.price(&text);
        match part % 10 {
            0 if whole > 0 || part > 0 => prop_assert_eq!(price.unwrap(), whole as i64 * 100 + i64::from(part / 10)),
            _ => prop_assert!(price.is_err()),
        }
    }
}

#[test]
fn arrays_of_a_million_levels_are_read_in_bounded_memory() {
    let levels = "[\"100.00\",\"1\"],".repeat(1_000_000);
    let levels = levels.trim_end_matches(',');
    let frame = format!(r#"{{"e":"depthUpdate","E":1,"s":"AAA","U":1,"u":2,"b":[{levels}],"a":[]}}"#);
    let venue = VENUES.iter().position(|venue| venue.name == "binance").unwrap();
    read(venue, &frame);
    read(venue, &"[".repeat(1_000_000));
    read(venue, &r#"{"a":"#.repeat(500_000));
}
