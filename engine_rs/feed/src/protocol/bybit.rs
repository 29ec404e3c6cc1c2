//! Bybit v5 spot: the snapshot in band, ids of a topic rise by one.
//!
//! Source: Bybit V5 documentation, "Orderbook". Any snapshot replaces the book; id 1 says that the service has
//! begun anew. That ids rise by one is what is seen, not what is promised; a skip counts as a gap. An id that falls
//! is a repetition, unless the message is a later one by its `seq`: then the snapshot of a restart is missing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BookUpdate, Continuity, KeepAlive, Message, Protocol, Reject, Symbols, Venue, levels, shown};
use crate::event::{Aggressor, Trade, TradeId};
use crate::stamp;

pub const VENUE: Venue = Venue {
    name: "bybit",
    ws_url: "wss://stream.bybit.com/v5/public/spot",
    rest_url: "https://api.bybit.com",
    keep_alive: KeepAlive::Every(20_000_000_000),
    default_depth: Some(200),
    depths: &[1, 50, 200, 1000],
    snapshot_by_rest: false,
    snapshot_weight: |_| 0,
    window: true,
    connection_sequence: false,
    trade_ids_have_no_holes: false,
    checksum_is_only_proof: false,
    may_be_crossed: false,
    open: |depth| Box::new(Bybit { depth: depth.unwrap_or(200), pings: 0, latest: Vec::new() }),
    instrument_path: |symbol| format!("/v5/market/instruments-info?category=spot&symbol={symbol}"),
    read_instrument,
};

struct Bybit {
    depth: usize,
    pings: u64,
    /// Id and `seq` of the latest message about each book.
    latest: Vec<(u64, u64)>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    ts: Option<u64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow)]
    req_id: Option<Cow<'a, str>>,
    success: Option<bool>,
    #[serde(borrow)]
    ret_msg: Option<Cow<'a, str>>,
    /// When the matching engine made the book; `ts` is when it was sent.
    cts: Option<u64>,
}

#[derive(Deserialize)]
struct BookData<'a> {
    #[serde(borrow)]
    b: &'a RawValue,
    #[serde(borrow)]
    a: &'a RawValue,
    u: u64,
    /// Rises over all topics, also where ids begin anew.
    seq: Option<u64>,
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "two fields differ by their case only")]
struct TradeData<'a> {
    T: u64,
    S: &'a str,
    v: &'a str,
    p: &'a str,
    #[serde(borrow)]
    i: Cow<'a, str>,
}

impl Bybit {
    fn topic(&self, symbol: &str) -> String {
        format!("\"orderbook.{}.{symbol}\"", self.depth)
    }

    fn book(&mut self, frame: &Frame, data: &str, symbols: &Symbols, sub: usize) -> Result<Message, Reject> {
        let snapshot = match frame.kind.as_deref() {
            Some("snapshot") => true,
            Some("delta") => false,
            _ => return Err(Reject::book(sub, "a book that is neither snapshot nor delta")),
        };
        let read: BookData = serde_json::from_str(data).map_err(|error| Reject::book(sub, error))?;
        let side = |raw: &RawValue| {
            levels::read(raw.get(), symbols.grid(sub)).map_err(|error| Reject::book(sub, error))
        };
        let update = BookUpdate {
            snapshot: snapshot || read.u == 1,
            first_id: read.u,
            last_id: read.u,
            venue_ns: frame.cts.or(frame.ts).and_then(stamp::epoch),
            bids: side(read.b)?,
            asks: side(read.a)?,
            ..BookUpdate::default()
        };
        if self.begins_anew(sub, update.snapshot, read.u, read.seq.unwrap_or(0)) {
            let why =
                format!("id {} in a later message than a higher one: the service has begun anew", read.u);
            return Err(Reject::book(sub, why));
        }
        Ok(Message::Book(sub, update))
    }

