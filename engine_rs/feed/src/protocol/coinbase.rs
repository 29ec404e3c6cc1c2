//! Coinbase Advanced Trade: the snapshot in band, one number per frame of the connection over all channels.
//!
//! Source: Coinbase Advanced Trade documentation, "WebSocket Channels". `sequence_num` counts acknowledgements
//! and heartbeats too. The channel asked for is `level2`, the one that answers `l2_data`; asks are called
//! "offer"; the side of a trade is the maker's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BookUpdate, Channel, Continuity, KeepAlive, Message, Protocol, Reject, Symbols, Venue, shown};
use crate::event::{Aggressor, Trade, TradeId};
use crate::stamp;

pub const VENUE: Venue = Venue {
    name: "coinbase",
    ws_url: "wss://advanced-trade-ws.coinbase.com",
    rest_url: "https://api.coinbase.com",
    keep_alive: KeepAlive::Frame(10_000_000_000),
    default_depth: None,
    depths: &[],
    snapshot_by_rest: false,
    snapshot_weight: |_| 0,
    window: false,
    connection_sequence: true,
    trade_ids_have_no_holes: false,
    checksum_is_only_proof: false,
    may_be_crossed: false,
    open: |_| Box::new(Coinbase),
    instrument_path: |symbol| format!("/api/v3/brokerage/market/products/{symbol}"),
    read_instrument,
};

struct Coinbase;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    sequence_num: Option<u64>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BookData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    #[serde(borrow)]
    updates: Vec<Change<'a>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    side: &'a str,
    price_level: &'a str,
    new_quantity: &'a str,
}

#[derive(Deserialize)]
struct TradeBatch<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    trades: Vec<TradeData<'a>>,
}

#[derive(Deserialize)]
struct TradeData<'a> {
    #[serde(borrow)]
    trade_id: Cow<'a, str>,
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    price: &'a str,
    size: &'a str,
    side: &'a str,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Acknowledged<'a> {
    #[serde(borrow)]
    subscriptions: std::collections::BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>,
}

/// Products quoted in USDC answer under the name of the one in USD.
fn find(symbols: &Symbols, product: &str) -> Option<usize> {
    symbols
        .find(product)
        .or_else(|| product.ends_with("-USD").then(|| symbols.find(&format!("{product}C")))?)
}

fn books(events: &str, venue_ns: Option<i64>, symbols: &Symbols) -> Result<Vec<Message>, Reject> {
    let read: Vec<BookData> = serde_json::from_str(events).map_err(Reject::connection)?;
    let mut said = Vec::with_capacity(read.len());
    for book in &read {
        let Some(sub) = find(symbols, &book.product_id) else { continue };
        let snapshot = match &*book.kind {
            "snapshot" => true,
            "update" => false,
            other => return Err(Reject::book(sub, format!("type {:?}", shown(other)))),
        };
        let mut update = BookUpdate { snapshot, venue_ns, ..BookUpdate::default() };
        for change in &book.updates {
            let level = symbols.grid(sub).level(change.price_level, change.new_quantity);
            let level = level.map_err(|error| Reject::book(sub, error))?;
            match change.side {
                "bid" => update.bids.push(level),
                "offer" | "ask" => update.asks.push(level),
                other => return Err(Reject::book(sub, format!("side {:?}", shown(other)))),
            }
        }
        said.push(Message::Book(sub, update));
    }
    Ok(said)
}

