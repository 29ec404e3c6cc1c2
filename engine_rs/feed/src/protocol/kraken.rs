//! Kraken WebSocket v2: the snapshot in band, and a CRC-32 of the best ten levels with every message.
//!
//! Source: Kraken API documentation, "Book (Level 2)" and "Spot WebSockets v2 book checksum". Updates carry no
//! number, so the checksum alone proves that nothing is missing. Prices and sizes are JSON numbers; their text
//! is read, trailing zeros and all, because the checksum runs over the digits at full precision.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    BookUpdate, Channel, Continuity, KeepAlive, Message, Protocol, Reject, Symbols, Venue, shown, step_of,
};
use crate::book::{Book, Level};
use crate::event::{Aggressor, Trade, TradeId};
use crate::grid::{Grid, OffGrid};
use crate::stamp;

/// Levels a side that the checksum covers.
const CHECKED_LEVELS: usize = 10;

pub const VENUE: Venue = Venue {
    name: "kraken",
    ws_url: "wss://ws.kraken.com/v2",
    rest_url: "https://api.kraken.com",
    keep_alive: KeepAlive::Quiet(15_000_000_000),
    default_depth: Some(1000),
    depths: &[10, 25, 100, 500, 1000],
    snapshot_by_rest: false,
    snapshot_weight: |_| 0,
    window: true,
    connection_sequence: false,
    trade_ids_have_no_holes: false,
    checksum_is_only_proof: true,
    may_be_crossed: false,
    open: |depth| Box::new(Kraken { depth: depth.unwrap_or(1000), requests: 0, decimals: Vec::new() }),
    instrument_path: |symbol| format!("/0/public/AssetPairs?pair={symbol}"),
    read_instrument,
};

struct Kraken {
    depth: usize,
    requests: u64,
    /// Most decimals that prices and sizes of each symbol have had: the precision of the pair.
    decimals: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(rename = "Error", borrow)]
    rate_error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    result: Option<Subscribed<'a>>,
}

#[derive(Deserialize)]
struct Subscribed<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct BookData<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    bids: Vec<NumberLevel<'a>>,
    #[serde(borrow, default)]
    asks: Vec<NumberLevel<'a>>,
    checksum: Option<u32>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct NumberLevel<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

#[derive(Deserialize)]
struct TradeData<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    trade_id: u64,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    system: Option<Cow<'a, str>>,
}

/// Digits behind the point of a number's text.
fn decimals_of(text: &str) -> u32 {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let behind = number.split_once('.').map_or(0, |(_, behind)| behind.len() as i64);
    (behind - exponent.parse::<i64>().unwrap_or(0)).clamp(0, 40) as u32
}

fn finer(most: &mut (u32, u32), price: &str, size: &str) {
    *most = (most.0.max(decimals_of(price)), most.1.max(decimals_of(size)));
}

fn side(levels: &[NumberLevel], grid: &Grid) -> Result<Vec<Level>, OffGrid> {
    levels.iter().map(|level| grid.level(level.price.get(), level.qty.get())).collect()
}