    /// Whether ids have begun anew without the snapshot that says so. Otherwise the deltas of the new count would
    /// pass for repetitions, until they reach the old one and pass for its continuation.
    fn begins_anew(&mut self, sub: usize, snapshot: bool, id: u64, seq: u64) -> bool {
        if self.latest.len() <= sub {
            self.latest.resize(sub + 1, (0, 0));
        }
        let (latest_id, latest_seq) = self.latest[sub];
        if snapshot || seq >= latest_seq {
            self.latest[sub] = (id, seq);
        }
        !snapshot && id < latest_id && seq > latest_seq
    }
}

fn request(method: &str, sub: usize, topics: &str) -> String {
    // One request a symbol: a wrong one fails the whole request, and the reply names the request only.
    format!(r#"{{"req_id":"{sub}","op":"{method}","args":[{topics}]}}"#)
}

fn trades(data: &str, symbols: &Symbols, sub: usize) -> Result<Message, Reject> {
    let read: Vec<TradeData> = serde_json::from_str(data).map_err(|error| Reject::trades(sub, error))?;
    let trade = |trade: &TradeData| {
        let level = symbols.grid(sub).level(trade.p, trade.v);
        let (price, size) = level.map_err(|error| Reject::trades(sub, error))?;
        let aggressor = match trade.S {
            "Buy" => Aggressor::Buyer,
            "Sell" => Aggressor::Seller,
            other => return Err(Reject::trades(sub, format!("side {:?}", shown(other)))),
        };
        Ok(Trade { venue_ns: stamp::epoch(trade.T), id: TradeId::parse(&trade.i), aggressor, price, size })
    };
    Ok(Message::Trades { sub, past: false, trades: read.iter().map(trade).collect::<Result<_, _>>()? })
}

fn reply(frame: &Frame, symbols: &Symbols) -> Option<Message> {
    if frame.op.as_deref() != Some("subscribe") {
        return None;
    }
    let text = frame.ret_msg.as_deref().unwrap_or("no reason given");
    let asked =
        frame.req_id.as_deref().and_then(|id| id.parse().ok()).filter(|&sub: &usize| sub < symbols.len());
    let sub = asked.or_else(|| symbols.names().position(|name| text.contains(name)));
    match frame.success {
        Some(true) => Some(Message::Ack(Some(asked?), None)),
        // A repeated request; the data come as before.
        Some(false) if text.contains("already subscribed") => None,
        _ => Some(Message::Refused(sub, shown(text))),
    }
}

impl Protocol for Bybit {
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String> {
        let both = |&sub: &usize| {
            let name = symbols.name(sub);
            request("subscribe", sub, &format!("{},\"publicTrade.{name}\"", self.topic(name)))
        };
        subs.iter().map(both).collect()
    }

    fn resubscribe(&mut self, symbols: &Symbols, sub: usize) -> Vec<String> {
        let topic = self.topic(symbols.name(sub));
        ["unsubscribe", "subscribe"].map(|method| request(method, sub, &topic)).into()
    }

    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject> {
        let read: Frame = serde_json::from_str(frame).map_err(Reject::connection)?;
        let Some(topic) = read.topic.as_deref() else {
            out.extend(reply(&read, symbols));
            return Ok(());
        };
        let Some((channel, sub)) =
            topic.rsplit_once('.').and_then(|(head, name)| Some((head, symbols.find(name)?)))
        else {
            return Ok(());
        };
        let data = read.data.map(RawValue::get);
        if channel == "publicTrade" {
            let data = data.ok_or_else(|| Reject::trades(sub, "a message without data"))?;
            out.push(trades(data, symbols, sub)?);
        } else if channel.starts_with("orderbook.") {
            let data = data.ok_or_else(|| Reject::book(sub, "a message without data"))?;
            out.push(self.book(&read, data, symbols, sub)?);
        }
        Ok(())
    }

    fn continuity(&self, last_id: u64, update: &BookUpdate) -> Continuity {
        match update.last_id {
            id if id <= last_id => Continuity::Old,
            id if id - 1 == last_id => Continuity::Next,
            id => Continuity::Gap(Some((last_id.saturating_add(1), id - 1))),
        }
    }

    fn ping(&mut self) -> Option<String> {
        self.pings += 1;
        Some(format!(r#"{{"req_id":"ping{}","op":"ping"}}"#, self.pings))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    ret_msg: String,
    result: Listed,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    list: Vec<Instrument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instrument {
    lot_size_filter: LotSize,
    price_filter: PriceFilter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LotSize {
    base_precision: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceFilter {
    tick_size: String,
}

fn read_instrument(body: &str) -> Result<(String, String), Reject> {
    let read: Answer = serde_json::from_str(body).map_err(Reject::connection)?;
    let first = read.result.list.into_iter().next();
    let first = first.ok_or_else(|| {
        Reject::connection(format!("no instrument in the answer: {}", shown(&read.ret_msg)))
    })?;
    Ok((first.price_filter.tick_size, first.lot_size_filter.base_precision))
}

#[cfg(test)]
mod tests {
    use super::super::kit::{opened, read};
    use super::*;
    use crate::protocol::Concerns;

    const DELTA: &str = r#"{"topic":"orderbook.200.BTCUSDT","ts":1672304484978,"type":"delta","data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[["16611.00","0"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"#;

    #[test]
    fn a_book_whatever_the_order_of_its_fields() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.000001");
        let said = read(&mut *protocol, &symbols, DELTA).unwrap();
        let [Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
        assert_eq!(
            (update.snapshot, update.last_id, update.venue_ns),
            (false, 18_521_288, Some(1_672_304_484_976_000_000))
        );
        assert_eq!((&update.bids[..], &update.asks[..]), (&[(1_649_350, 6000)][..], &[(1_661_100, 0)][..]));
        let said = read(&mut *protocol, &symbols, &DELTA.replace("delta", "snapshot")).unwrap();
        assert!(matches!(&said[..], [Message::Book(0, update)] if update.snapshot));
    }

    #[test]
    fn ids_rise_by_one() {
        let (protocol, _) = opened(&VENUE, "BTCUSDT", "0.01", "1");
        let of = |last_id| protocol.continuity(7, &BookUpdate { last_id, ..BookUpdate::default() });
        assert_eq!((of(6), of(7), of(8)), (Continuity::Old, Continuity::Old, Continuity::Next));
        assert_eq!(of(10), Continuity::Gap(Some((8, 9))));
    }

    #[test]
    fn replies_name_the_request() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "1");
        let mut one = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap();
        let ack = r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","req_id":"0","op":"subscribe"}"#;
        assert_eq!(one(ack), [Message::Ack(Some(0), None)]);
        assert_eq!(one(&ack.replace("\"0\"", "\"17\"")), [], "an answer to somebody else's request");
        let refusal = r#"{"success":false,"ret_msg":"error:handler not found,topic:orderbook.200.BTCUSDT","conn_id":"x","req_id":"","op":"subscribe"}"#;
        assert!(matches!(&one(refusal)[..], [Message::Refused(Some(0), _)]));
        assert_eq!(one(r#"{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}"#), []);
    }

    #[test]
    fn trades_name_the_taker_and_have_names_for_ids() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.001");
        let frame = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"seq":1}]}"#;
        let said = read(&mut *protocol, &symbols, frame).unwrap();
        let [Message::Trades { trades, past: false, .. }] = &said[..] else { panic!("{said:?}") };
        assert_eq!((trades[0].aggressor, trades[0].price, trades[0].size), (Aggressor::Buyer, 1_657_850, 1));
        assert!(matches!(&trades[0].id, TradeId::Name(name) if name.starts_with("20f43950")));
    }

    #[test]
    fn what_is_wrong_concerns_its_channel() {
        let (mut protocol, symbols) = opened(&VENUE, "BTCUSDT", "0.01", "0.000001");
        let mut why = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap_err().concerns;
        for (from, to) in [
            ("delta", "other"),
            ("18521288", "\"18521288\""),
            ("16493.50", "16493.505"),
            ("\"data\"", "\"dada\""),
        ] {
            assert_eq!(why(&DELTA.replace(from, to)), Concerns::Book(0), "{to}");
        }
        assert_eq!(why("{\"topic\":"), Concerns::Connection);
        assert_eq!(why(r#"{"topic":"publicTrade.BTCUSDT","data":[{"p":1}]}"#), Concerns::Trades(0));
    }
}