fn trades(events: &str, symbols: &Symbols) -> Result<Vec<Message>, Reject> {
    let read: Vec<TradeBatch> = serde_json::from_str(events).map_err(Reject::connection)?;
    let mut said: Vec<Message> = Vec::new();
    for batch in &read {
        let past = batch.kind == "snapshot";
        // Newest first on the wire; the tape runs the other way.
        for trade in batch.trades.iter().rev() {
            let Some(sub) = find(symbols, &trade.product_id) else { continue };
            let level = symbols.grid(sub).level(trade.price, trade.size);
            let (price, size) = level.map_err(|error| Reject::trades(sub, error))?;
            let aggressor = match trade.side {
                "BUY" => Aggressor::Seller,
                "SELL" => Aggressor::Buyer,
                other => return Err(Reject::trades(sub, format!("side {:?}", shown(other)))),
            };
            let venue_ns = trade.time.as_deref().and_then(stamp::rfc3339);
            let trade = Trade { venue_ns, id: TradeId::parse(&trade.trade_id), aggressor, price, size };
            match said.last_mut() {
                Some(Message::Trades { sub: last, past: old, trades }) if *last == sub && *old == past => {
                    trades.push(trade);
                }
                _ => said.push(Message::Trades { sub, past, trades: vec![trade] }),
            }
        }
    }
    Ok(said)
}

fn acknowledged(events: &str, symbols: &Symbols) -> Vec<Message> {
    let read: Vec<Acknowledged> = serde_json::from_str(events).unwrap_or_default();
    let mut said = Vec::new();
    for (channel, products) in read.iter().flat_map(|event| &event.subscriptions) {
        let channel = match &**channel {
            "level2" => Channel::Book,
            "market_trades" => Channel::Trades,
            _ => continue,
        };
        let subs = products.iter().filter_map(|product| find(symbols, product));
        said.extend(subs.map(|sub| Message::Ack(Some(sub), Some(channel))));
    }
    said
}

impl Protocol for Coinbase {
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String> {
        let products: Vec<String> = subs.iter().map(|&sub| format!("{:?}", symbols.name(sub))).collect();
        let products = products.join(",");
        let to = |channel: &str| {
            format!(r#"{{"type":"subscribe","product_ids":[{products}],"channel":"{channel}"}}"#)
        };
        // Without heartbeats a quiet channel is closed after a minute or so.
        vec![r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned(), to("level2"), to("market_trades")]
    }

    fn resubscribe(&mut self, _symbols: &Symbols, _sub: usize) -> Vec<String> {
        Vec::new()
    }

    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject> {
        let read: Frame = serde_json::from_str(frame).map_err(Reject::connection)?;
        if read.kind.as_deref() == Some("error") {
            let text = read.message.as_deref().unwrap_or("no reason given");
            let sub = symbols.names().position(|name| text.contains(name));
            out.push(Message::Refused(sub, shown(text)));
            return Ok(());
        }
        let events = read.events.map_or("[]", RawValue::get);
        let venue_ns = read.timestamp.as_deref().and_then(stamp::rfc3339);
        let said = match read.channel.as_deref() {
            // The number is the only proof that nothing is missing.
            Some("l2_data" | "market_trades") if read.sequence_num.is_none() => {
                return Err(Reject::connection("a message without sequence_num"));
            }
            Some("l2_data") => books(events, venue_ns, symbols)?,
            Some("market_trades") => trades(events, symbols)?,
            Some("subscriptions") => acknowledged(events, symbols),
            _ => Vec::new(),
        };
        out.extend(read.sequence_num.map(Message::Sequence));
        out.extend(said);
        Ok(())
    }

    fn continuity(&self, _last_id: u64, _update: &BookUpdate) -> Continuity {
        Continuity::Next
    }
}

#[derive(Deserialize)]
struct Product {
    price_increment: String,
    base_increment: String,
}

fn read_instrument(body: &str) -> Result<(String, String), Reject> {
    let read: Product = serde_json::from_str(body).map_err(Reject::connection)?;
    Ok((read.price_increment, read.base_increment))
}

#[cfg(test)]
mod tests {
    use super::super::kit::{opened, read};
    use super::*;
    use crate::protocol::Concerns;

    const UPDATE: &str = r#"{"channel":"l2_data","client_id":"","timestamp":"2023-02-09T20:32:50.714964855Z","sequence_num":7,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"21921.73","new_quantity":"0.06317902"},{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"21921.74","new_quantity":"0"}]}]}"#;

