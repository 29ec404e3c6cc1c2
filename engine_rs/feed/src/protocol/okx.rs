//! OKX v5: the snapshot in band, every diff names the id that it continues.
//!
//! Source: OKX API documentation, "Order book channel". A diff applies if its `prevSeqId` is the book's id; ids
//! jump, stay (keep-alive) and fall (maintenance) without anything being lost. The checksum is 0 nowadays and
//! then says nothing; recorded data have it, over the best 25 levels as `price:size` of bid and ask in turn.
//! In call phases bids may stand above asks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    BookUpdate, Channel, Continuity, KeepAlive, Message, Protocol, Reject, Symbols, Venue, levels, shown,
};
use crate::book::{Book, Level};
use crate::event::{Aggressor, Trade, TradeId};
use crate::grid::Grid;
use crate::stamp;

/// Levels a side that the checksum covers.
const CHECKED_LEVELS: usize = 25;
/// Levels a side of the channel `books`.
const DEPTH: usize = 400;

pub const VENUE: Venue = Venue {
    name: "okx",
    ws_url: "wss://ws.okx.com:8443/ws/v5/public",
    rest_url: "https://www.okx.com",
    keep_alive: KeepAlive::Quiet(20_000_000_000),
    default_depth: Some(DEPTH),
    depths: &[DEPTH],
    snapshot_by_rest: false,
    snapshot_weight: |_| 0,
    window: true,
    connection_sequence: false,
    trade_ids_have_no_holes: false,
    checksum_is_only_proof: false,
    may_be_crossed: true,
    open: |_| Box::new(Okx { requests: 0 }),
    instrument_path: |symbol| format!("/api/v5/public/instruments?instType=SPOT&instId={symbol}"),
    read_instrument,
};

struct Okx {
    requests: u64,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    arg: Option<Argument<'a>>,
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    inst_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookData<'a> {
    #[serde(borrow)]
    asks: &'a RawValue,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    ts: Option<Cow<'a, str>>,
    checksum: Option<i32>,
    prev_seq_id: Option<i64>,
    seq_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TradeData<'a> {
    #[serde(borrow)]
    trade_id: Cow<'a, str>,
    px: &'a str,
    sz: &'a str,
    side: &'a str,
    #[serde(borrow)]
    ts: Option<Cow<'a, str>>,
}

fn stamped(ts: Option<&Cow<str>>) -> Option<i64> {
    ts.and_then(|text| text.parse().ok()).and_then(stamp::epoch)
}

