//! Binance spot: diffs with a range of ids per symbol, the beginning by REST.
//!
//! Source: Binance spot documentation, "WebSocket Streams" and "How to manage a local order book correctly".
//! A diff of ids `U..=u` is old if `u` is at most the book's id, and leaves a gap if `U` is above the next id;
//! every other one applies. A symbol that does not exist is answered with silence.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BookUpdate, Continuity, KeepAlive, Message, Protocol, Reject, Symbols, Venue, levels, shown};
use crate::book::{Known, Level};
use crate::event::{Aggressor, Trade, TradeId};
use crate::stamp;

/// REST gives no more levels a side than this.
const DEEPEST: usize = 5000;
/// Numbers of levels at which REST cuts a book: one that has exactly so many may go on.
const CUTS: [usize; 4] = [100, 500, 1000, DEEPEST];
/// Streams in one request; the limit of messages a second counts requests.
const STREAMS_A_REQUEST: usize = 200;

pub const VENUE: Venue = Venue {
    name: "binance",
    ws_url: "wss://data-stream.binance.vision/stream",
    rest_url: "https://data-api.binance.vision",
    keep_alive: KeepAlive::Frame(15_000_000_000),
    default_depth: Some(DEEPEST),
    depths: &[],
    snapshot_by_rest: true,
    snapshot_weight: |depth| weight(depth.unwrap_or(DEEPEST)),
    window: false,
    connection_sequence: false,
    trade_ids_have_no_holes: true,
    checksum_is_only_proof: false,
    may_be_crossed: false,
    open: |depth| Box::new(Binance { limit: depth.unwrap_or(DEEPEST).min(DEEPEST), requests: 0 }),
    instrument_path: |symbol| format!("/api/v3/exchangeInfo?symbol={symbol}"),
    read_instrument,
};

/// Of the 6,000 a minute that an address may spend.
fn weight(levels: usize) -> u64 {
    match levels {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}

struct Binance {
    limit: usize,
    requests: u64,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    id: Option<u64>,
    code: Option<i64>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Every field that a diff or a trade may have; other events use some of the letters for other things.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "fields differ by their case only")]
struct Data<'a> {
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    E: Option<u64>,
    U: Option<u64>,
    u: Option<u64>,
    pu: Option<u64>,
    #[serde(borrow)]
    b: Option<&'a RawValue>,
    #[serde(borrow)]
    a: Option<&'a RawValue>,
    t: Option<u64>,
    T: Option<u64>,
    #[serde(borrow)]
    p: Option<Cow<'a, str>>,
    #[serde(borrow)]
    q: Option<Cow<'a, str>>,
    m: Option<bool>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot<'a> {
    last_update_id: u64,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    asks: &'a RawValue,
}

impl Binance {
    fn subscription(&mut self, streams: &[String]) -> String {
        self.requests += 1;
        let streams: Vec<String> = streams.iter().map(|stream| format!("{stream:?}")).collect();
        format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":{}}}"#, streams.join(","), self.requests)
    }
}

impl Protocol for Binance {
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String> {
        let streams: Vec<String> = subs
            .iter()
            .map(|&sub| symbols.name(sub).to_lowercase())
            .flat_map(|name| [format!("{name}@depth@100ms"), format!("{name}@trade")])
            .collect();
        streams.chunks(STREAMS_A_REQUEST).map(|chunk| self.subscription(chunk)).collect()
    }

    fn resubscribe(&mut self, _symbols: &Symbols, _sub: usize) -> Vec<String> {
        Vec::new()
    }

    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject> {
        if let Some(diff) = usual_diff(frame, symbols) {
            out.push(diff);
            return Ok(());
        }
        let outer: Frame = serde_json::from_str(frame).map_err(Reject::connection)?;
        if outer.stream.as_deref() == Some("!serverShutdown") {
            out.push(Message::ReconnectSoon("server shutdown".to_owned()));
        } else if let Some(error) = outer.error {
            out.push(Message::Refused(None, shown(error.get())));
        } else if let (Some(code), Some(text)) = (outer.code, &outer.msg) {
            out.push(Message::Refused(None, format!("code {code}: {}", shown(text))));
        } else if outer.id.is_some() && outer.data.is_none() {
            out.push(Message::Ack(None, None));
        } else {
            out.extend(event(outer.data.map_or(frame, RawValue::get), symbols)?);
        }
        Ok(())
    }