    #[test]
    fn offers_are_asks_and_the_number_comes_first() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USD", "0.01", "0.00000001");
        let said = read(&mut *protocol, &symbols, UPDATE).unwrap();
        let [Message::Sequence(7), Message::Book(0, update)] = &said[..] else { panic!("{said:?}") };
        assert_eq!(
            (&update.bids[..], &update.asks[..]),
            (&[(2_192_173, 6_317_902)][..], &[(2_192_174, 0)][..])
        );
        assert_eq!(update.venue_ns, Some(1_675_974_770_714_964_855));
    }

    #[test]
    fn a_product_in_usdc_answers_as_usd() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USDC", "0.01", "0.00000001");
        assert_eq!(read(&mut *protocol, &symbols, UPDATE).unwrap().len(), 2);
        let other = UPDATE.replace("BTC-USD", "ETH-USD");
        assert_eq!(read(&mut *protocol, &symbols, &other).unwrap(), [Message::Sequence(7)]);
    }

    #[test]
    fn the_side_of_a_trade_is_the_makers_and_the_tape_runs_forward() {
        let (mut protocol, symbols) = opened(&VENUE, "ETH-USD", "0.01", "0.001");
        let trade = |id: u32, side: &str| {
            format!(
                r#"{{"trade_id":"{id}","product_id":"ETH-USD","price":"1260.01","size":"0.3","side":"{side}","time":"2019-08-14T20:42:27.265Z"}}"#
            )
        };
        let frame = format!(
            r#"{{"channel":"market_trades","sequence_num":0,"events":[{{"type":"update","trades":[{},{}]}}]}}"#,
            trade(11, "SELL"),
            trade(10, "BUY")
        );
        let said = read(&mut *protocol, &symbols, &frame).unwrap();
        let [Message::Sequence(0), Message::Trades { trades, past: false, .. }] = &said[..] else {
            panic!("{said:?}")
        };
        let told: Vec<_> = trades.iter().map(|trade| (trade.id.clone(), trade.aggressor)).collect();
        assert_eq!(told, [(TradeId::Number(10), Aggressor::Seller), (TradeId::Number(11), Aggressor::Buyer)]);
    }

    #[test]
    fn acknowledgements_heartbeats_and_errors() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USD", "0.01", "0.00000001");
        let mut one = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap();
        let ack = r#"{"channel":"subscriptions","sequence_num":1,"events":[{"subscriptions":{"level2":["BTC-USD"],"heartbeats":["x"]}}]}"#;
        assert_eq!(one(ack), [Message::Sequence(1), Message::Ack(Some(0), Some(Channel::Book))]);
        let beat = r#"{"channel":"heartbeats","sequence_num":2,"events":[{"current_time":"x","heartbeat_counter":42}]}"#;
        assert_eq!(one(beat), [Message::Sequence(2)]);
        assert_eq!(one(r#"{"channel":"new_thing","sequence_num":3,"events":7}"#), [Message::Sequence(3)]);
        let error = r#"{"type":"error","message":"BTC-USD is not a valid product"}"#;
        assert!(matches!(&one(error)[..], [Message::Refused(Some(0), _)]));
    }

    #[test]
    fn what_is_wrong_concerns_its_book_or_the_connection() {
        let (mut protocol, symbols) = opened(&VENUE, "BTC-USD", "0.01", "0.00000001");
        let mut why = |frame: &str| read(&mut *protocol, &symbols, frame).unwrap_err().concerns;
        assert_eq!(why(&UPDATE.replace("21921.73", "21921.731")), Concerns::Book(0));
        assert_eq!(why(&UPDATE.replace("\"bid\"", "\"bidd\"")), Concerns::Book(0));
        assert_eq!(why(&UPDATE.replace("\"0.06317902\"", "0.06317902")), Concerns::Connection);
        assert_eq!(why(&UPDATE.replace("sequence_num\":7", "sequence_num\":-7")), Concerns::Connection);
        assert_eq!(why(&UPDATE.replace("\"sequence_num\":7,", "")), Concerns::Connection);
    }
}