impl Okx {
    fn request(&mut self, method: &str, arguments: &[(&str, &str)]) -> String {
        self.requests += 1;
        let arguments: Vec<String> = arguments
            .iter()
            .map(|(channel, name)| format!(r#"{{"channel":"{channel}","instId":{name:?}}}"#))
            .collect();
        format!(r#"{{"id":"{}","op":"{method}","args":[{}]}}"#, self.requests, arguments.join(","))
    }
}

fn books(data: &str, snapshot: bool, symbols: &Symbols, sub: usize) -> Result<Vec<Message>, Reject> {
    let read: Vec<BookData> = serde_json::from_str(data).map_err(|error| Reject::book(sub, error))?;
    let book = |data: &BookData| {
        let side = |raw: &RawValue| {
            levels::read(raw.get(), symbols.grid(sub)).map_err(|error| Reject::book(sub, error))
        };
        let id = u64::try_from(data.seq_id.unwrap_or(0)).map_err(|error| Reject::book(sub, error))?;
        let update = BookUpdate {
            snapshot,
            first_id: id,
            last_id: id,
            previous_id: data.prev_seq_id,
            venue_ns: stamped(data.ts.as_ref()),
            bids: side(data.bids)?,
            asks: side(data.asks)?,
            checksum: data.checksum.filter(|&sum| sum != 0).map(|sum| sum as u32),
            ..BookUpdate::default()
        };
        Ok(Message::Book(sub, update))
    };
    read.iter().map(book).collect()
}

fn trades(data: &str, symbols: &Symbols, sub: usize) -> Result<Message, Reject> {
    let read: Vec<TradeData> = serde_json::from_str(data).map_err(|error| Reject::trades(sub, error))?;
    let trade = |trade: &TradeData| {
        let level = symbols.grid(sub).level(trade.px, trade.sz);
        let (price, size) = level.map_err(|error| Reject::trades(sub, error))?;
        let aggressor = match trade.side {
            "buy" => Aggressor::Buyer,
            "sell" => Aggressor::Seller,
            other => return Err(Reject::trades(sub, format!("side {:?}", shown(other)))),
        };
        Ok(Trade {
            venue_ns: stamped(trade.ts.as_ref()),
            id: TradeId::parse(&trade.trade_id),
            aggressor,
            price,
            size,
        })
    };
    Ok(Message::Trades { sub, past: false, trades: read.iter().map(trade).collect::<Result<_, _>>()? })
}

fn channel(frame: &Frame, symbols: &Symbols) -> Option<(Channel, usize)> {
    let argument = frame.arg.as_ref()?;
    let channel = match argument.channel.as_deref()? {
        "books" => Channel::Book,
        "trades" => Channel::Trades,
        _ => return None,
    };
    Some((channel, symbols.find(argument.inst_id.as_deref()?)?))
}

fn event(frame: &Frame, name: &str, symbols: &Symbols) -> Option<Message> {
    let text = frame.msg.as_deref().unwrap_or("no reason given");
    match name {
        "subscribe" => channel(frame, symbols).map(|(channel, sub)| Message::Ack(Some(sub), Some(channel))),
        "notice" => Some(Message::ReconnectSoon(shown(text))),
        "error" => {
            let sub = channel(frame, symbols)
                .map(|(_, sub)| sub)
                .or_else(|| symbols.names().position(|name| text.contains(name)));
            let code = frame.code.as_deref().unwrap_or("?");
            Some(Message::Refused(sub, format!("code {code}: {}", shown(text))))
        }
        _ => None,
    }
}

impl Protocol for Okx {
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String> {
        let both = |&sub: &usize| ["books", "trades"].map(|channel| (channel, symbols.name(sub)));
        let arguments: Vec<(&str, &str)> = subs.iter().flat_map(both).collect();
        vec![self.request("subscribe", &arguments)]
    }

    fn resubscribe(&mut self, symbols: &Symbols, sub: usize) -> Vec<String> {
        let book = [("books", symbols.name(sub))];
        vec![self.request("unsubscribe", &book), self.request("subscribe", &book)]
    }

    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject> {
        if frame == "pong" {
            return Ok(());
        }
        let read: Frame = serde_json::from_str(frame).map_err(Reject::connection)?;
        if let Some(name) = read.event.as_deref() {
            out.extend(event(&read, name, symbols));
            return Ok(());
        }
        let (Some((channel, sub)), Some(data)) = (channel(&read, symbols), read.data) else {
            return Ok(());
        };
        match (channel, read.action.as_deref()) {
            (Channel::Trades, _) => out.push(trades(data.get(), symbols, sub)?),
            (Channel::Book, Some("snapshot")) => out.extend(books(data.get(), true, symbols, sub)?),
            (Channel::Book, Some("update")) => out.extend(books(data.get(), false, symbols, sub)?),
            (Channel::Book, _) => {
                return Err(Reject::book(sub, "a book that is neither snapshot nor update"));
            }
        }
        Ok(())
    }

    fn continuity(&self, last_id: u64, update: &BookUpdate) -> Continuity {
        match update.previous_id {
            // Recordings from before there were ids: the checksum is the proof.
            None => Continuity::Next,
            Some(previous) if u64::try_from(previous) == Ok(last_id) => Continuity::Next,
            Some(_) if update.last_id <= last_id => Continuity::Old,
            Some(_) => Continuity::Gap(None),
        }
    }

    fn checksum(&self, symbols: &Symbols, sub: usize, book: &Book, update: &BookUpdate) -> Option<bool> {
        Some(crc32fast::hash(checked_text(book, symbols.grid(sub)).as_bytes()) == update.checksum?)
    }

    fn ping(&mut self) -> Option<String> {
        Some("ping".to_owned())
    }
}

/// The best 25 levels, bid and ask in turn; where one side has no more, the other goes on.
fn checked_text(book: &Book, grid: &Grid) -> String {
    let (mut bids, mut asks) = (book.bids(), book.asks());
    let mut parts = Vec::with_capacity(4 * CHECKED_LEVELS);
    let mut push = |level: Option<Level>| {
        if let Some((price, size)) = level {
            parts.extend([grid.tick.shortest(price), grid.lot.shortest(size)]);
        }
    };
    for _ in 0..CHECKED_LEVELS {
        push(bids.next());
        push(asks.next());
    }
    parts.join(":")
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    msg: String,
    #[serde(default)]
    data: Vec<Instrument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instrument {
    tick_sz: String,
    lot_sz: String,
}

fn read_instrument(body: &str) -> Result<(String, String), Reject> {
    let read: Answer = serde_json::from_str(body).map_err(Reject::connection)?;
    let first = read.data.into_iter().next();
    let first = first
        .ok_or_else(|| Reject::connection(format!("no instrument in the answer: {}", shown(&read.msg))))?;
    Ok((first.tick_sz, first.lot_sz))
}

#[cfg(test)]
mod tests {
    use super::super::kit::{opened, read};
    use super::*;
    use crate::protocol::Concerns;

    fn message(action: &str, previous: i64, id: i64, checksum: i32) -> String {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":{checksum},"prevSeqId":{previous},"seqId":{id}}}]}}"#
        )
    }

    #[test]
    fn checksum_texts_of_the_documentation() {
        let grid = Grid::new("0.1", "1").unwrap();
        let sum = |bids: &[Level], asks: &[Level]| {
            let mut book = Book::new(None);
            book.reset(bids, asks, Default::default());
            (checked_text(&book, &grid), crc32fast::hash(checked_text(&book, &grid).as_bytes()) as i32)
        };
        assert_eq!(
            sum(&[(33_661, 7), (33_660, 6)], &[(33_668, 9), (33_680, 8)]),
            ("3366.1:7:3366.8:9:3366:6:3368:8".to_owned(), -1_881_014_294)
        );
        // One bid only: the asks go on by themselves.
        assert_eq!(
            sum(&[(33_661, 7)], &[(33_668, 9), (33_680, 8), (33_720, 8)]),
            ("3366.1:7:3366.8:9:3368:8:3372:8".to_owned(), 831_078_360)
        );
    }

    #[test]
    fn the_documents_chain_of_ids() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USDT", "0.01", "1");
        let mut last = 10;
        let mut next = |previous: i64, id: i64| {
            let said = read(&mut *protocol, &symbols, &message("update", previous, id, 0)).unwrap();
            let [Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
            assert_eq!(update.checksum, None, "0 is no checksum");
            let verdict = protocol.continuity(last, update);
            if verdict == Continuity::Next {
                last = update.last_id;
            }
            verdict
        };
        for (previous, id) in [(10, 15), (15, 15), (15, 3), (3, 5)] {
            assert_eq!(next(previous, id), Continuity::Next, "{previous} {id}");
        }
        assert_eq!(next(3, 5), Continuity::Old);
        assert_eq!(next(6, 9), Continuity::Gap(None));
        assert_eq!(next(-1, 9), Continuity::Gap(None));
    }

    #[test]
    fn a_checksum_that_is_there_is_checked() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USDT", "0.01", "1");
        let sum = crc32fast::hash(b"8476.97:256:8476.98:415") as i32;
        let mut book = Book::new(None);
        for (given, verdict) in [(sum, Some(true)), (sum + 1, Some(false)), (0, None)] {
            let said = read(&mut *protocol, &symbols, &message("snapshot", -1, 5, given)).unwrap();
            let [Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
            book.reset(&update.bids, &update.asks, update.known);
            assert_eq!(protocol.checksum(&symbols, 0, &book, update), verdict);
        }
    }

    #[test]
    fn replies_notices_and_pongs() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USDT", "0.01", "1");
        let mut one = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap();
        let ack = r#"{"id":"1512","event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#;
        assert_eq!(one(ack), [Message::Ack(Some(0), Some(Channel::Trades))]);
        let error = r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:BTC-USDT doesn't exist"}"#;
        assert!(matches!(&one(error)[..], [Message::Refused(Some(0), why)] if why.contains("60018")));
        assert!(matches!(
            &one(r#"{"event":"notice","code":"64008","msg":"upgrade"}"#)[..],
            [Message::ReconnectSoon(_)]
        ));
        assert_eq!(one("pong"), []);
        assert_eq!(one(r#"{"event":"channel-conn-count","connCount":"2"}"#), []);
    }

    #[test]
    fn trades_name_the_taker() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USDT", "0.1", "0.00000001");
        let frame = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"sell","ts":"1630048897897","count":"3"}]}"#;
        let said = read(&mut *protocol, &symbols, frame).unwrap();
        let [Message::Trades { trades, .. }] = &said[..] else { panic!("{said:?}") };
        assert_eq!(
            (trades[0].aggressor, trades[0].price, trades[0].size),
            (Aggressor::Seller, 422_199, 12_060_306)
        );
        let reject = read(&mut *protocol, &symbols, &frame.replace("sell", "?")).unwrap_err();
        assert_eq!(reject.concerns, Concerns::Trades(0));
        let reject = read(&mut *protocol, &symbols, &message("both", 1, 2, 0)).unwrap_err();
        assert_eq!(reject.concerns, Concerns::Book(0));
    }
}