    fn continuity(&self, last_id: u64, update: &BookUpdate) -> Continuity {
        if update.last_id <= last_id {
            Continuity::Old
        } else if update.first_id > last_id.saturating_add(1) {
            Continuity::Gap(Some((last_id.saturating_add(1), update.first_id - 1)))
        } else {
            Continuity::Next
        }
    }

    fn snapshot_path(&self, symbol: &str) -> String {
        format!("/api/v3/depth?symbol={symbol}&limit={}", self.limit)
    }

    fn read_snapshot(&self, body: &str, symbols: &Symbols, sub: usize) -> Result<BookUpdate, Reject> {
        let read: Snapshot = serde_json::from_str(body)
            .map_err(|error| Reject::book(sub, format!("no order book in the answer ({error})")))?;
        let (bids, asks) = (side(read.bids, symbols, sub)?, side(read.asks, symbols, sub)?);
        let last = |levels: &[Level]| {
            let cut = levels.len() >= self.limit || CUTS.contains(&levels.len());
            levels.last().filter(|_| cut).map(|&(price, _)| price)
        };
        let known = Known { low: last(&bids), high: last(&asks) };
        let id = read.last_update_id;
        Ok(BookUpdate {
            snapshot: true,
            first_id: id,
            last_id: id,
            bids,
            asks,
            known,
            ..BookUpdate::default()
        })
    }
}

const PREFIX: &[u8] = br#"{"stream":""#;