impl Kraken {
    fn request(&mut self, method: &str, channel: &str, names: &[&str]) -> String {
        self.requests += 1;
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let more = match (channel, method) {
            ("book", "subscribe") => format!(r#","depth":{},"snapshot":true"#, self.depth),
            ("book", _) => format!(r#","depth":{}"#, self.depth),
            (_, "subscribe") => r#","snapshot":false"#.to_owned(),
            _ => String::new(),
        };
        format!(
            r#"{{"method":"{method}","params":{{"channel":"{channel}","symbol":[{}]{more}}},"req_id":{}}}"#,
            names.join(","),
            self.requests
        )
    }

    fn precision(&mut self, sub: usize) -> &mut (u32, u32) {
        if self.decimals.len() <= sub {
            self.decimals.resize(sub + 1, (0, 0));
        }
        &mut self.decimals[sub]
    }

    fn books(&mut self, data: &str, snapshot: bool, symbols: &Symbols) -> Result<Vec<Message>, Reject> {
        let books: Vec<BookData> = serde_json::from_str(data)
            .map_err(|error| concerned(data, symbols, Reject::book, error.to_string()))?;
        let mut said = Vec::with_capacity(books.len());
        for book in &books {
            let Some(sub) = symbols.find(&book.symbol) else { continue };
            let grid = symbols.grid(sub);
            let bids = side(&book.bids, grid).map_err(|error| Reject::book(sub, error))?;
            let asks = side(&book.asks, grid).map_err(|error| Reject::book(sub, error))?;
            // Only now: a message that is refused must not pass for the pair's precision.
            let most = self.precision(sub);
            book.bids
                .iter()
                .chain(&book.asks)
                .for_each(|level| finer(most, level.price.get(), level.qty.get()));
            let venue_ns = book.timestamp.as_deref().and_then(stamp::rfc3339);
            let update = BookUpdate {
                snapshot,
                venue_ns,
                bids,
                asks,
                checksum: book.checksum,
                ..BookUpdate::default()
            };
            said.push(Message::Book(sub, update));
        }
        Ok(said)
    }
}

/// Whom data concern that have a symbol but not the right form.
fn concerned(data: &str, symbols: &Symbols, reject: fn(usize, String) -> Reject, error: String) -> Reject {
    let named: Vec<Named> = serde_json::from_str(data).unwrap_or_default();
    let mut subs = named.iter().filter_map(|named| symbols.find(named.symbol.as_deref()?));
    match (subs.next(), subs.next()) {
        (Some(sub), None) => reject(sub, error),
        _ => Reject::connection(error),
    }
}

fn trades(data: &str, past: bool, symbols: &Symbols) -> Result<Vec<Message>, Reject> {
    let read: Vec<TradeData> = serde_json::from_str(data)
        .map_err(|error| concerned(data, symbols, Reject::trades, error.to_string()))?;
    let mut said: Vec<Message> = Vec::new();
    for trade in &read {
        let Some(sub) = symbols.find(&trade.symbol) else { continue };
        let (price, size) = symbols
            .grid(sub)
            .level(trade.price.get(), trade.qty.get())
            .map_err(|error| Reject::trades(sub, error))?;
        let aggressor = match &*trade.side {
            "buy" => Aggressor::Buyer,
            "sell" => Aggressor::Seller,
            other => return Err(Reject::trades(sub, format!("side {:?}", shown(other)))),
        };
        let venue_ns = trade.timestamp.as_deref().and_then(stamp::rfc3339);
        let trade = Trade { venue_ns, id: TradeId::Number(trade.trade_id), aggressor, price, size };
        match said.last_mut() {
            Some(Message::Trades { sub: last, trades, .. }) if *last == sub => trades.push(trade),
            _ => said.push(Message::Trades { sub, past, trades: vec![trade] }),
        }
    }
    Ok(said)
}

fn reply(frame: &Frame, symbols: &Symbols) -> Option<Message> {
    if frame.method.as_deref() != Some("subscribe") {
        return None;
    }
    let result = frame.result.as_ref();
    let name = frame.symbol.as_deref().or_else(|| result?.symbol.as_deref());
    let sub = name.and_then(|name| symbols.find(name));
    if frame.success == Some(false) {
        let why = frame.error.as_deref().unwrap_or("no reason given");
        // "Already subscribed" is what a repeated request gets; the data come as before.
        return (!why.starts_with("Already")).then(|| Message::Refused(sub, shown(why)));
    }
    let channel = match result?.channel.as_deref() {
        Some("book") => Channel::Book,
        Some("trade") => Channel::Trades,
        _ => return None,
    };
    Some(Message::Ack(Some(sub?), Some(channel)))
}

fn status(data: &str) -> Option<Message> {
    let status: Vec<Status> = serde_json::from_str(data).ok()?;
    let system = status.first()?.system.as_deref()?;
    Some(Message::Trouble((system == "maintenance").then(|| "the venue is in maintenance".to_owned())))
}

impl Protocol for Kraken {
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String> {
        let names: Vec<&str> = subs.iter().map(|&sub| symbols.name(sub)).collect();
        ["book", "trade"].map(|channel| self.request("subscribe", channel, &names)).into()
    }

    fn resubscribe(&mut self, symbols: &Symbols, sub: usize) -> Vec<String> {
        let name = [symbols.name(sub)];
        ["unsubscribe", "subscribe"].map(|method| self.request(method, "book", &name)).into()
    }

    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject> {
        let read: Frame = serde_json::from_str(frame).map_err(Reject::connection)?;
        let past = read.kind.as_deref() == Some("snapshot");
        match (read.channel.as_deref(), read.data) {
            (Some("book"), Some(data)) => out.extend(self.books(data.get(), past, symbols)?),
            (Some("trade"), Some(data)) => out.extend(trades(data.get(), past, symbols)?),
            (Some("status"), Some(data)) => out.extend(status(data.get())),
            (Some("book" | "trade"), None) => return Err(Reject::connection("a message without data")),
            _ => out.extend(reply(&read, symbols)),
        }
        out.extend(read.rate_error.map(|text| Message::Refused(None, shown(&text))));
        Ok(())
    }

    fn continuity(&self, _last_id: u64, _update: &BookUpdate) -> Continuity {
        Continuity::Next
    }

    fn checksum(&self, symbols: &Symbols, sub: usize, book: &Book, update: &BookUpdate) -> Option<bool> {
        let expected = update.checksum?;
        let decimals = self.decimals.get(sub).copied().unwrap_or_default();
        Some(checksum(book, symbols.grid(sub), decimals) == Some(expected))
    }

    fn ping(&mut self) -> Option<String> {
        self.requests += 1;
        Some(format!(r#"{{"method":"ping","req_id":{}}}"#, self.requests))
    }
}

/// CRC-32 over the digits of the ten best asks, then bids, price before size; without points and leading zeros,
/// which is how a whole number at the pair's precision is written. None if a level has no such number.
fn checksum(book: &Book, grid: &Grid, (price_decimals, size_decimals): (u32, u32)) -> Option<u32> {
    use std::io::Write;
    let mut digits = Vec::with_capacity(2 * CHECKED_LEVELS * 24);
    for (price, size) in book.asks().take(CHECKED_LEVELS).chain(book.bids().take(CHECKED_LEVELS)) {
        let (price, size) = (grid.tick.scaled(price, price_decimals)?, grid.lot.scaled(size, size_decimals)?);
        write!(digits, "{price}{size}").expect("memory takes everything");
    }
    Some(crc32fast::hash(&digits))
}

#[derive(Deserialize)]
struct Pairs {
    #[serde(default)]
    error: Vec<String>,
    #[serde(default)]
    result: std::collections::BTreeMap<String, Pair>,
}

#[derive(Deserialize)]
struct Pair {
    tick_size: Option<String>,
    pair_decimals: u32,
    lot_decimals: u32,
}

fn read_instrument(body: &str) -> Result<(String, String), Reject> {
    let read: Pairs = serde_json::from_str(body).map_err(Reject::connection)?;
    let pair = read.result.into_values().next();
    let pair = pair.ok_or_else(|| Reject::connection(format!("no pair in the answer {:?}", read.error)))?;
    if pair.pair_decimals > 18 || pair.lot_decimals > 18 {
        return Err(Reject::connection("more than 18 decimals"));
    }
    Ok((pair.tick_size.unwrap_or_else(|| step_of(pair.pair_decimals)), step_of(pair.lot_decimals)))
}

#[cfg(test)]
mod tests {
    use super::super::kit::{opened, read};
    use super::*;
    use crate::protocol::Concerns;

    const ASKS: &str = "45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660 \
        45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827";
    const BIDS: &str = "45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586 \
        45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238";

    fn side(text: &str) -> String {
        let level = |pair: &str| {
            let (price, qty) = pair.split_once('/').unwrap();
            format!(r#"{{"price":{price},"qty":{qty}}}"#)
        };
        text.split_whitespace().map(level).collect::<Vec<_>>().join(",")
    }

    fn message(kind: &str, bids: &str, asks: &str, checksum: u32) -> String {
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{}],"asks":[{}],"checksum":{checksum},"timestamp":"2023-10-06T17:35:55.440295Z"}}]}}"#,
            side(bids),
            side(asks)
        )
    }

    /// Whether the protocol finds the checksums of these messages right, one after the other, on one book.
    fn verdicts(tick: &str, lot: &str, messages: &[String]) -> Vec<Option<bool>> {
        let (mut protocol, symbols) = opened(&VENUE, "BTC/USD", tick, lot);
        let mut book = Book::new(Some(10));
        let mut verdict = |frame: &String| {
            let said = read(&mut *protocol, &symbols, frame).unwrap();
            let [Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
            if update.snapshot {
                book.reset(&update.bids, &update.asks, update.known);
            } else {
                book.apply(update.bids.clone(), update.asks.clone());
            }
            protocol.checksum(&symbols, 0, &book, update)
        };
        messages.iter().map(&mut verdict).collect()
    }

    #[test]
    fn the_published_checksum_and_one_derived_from_it() {
        let update = "45283.5/0.25000000 45282.1/0.00000000 45276.5/0.01000000";
        let messages =
            [message("snapshot", BIDS, ASKS, 3_310_070_434), message("update", update, "", 2_434_760_957)];
        // The listing's own grid may be finer or coarser than the pair's precision; the digits stay the pair's.
        for (tick, lot) in [("0.1", "0.00000001"), ("0.01", "0.0000000001")] {
            assert_eq!(verdicts(tick, lot, &messages), [Some(true), Some(true)]);
        }
        let wrong = [
            message("snapshot", BIDS, ASKS, 3_310_070_435),
            message("update", "45283.5/0.2", "", 2_434_760_957),
        ];
        assert_eq!(verdicts("0.1", "0.00000001", &wrong), [Some(false), Some(false)]);
    }

    #[test]
    fn digits_without_their_trailing_zeros_have_another_checksum() {
        let short = |text: &str| {
            let level = |pair: &str| pair.trim_end_matches('0').trim_end_matches('.').to_owned();
            text.split_whitespace().map(level).collect::<Vec<_>>().join(" ")
        };
        let messages = [message("snapshot", &short(BIDS), &short(ASKS), 3_310_070_434)];
        // Sizes still show eight decimals somewhere, so the pair's precision is known and the digits are whole.
        assert_eq!(verdicts("0.1", "0.00000001", &messages), [Some(true)]);
        let mut book = Book::new(Some(10));
        let grid = Grid::new("0.1", "0.00000001").unwrap();
        book.reset(&[(452_835, 10_000_000)], &[], Default::default());
        assert_eq!(checksum(&book, &grid, (1, 8)), Some(crc32fast::hash(b"45283510000000")));
        assert_ne!(checksum(&book, &grid, (1, 8)), checksum(&book, &grid, (1, 1)));
    }

    #[test]
    fn replies_and_status() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC/USD", "0.1", "0.00000001");
        let mut one = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap();
        let ack = r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"req_id":1}"#;
        assert_eq!(one(ack), [Message::Ack(Some(0), Some(Channel::Book))]);
        let refusal = r#"{"error":"Currency pair not supported XX/YY","method":"subscribe","success":false,"symbol":"BTC/USD"}"#;
        assert!(matches!(&one(refusal)[..], [Message::Refused(Some(0), why)] if why.contains("XX/YY")));
        let status =
            r#"{"channel":"status","type":"update","data":[{"system":"maintenance","api_version":"v2"}]}"#;
        assert!(matches!(&one(status)[..], [Message::Trouble(Some(_))]));
        assert_eq!(one(&status.replace("maintenance", "online")), [Message::Trouble(None)]);
        assert_eq!(one(r#"{"channel":"heartbeat"}"#), []);
        assert_eq!(one(r#"{"method":"pong","req_id":101}"#), []);
        assert!(matches!(&one(r#"{"Error":"Exceeded msg rate"}"#)[..], [Message::Refused(None, _)]));
    }

    #[test]
    fn trades_name_the_taker_and_the_past_is_marked() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC/USD", "0.01", "0.00000001");
        let frame = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2025-06-05T10:00:00.5Z"}]}"#;
        let said = read(&mut *protocol, &symbols, frame).unwrap();
        let [Message::Trades { sub: 0, past: false, trades }] = &said[..] else { panic!("{said:?}") };
        assert_eq!(
            (trades[0].aggressor, trades[0].price, trades[0].size),
            (Aggressor::Buyer, 10_594_420, 27_625)
        );
        let past = read(&mut *protocol, &symbols, &frame.replace("update", "snapshot")).unwrap();
        assert!(matches!(&past[..], [Message::Trades { past: true, .. }]));
        let reject = read(&mut *protocol, &symbols, &frame.replace("\"buy\"", "\"maybe\"")).unwrap_err();
        assert_eq!(reject.concerns, Concerns::Trades(0));
    }

    #[test]
    fn what_is_wrong_in_a_book_concerns_it() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC/USD", "0.1", "0.00000001");
        let good = message("update", "45283.5/0.25000000", "", 1);
        for (from, to) in [
            ("45283.5", "45283.55"),
            ("45283.5", "\"45283.5\""),
            ("45283.5", "null"),
            ("45283.5", "-1"),
            ("0.25000000", "1e400"),
            (r#""qty""#, r#""quantity""#),
            (r#""checksum":1"#, r#""checksum":4294967296"#),
        ] {
            let reject = read(&mut *protocol, &symbols, &good.replace(from, to)).unwrap_err();
            assert_eq!(reject.concerns, Concerns::Book(0), "{from} -> {to}: {}", reject.why);
        }
        assert_eq!(read(&mut *protocol, &symbols, "{").unwrap_err().concerns, Concerns::Connection);
    }

    #[test]
    fn tick_and_lot() {
        let body =
            r#"{"error":[],"result":{"XXBTZUSD":{"pair_decimals":1,"lot_decimals":8,"tick_size":"0.1"}}}"#;
        assert_eq!(read_instrument(body).unwrap(), ("0.1".to_owned(), "0.00000001".to_owned()));
        let reject = read_instrument(r#"{"error":["EQuery:Unknown asset pair"]}"#).unwrap_err();
        assert!(reject.why.contains("Unknown asset pair"));
    }
}
