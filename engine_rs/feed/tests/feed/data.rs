//! Recorded messages of real exchanges, where MARKET_SIM_DATA names a folder that has them.

use std::fs;
use std::path::PathBuf;

use market_feed::book::Book;
use market_feed::grid::Grid;
use market_feed::protocol::{self, Message, Symbols};

/// The file, or None with a word why.
fn recorded(name: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = std::env::var_os("MARKET_SIM_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(std::env::var_os("MARKET_SIM_DATA").is_none(), "{name} in MARKET_SIM_DATA: {error}");
            say(&format!("skipped, no {name} beside the checkout: {error}"));
            None
        }
    }
}

#[allow(clippy::disallowed_macros, clippy::print_stderr, reason = "a test that does not run says why")]
fn say(why: &str) {
    eprintln!("{why}");
}

/// (right, wrong) checksums over all frames.
fn checksums(
    venue: &str,
    names: &[&str],
    frames: impl Iterator<Item = String>,
    depth: Option<usize>,
) -> (u64, u64) {
    let venue = protocol::venue(venue).unwrap();
    // As fine as any of them needs; in dollars an order far away is too many such ticks.
    let tick = |name: &str| if name.ends_with("/BTC") { "0.0000000001" } else { "0.000001" };
    let grid = |name: &str| Grid::new(tick(name), "0.00000001").unwrap();
    let symbols = Symbols::new(names.iter().map(|name| ((*name).to_owned(), grid(name))).collect());
    let mut protocol = (venue.open)(None);
    let mut books = vec![Book::new(depth); names.len()];
    let (mut right, mut wrong) = (0, 0);
    for frame in frames {
        let mut said = Vec::new();
        protocol
            .read(&frame, &symbols, &mut said)
            .unwrap_or_else(|reject| panic!("{reject:?}: {frame:.200}"));
        for message in said {
            let Message::Book(sub, update) = message else { continue };
            let book = &mut books[sub];
            if update.snapshot {
                book.reset(&update.bids, &update.asks, update.known);
            } else {
                book.apply(update.bids.clone(), update.asks.clone());
            }
            match protocol.checksum(&symbols, sub, book, &update) {
                Some(true) => right += 1,
                Some(false) => wrong += 1,
                None => {}
            }
        }
    }
    (right, wrong)
}

#[test]
fn every_checksum_of_the_kraken_recording_is_right() {
    let Some(text) = recorded("kraken/kraken_v2_from_v1.jsonl") else { return };
    let names = ["ADA/BTC", "OCEAN/BTC", "ETH/CHF", "KSM/BTC", "XMR/USD", "WAVES/EUR"];
    let (right, wrong) = checksums("kraken", &names, text.lines().map(str::to_owned), Some(1000));
    assert!(right > 1000, "{right}");
    assert_eq!(wrong, 0);
}

#[test]
fn every_checksum_of_the_okx_recording_is_right() {
    let Some(text) = recorded("okx/okx_books.log") else { return };
    let frames = text.lines().filter_map(|line| line.split_once(": ").map(|(_, frame)| frame));
    let frames =
        frames.filter(|frame| frame.starts_with('{') && frame.contains("\"arg\"")).map(str::to_owned);
    let names = ["BTC-USD-220527", "UNI-USD-SWAP", "BTC-USDT"];
    let (right, wrong) = checksums("okx", &names, frames, None);
    assert_eq!((right, wrong), (290, 0));
}