/// A diff written exactly as Binance writes it, read in one pass; None for everything else, which is read as any
/// JSON. Most of the bytes of a stream are these.
fn usual_diff(frame: &str, symbols: &Symbols) -> Option<Message> {
    let bytes = frame.as_bytes();
    let (at, wrapped) = match bytes.strip_prefix(PREFIX) {
        // A name without marks that could be an escape, or the notice of a shutdown.
        Some(rest) => {
            let name =
                rest.iter().position(|&byte| !(byte.is_ascii_alphanumeric() || b"@_-.".contains(&byte)))?;
            (past(bytes, PREFIX.len() + name, br#"","data":"#)?, true)
        }
        None => (0, false),
    };
    let at = past(bytes, at, br#"{"e":"depthUpdate","E":"#)?;
    let (stamp, at) = count(bytes, at)?;
    let at = past(bytes, at, br#","s":""#)?;
    let name = frame[at..].find('"')?;
    let sub = symbols.find(&frame[at..at + name])?;
    let at = past(bytes, at + name, br#"","U":"#)?;
    let (first_id, at) = count(bytes, at)?;
    let at = past(bytes, at, br#","u":"#)?;
    let (last_id, at) = count(bytes, at)?;
    let at = past(bytes, at, br#","b":"#)?;
    let (bids, at) = levels::plain(bytes, at, symbols.grid(sub))?;
    let at = past(bytes, at, br#","a":"#)?;
    let (asks, at) = levels::plain(bytes, at, symbols.grid(sub))?;
    let end: &[u8] = if wrapped { b"}}" } else { b"}" };
    if &bytes[at..] != end || first_id > last_id {
        return None;
    }
    let venue_ns = stamp::epoch(stamp);
    let update = BookUpdate { first_id, last_id, venue_ns, bids, asks, ..BookUpdate::default() };
    Some(Message::Book(sub, update))
}

/// Where `text` ends, if it stands at `at`.
fn past(bytes: &[u8], at: usize, text: &[u8]) -> Option<usize> {
    bytes.get(at..)?.starts_with(text).then_some(at + text.len())
}

/// A JSON number without sign and fraction, of fewer digits than could overflow, and where it ends.
fn count(bytes: &[u8], start: usize) -> Option<(u64, usize)> {
    let digits = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let leading_zero = digits > 1 && bytes[start] == b'0';
    if leading_zero || !(1..=19).contains(&digits) {
        return None;
    }
    let text = &bytes[start..start + digits];
    Some((text.iter().fold(0, |value, &digit| value * 10 + u64::from(digit - b'0')), start + digits))
}

fn side(raw: &RawValue, symbols: &Symbols, sub: usize) -> Result<Vec<Level>, Reject> {
    levels::read(raw.get(), symbols.grid(sub)).map_err(|error| Reject::book(sub, error))
}

fn event(inner: &str, symbols: &Symbols) -> Result<Option<Message>, Reject> {
    let data: Data = match serde_json::from_str(inner) {
        Ok(data) => data,
        Err(error) => return unreadable(inner, symbols, &error),
    };
    let Some(sub) = data.s.as_deref().and_then(|name| symbols.find(name)) else {
        let shutdown = data.e.as_deref() == Some("serverShutdown");
        return Ok(shutdown.then(|| Message::ReconnectSoon("server shutdown".to_owned())));
    };
    match data.e.as_deref() {
        Some("depthUpdate") => diff(&data, symbols, sub).map(Some),
        Some("trade") => trade(&data, symbols, sub).map(Some),
        _ => Ok(None),
    }
}

/// A frame that does not have the fields of a diff or trade is unusable if it says that it is one.
fn unreadable(inner: &str, symbols: &Symbols, error: &serde_json::Error) -> Result<Option<Message>, Reject> {
    let kind: Kind = serde_json::from_str(inner).map_err(Reject::connection)?;
    let sub = kind.s.as_deref().and_then(|name| symbols.find(name));
    match (kind.e.as_deref(), sub) {
        (Some("depthUpdate"), Some(sub)) => Err(Reject::book(sub, error)),
        (Some("trade"), Some(sub)) => Err(Reject::trades(sub, error)),
        (Some("depthUpdate" | "trade"), None) => Err(Reject::connection(error)),
        _ => Ok(None),
    }
}

fn diff(data: &Data, symbols: &Symbols, sub: usize) -> Result<Message, Reject> {
    if data.pu.is_some() {
        return Err(Reject::book(sub, "a futures depth event (it has `pu`); this is the spot protocol"));
    }
    let (Some(first_id), Some(last_id), Some(bids), Some(asks)) = (data.U, data.u, data.b, data.a) else {
        return Err(Reject::book(sub, "a depth event without U, u, b or a"));
    };
    if first_id > last_id {
        return Err(Reject::book(sub, format!("the ids run backwards: U {first_id} is above u {last_id}")));
    }
    let update = BookUpdate {
        first_id,
        last_id,
        venue_ns: data.E.and_then(stamp::epoch),
        bids: side(bids, symbols, sub)?,
        asks: side(asks, symbols, sub)?,
        ..BookUpdate::default()
    };
    Ok(Message::Book(sub, update))
}

fn trade(data: &Data, symbols: &Symbols, sub: usize) -> Result<Message, Reject> {
    let (Some(id), Some(price), Some(size), Some(buyer_is_maker)) = (data.t, &data.p, &data.q, data.m) else {
        return Err(Reject::trades(sub, "a trade without t, p, q or m"));
    };
    let (price, size) = symbols.grid(sub).level(price, size).map_err(|error| Reject::trades(sub, error))?;
    let trade = Trade {
        venue_ns: data.T.and_then(stamp::epoch),
        id: TradeId::Number(id),
        aggressor: if buyer_is_maker { Aggressor::Seller } else { Aggressor::Buyer },
        price,
        size,
    };
    Ok(Message::Trades { sub, past: false, trades: vec![trade] })
}

#[derive(Deserialize)]
struct Exchange {
    symbols: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    filter_type: String,
    tick_size: Option<String>,
    step_size: Option<String>,
}

fn read_instrument(body: &str) -> Result<(String, String), Reject> {
    let read: Exchange = serde_json::from_str(body).map_err(Reject::connection)?;
    let filters = read.symbols.into_iter().next().map(|listed| listed.filters).unwrap_or_default();
    let find = |kind: &str| filters.iter().find(|filter| filter.filter_type == kind);
    let tick = find("PRICE_FILTER").and_then(|filter| filter.tick_size.clone());
    let lot = find("LOT_SIZE").and_then(|filter| filter.step_size.clone());
    tick.zip(lot)
        .ok_or_else(|| Reject::connection("no PRICE_FILTER and LOT_SIZE of the symbol in the answer"))
}

#[cfg(test)]
mod tests {
    use super::super::kit::{opened, read};
    use super::*;
    use crate::protocol::Concerns;

    const DIFF: &str = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":157,"u":160,"b":[["61737.63000000","0.00000000"]],"a":[["61837.64000000","1.54698000"]],"new":{"x":1}}}"#;

    #[test]
    fn a_diff_wrapped_or_raw() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.00000001");
        let raw = DIFF.split_once(r#""data":"#).unwrap().1.strip_suffix('}').unwrap();
        for frame in [DIFF, raw] {
            let said = read(&mut *protocol, &symbols, frame).unwrap();
            let [Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
            assert_eq!((update.first_id, update.last_id, update.snapshot), (157, 160, false));
            assert_eq!(update.venue_ns, Some(1_723_161_255_208_000_000));
            assert_eq!(update.bids, [(6_173_763, 0)]);
            assert_eq!(update.asks, [(6_183_764, 154_698_000)]);
        }
    }

    #[test]
    fn the_usual_diff_is_read_as_any_json_would_be() {
        let (_, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.00000001");
        let usual = DIFF.replace(r#","new":{"x":1}"#, "");
        let raw = usual.split_once(r#""data":"#).unwrap().1.strip_suffix('}').unwrap();
        for frame in [usual.as_str(), raw] {
            let quick = usual_diff(frame, &symbols);
            assert_eq!(quick, event(raw, &symbols).unwrap());
            assert!(quick.is_some());
            // Whatever is different in one byte is read the careful way, or says the same.
            for at in 0..frame.len() {
                for byte in *b"\"0{}[],:.e-\\ x9" {
                    let mut changed = frame.as_bytes().to_vec();
                    changed[at] = byte;
                    let changed = String::from_utf8(changed).unwrap();
                    let Some(quick) = usual_diff(&changed, &symbols) else { continue };
                    let outer: Frame = serde_json::from_str(&changed).unwrap();
                    let careful = event(outer.data.map_or(changed.as_str(), RawValue::get), &symbols);
                    assert_eq!(careful.unwrap(), Some(quick), "{changed}");
                }
            }
            (0..frame.len()).for_each(|cut| assert_eq!(usual_diff(&frame[..cut], &symbols), None));
        }
        let shutdown = usual.replace("btcusdt@depth@100ms", "!serverShutdown");
        assert_eq!(usual_diff(&shutdown, &symbols), None);
        assert_eq!(usual_diff(DIFF, &symbols), None);
    }

    #[test]
    fn the_maker_tells_the_aggressor() {
        let (mut protocol, symbols) = opened(&VENUE, "BNBBTC", "0.001", "1");
        let frame = r#"{"e":"trade","E":1,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","b":88,"a":50,"T":1672515782136,"m":true,"M":true}"#;
        let said = read(&mut *protocol, &symbols, frame).unwrap();
        let [Message::Trades { trades, past: false, .. }] = &said[..] else { panic!("{said:?}") };
        assert_eq!(trades[0].aggressor, Aggressor::Seller);
        assert_eq!((trades[0].price, trades[0].size, &trades[0].id), (1, 100, &TradeId::Number(12345)));
    }

    #[test]
    fn replies_shutdown_and_the_unknown() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.00000001");
        let mut one = |frame| read(&mut *protocol, &symbols, frame).unwrap();
        assert_eq!(one(r#"{"result":null,"id":1}"#), [Message::Ack(None, None)]);
        assert!(matches!(
            &one(r#"{"code":2,"msg":"Invalid request","id":1}"#)[..],
            [Message::Refused(None, _)]
        ));
        assert!(matches!(&one(r#"{"error":{"code":2,"msg":"x"},"id":1}"#)[..], [Message::Refused(None, _)]));
        assert!(matches!(&one(r#"{"e":"serverShutdown","E":1}"#)[..], [Message::ReconnectSoon(_)]));
        assert!(matches!(&one(r#"{"stream":"!serverShutdown","data":{}}"#)[..], [Message::ReconnectSoon(_)]));
        assert_eq!(one(r#"{"u":50093239212,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}"#), []);
        assert_eq!(one(r#"{"e":"somethingNew","s":"BTCUSDT","u":"text"}"#), []);
    }

    #[test]
    fn what_is_wrong_in_a_diff_concerns_its_book() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.00000001");
        for (good, bad) in [
            ("157", "161"),
            ("157", "\"157\""),
            ("157", "-1"),
            ("157", "null"),
            ("160", "1e40"),
            (r#""u":160,"#, ""),
            ("61737.63000000", "61737.63100000"),
            ("61737.63000000", "-61737.63"),
            ("61737.63000000", "NaN"),
            (r#"[["61737.63000000","0.00000000"]]"#, "null"),
        ] {
            let frame = DIFF.replace(good, bad);
            let reject = read(&mut *protocol, &symbols, &frame).unwrap_err();
            assert_eq!(reject.concerns, Concerns::Book(0), "{frame}: {}", reject.why);
        }
        for broken in [&DIFF[..60], "", "NaN", &DIFF.replace("\"157\"", "NaN")[1..]] {
            assert_eq!(read(&mut *protocol, &symbols, broken).unwrap_err().concerns, Concerns::Connection);
        }
    }

    #[test]
    fn a_snapshot_cut_by_its_limit_knows_how_far_it_reaches() {
        let (protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "1");
        let asks: Vec<String> = (1..=5000).map(|n| format!(r#"["{n}.00","1"]"#)).collect();
        let body = format!(r#"{{"lastUpdateId":9,"bids":[["0.50","1"]],"asks":[{}]}}"#, asks.join(","));
        let read = protocol.read_snapshot(&body, &symbols, 0).unwrap();
        assert_eq!(read.known, Known { low: None, high: Some(500_000) });
        assert!(protocol.read_snapshot("<html>", &symbols, 0).is_err());
    }

    #[test]
    fn continuity_by_range() {
        let (protocol, _) = opened(&VENUE, "BTCUSDT", "0.01", "1");
        let of = |first_id, last_id| {
            protocol.continuity(100, &BookUpdate { first_id, last_id, ..BookUpdate::default() })
        };
        assert_eq!(of(90, 100), Continuity::Old);
        assert_eq!((of(90, 101), of(101, 101)), (Continuity::Next, Continuity::Next));
        assert_eq!(of(103, 104), Continuity::Gap(Some((101, 102))));
    }

    #[test]
    fn tick_and_lot() {
        let body = r#"{"symbols":[{"symbol":"BTCUSDT","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","stepSize":"0.00001000"},{"filterType":"X"}]}]}"#;
        assert_eq!(read_instrument(body).unwrap(), ("0.01000000".to_owned(), "0.00001000".to_owned()));
        assert!(read_instrument(r#"{"symbols":[]}"#).is_err());
    }
}
