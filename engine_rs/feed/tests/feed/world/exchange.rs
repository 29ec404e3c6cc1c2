//! Exchanges that hold a true book a symbol and speak their protocol. Written apart from the code they test: texts
//! are put together here, checksums taken over texts.

use std::collections::{BTreeMap, BTreeSet};

use super::Rng;
use super::mirror::Sides;

pub const TICK: &str = "0.01";
pub const LOT: &str = "0.001";
type Side = BTreeMap<i64, i64>;

fn price(ticks: i64) -> String {
    format!("{}.{:02}", ticks / 100, ticks % 100)
}

fn size(lots: i64) -> String {
    format!("{}.{:03}", lots / 1000, lots % 1000)
}

/// One symbol's market.
pub struct Market {
    pub name: String,
    pub bids: Side,
    pub asks: Side,
    pub id: u64,
    pub trade: u64,
}

/// Levels that changed: (price, size) per side, sizes absolute.
#[derive(Clone, Default)]
pub struct Change {
    bids: Vec<(i64, i64)>,
    asks: Vec<(i64, i64)>,
    first: u64,
    previous: u64,
}

impl Market {
    fn new(name: &str, rng: &mut Rng) -> Self {
        let mut side =
            |from: i64, step: i64| (0..14).map(|n| (from + n * step, 1 + rng.below(5000) as i64)).collect();
        let (bids, asks) = (side(9_999, -1), side(10_001, 1));
        Self { name: name.to_owned(), bids, asks, id: 100, trade: 1000 }
    }

    fn best(&self) -> (i64, i64) {
        let bid = self.bids.last_key_value().map_or(1, |level| *level.0);
        (bid, self.asks.first_key_value().map_or(bid + 20, |level| *level.0))
    }

    /// A few levels change; the book stays uncrossed and neither side runs empty.
    fn change(&mut self, rng: &mut Rng, jumps: u64) -> Change {
        let mut change = Change { first: self.id + 1, previous: self.id, ..Change::default() };
        for _ in 0..1 + rng.below(4) {
            let (bid, ask) = self.best();
            let lots = if rng.once_in(3) { 0 } else { 1 + rng.below(9000) as i64 };
            if rng.once_in(2) {
                let at = (ask - 1 - rng.below(14) as i64).max(1);
                if lots > 0 || self.bids.len() > 11 {
                    Self::set(&mut self.bids, at, lots);
                    change.bids.push((at, lots));
                }
            } else {
                let at = bid + 1 + rng.below(14) as i64;
                if lots > 0 || self.asks.len() > 11 {
                    Self::set(&mut self.asks, at, lots);
                    change.asks.push((at, lots));
                }
            }
        }
        self.id += 1 + rng.below(jumps);
        change
    }

    /// The change as a venue tells it that keeps `depth` levels up to date: with the levels that have come into
    /// the window, without those beyond it. What was pushed out is not told.
    fn in_window(&self, change: Change, before: &Sides, depth: usize) -> Change {
        let after = self.sides(depth);
        let told = |before: &[(i64, i64)], after: &[(i64, i64)], book: &Side| {
            let gone = before.iter().filter(|(at, _)| !book.contains_key(at)).map(|&(at, _)| (at, 0));
            gone.chain(after.iter().filter(|level| !before.contains(level)).copied()).collect()
        };
        let bids = told(&before.0, &after.0, &self.bids);
        Change { bids, asks: told(&before.1, &after.1, &self.asks), ..change }
    }

    fn set(side: &mut Side, at: i64, lots: i64) {
        match lots {
            0 => drop(side.remove(&at)),
            _ => drop(side.insert(at, lots)),
        }
    }

    fn sides(&self, depth: usize) -> Sides {
        let bids = self.bids.iter().rev().take(depth).map(|(&at, &lots)| (at, lots)).collect();
        (bids, self.asks.iter().take(depth).map(|(&at, &lots)| (at, lots)).collect())
    }
}

pub struct Exchange {
    venue: &'static str,
    pub markets: Vec<Market>,
    depth: usize,
    rng: Rng,
    /// (connection, symbol) with a subscription to the book.
    books: BTreeSet<(u64, usize)>,
    trades: BTreeSet<(u64, usize)>,
    /// Coinbase's numbers, per connection.
    sequences: BTreeMap<u64, u64>,
    /// Bybit's topic ids are its own.
    updates: u64,
    pub acks: bool,
}

impl Exchange {
    pub fn new(venue: &'static str, names: &[&str], depth: Option<usize>, seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0x5eed);
        let markets = names.iter().map(|name| Market::new(name, &mut rng)).collect();
        let depth = depth.unwrap_or(usize::MAX);
        let (books, trades, sequences) = Default::default();
        Self { venue, markets, depth, rng, books, trades, sequences, updates: 0, acks: true }
    }

    pub fn truth(&self, sub: usize) -> Sides {
        self.markets[sub].sides(self.depth)
    }

    pub fn forget(&mut self, conn: u64) {
        self.books.retain(|&(other, _)| other != conn);
        self.trades.retain(|&(other, _)| other != conn);
        self.sequences.remove(&conn);
    }

    pub fn greets(&mut self, _conn: u64) -> Vec<String> {
        match self.venue {
            "kraken" => vec![
                r#"{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]}"#
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    /// What the exchange answers to a message.
    pub fn hears(&mut self, conn: u64, text: &str) -> Vec<String> {
        if self.venue == "okx" && text == "ping" {
            return vec!["pong".to_owned()];
        }
        let named: Vec<usize> =
            (0..self.markets.len()).filter(|&sub| self.mentions(text, &self.markets[sub].name)).collect();
        let method =
            ["unsubscribe", "SUBSCRIBE", "subscribe", "ping"].into_iter().find(|word| text.contains(word));
        match (self.venue, method) {
            ("kraken", Some("ping")) => vec![r#"{"method":"pong","req_id":1}"#.to_owned()],
            ("bybit", Some("ping")) => vec![r#"{"success":true,"ret_msg":"pong","op":"ping"}"#.to_owned()],
            (_, Some("unsubscribe")) => {
                self.books.retain(|&(of, sub)| of != conn || !named.contains(&sub));
                Vec::new()
            }
            (_, Some(_)) => self.subscribes(conn, text, &named),
            _ => Vec::new(),
        }
    }

    fn mentions(&self, text: &str, name: &str) -> bool {
        let name = if self.venue == "binance" { name.to_lowercase() } else { name.to_owned() };
        text.contains(&name)
    }

    fn subscribes(&mut self, conn: u64, text: &str, named: &[usize]) -> Vec<String> {
        let book = ["depth@", "\"book\"", "level2", "\"books\"", "orderbook."]
            .iter()
            .any(|word| text.contains(word));
        let trades = ["@trade", "\"trade\"", "market_trades", "\"trades\"", "publicTrade"]
            .iter()
            .any(|word| text.contains(word));
        let mut out = Vec::new();
        if self.acks {
            out.extend(self.acknowledges(conn, named, book, trades));
        }
        for &sub in named {
            if trades {
                self.trades.insert((conn, sub));
            }
            if book {
                self.books.insert((conn, sub));
                if self.venue != "binance" {
                    let snapshot = self.snapshot(conn, sub);
                    out.push(snapshot);
                }
            }
        }
        out
    }

    fn acknowledges(&mut self, conn: u64, named: &[usize], book: bool, trades: bool) -> Vec<String> {
        let channels: Vec<&str> =
            [("book", book), ("trade", trades)].iter().filter(|c| c.1).map(|c| c.0).collect();
        let names: Vec<String> = named.iter().map(|&sub| self.markets[sub].name.clone()).collect();
        let each = |one: &dyn Fn(&str, &str) -> String| {
            channels.iter().flat_map(|channel| names.iter().map(|name| one(channel, name))).collect()
        };
        match self.venue {
            "binance" => vec![r#"{"result":null,"id":1}"#.to_owned()],
            "kraken" => each(&|channel, name| {
                format!(
                    r#"{{"method":"subscribe","result":{{"channel":"{channel}","symbol":"{name}"}},"success":true}}"#
                )
            }),
            "okx" => each(&|channel, name| {
                let channel = if channel == "book" { "books" } else { "trades" };
                format!(r#"{{"event":"subscribe","arg":{{"channel":"{channel}","instId":"{name}"}}}}"#)
            }),
            "bybit" => named
                .iter()
                .map(|sub| {
                    format!(r#"{{"success":true,"ret_msg":"subscribe","req_id":"{sub}","op":"subscribe"}}"#)
                })
                .collect(),
            _ => {
                let number = self.sequence(conn);
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                let names = names.join(",");
                let channel = match (book, trades) {
                    (true, _) => "level2",
                    (_, true) => "market_trades",
                    _ => "heartbeats",
                };
                vec![format!(
                    r#"{{"channel":"subscriptions","sequence_num":{number},"events":[{{"subscriptions":{{"{channel}":[{names}]}}}}]}}"#
                )]
            }
        }
    }

    fn sequence(&mut self, conn: u64) -> u64 {
        let next = self.sequences.entry(conn).or_default();
        *next += 1;
        *next - 1
    }

    /// One market changes, sometimes with a trade: (connection, frame).
    pub fn changes(&mut self, wall_ns: i64) -> Vec<(u64, String)> {
        let sub = self.rng.below(self.markets.len() as u64) as usize;
        let before = self.markets[sub].sides(self.depth);
        let change = self.markets[sub].change(&mut self.rng, if self.venue == "bybit" { 1 } else { 3 });
        let change = self.markets[sub].in_window(change, &before, self.depth);
        self.updates += 1;
        let mut out = Vec::new();
        for (conn, _) in self.books.clone().into_iter().filter(|&(_, of)| of == sub) {
            out.push((conn, self.diff(conn, sub, &change, wall_ns)));
        }
        if self.rng.once_in(4) {
            self.markets[sub].trade += 1;
            for (conn, _) in self.trades.clone().into_iter().filter(|&(_, of)| of == sub) {
                out.push((conn, self.trade(conn, sub)));
            }
        }
        out
    }

    fn pairs(levels: &[(i64, i64)], more: &str) -> String {
        let pairs: Vec<String> =
            levels.iter().map(|&(at, lots)| format!(r#"["{}","{}"{more}]"#, price(at), size(lots))).collect();
        format!("[{}]", pairs.join(","))
    }

    fn numbers(levels: &[(i64, i64)]) -> String {
        let pairs: Vec<String> = levels
            .iter()
            .map(|&(at, lots)| format!(r#"{{"price":{},"qty":{}}}"#, price(at), size(lots)))
            .collect();
        format!("[{}]", pairs.join(","))
    }

    fn offers(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> String {
        let one = |side: &str, &(at, lots): &(i64, i64)| {
            format!(r#"{{"side":"{side}","price_level":"{}","new_quantity":"{}"}}"#, price(at), size(lots))
        };
        let all: Vec<String> = bids
            .iter()
            .map(|level| one("bid", level))
            .chain(asks.iter().map(|level| one("offer", level)))
            .collect();
        format!("[{}]", all.join(","))
    }

    /// Over the texts, as the documents describe it.
    fn kraken_sum(&self, sub: usize) -> u32 {
        let (bids, asks) = self.markets[sub].sides(10);
        let mut text = String::new();
        for (at, lots) in asks.iter().chain(&bids) {
            for part in [price(*at), size(*lots)] {
                text += part.replace('.', "").trim_start_matches('0');
            }
        }
        crc32fast::hash(text.as_bytes())
    }

    fn diff(&mut self, conn: u64, sub: usize, change: &Change, wall_ns: i64) -> String {
        let (name, id) = (self.markets[sub].name.clone(), self.markets[sub].id);
        let ms = wall_ns / 1_000_000;
        let Change { bids, asks, first, previous } = change;
        match self.venue {
            "binance" => format!(
                r#"{{"stream":"x","data":{{"e":"depthUpdate","E":{ms},"s":"{name}","U":{first},"u":{id},"b":{},"a":{}}}}}"#,
                Self::pairs(bids, ""),
                Self::pairs(asks, "")
            ),
            "kraken" => self.kraken(sub, "update", bids, asks),
            "okx" => format!(
                r#"{{"arg":{{"channel":"books","instId":"{name}"}},"action":"update","data":[{{"bids":{},"asks":{},"ts":"{ms}","checksum":0,"prevSeqId":{previous},"seqId":{id}}}]}}"#,
                Self::pairs(bids, r#","0","1""#),
                Self::pairs(asks, r#","0","1""#)
            ),
            "bybit" => self.bybit(sub, "delta", bids, asks),
            _ => self.coinbase(conn, sub, "update", bids, asks),
        }
    }

    fn kraken(&self, sub: usize, kind: &str, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> String {
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{}","bids":{},"asks":{},"checksum":{},"timestamp":"2026-11-22T00:00:00.000001Z"}}]}}"#,
            self.markets[sub].name,
            Self::numbers(bids),
            Self::numbers(asks),
            self.kraken_sum(sub)
        )
    }

    /// Ids of a topic rise by one with every change of its symbol; here that is the number of changes of its market.
    fn bybit(&self, sub: usize, kind: &str, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> String {
        let Market { name, id, .. } = &self.markets[sub];
        format!(
            r#"{{"topic":"orderbook.50.{name}","ts":1,"type":"{kind}","data":{{"s":"{name}","b":{},"a":{},"u":{id},"seq":{}}},"cts":2}}"#,
            Self::pairs(bids, ""),
            Self::pairs(asks, ""),
            self.updates
        )
    }

    fn coinbase(
        &mut self,
        conn: u64,
        sub: usize,
        kind: &str,
        bids: &[(i64, i64)],
        asks: &[(i64, i64)],
    ) -> String {
        let number = self.sequence(conn);
        format!(
            r#"{{"channel":"l2_data","timestamp":"2026-11-22T00:00:00.000001Z","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"{}","updates":{}}}]}}"#,
            self.markets[sub].name,
            Self::offers(bids, asks)
        )
    }

    /// The book as it is, in band.
    pub fn snapshot(&mut self, conn: u64, sub: usize) -> String {
        let (bids, asks) = self.markets[sub].sides(self.depth);
        let Market { name, id, .. } = &self.markets[sub];
        match self.venue {
            "kraken" => self.kraken(sub, "snapshot", &bids, &asks),
            "okx" => format!(
                r#"{{"arg":{{"channel":"books","instId":"{name}"}},"action":"snapshot","data":[{{"bids":{},"asks":{},"ts":"1","checksum":0,"prevSeqId":-1,"seqId":{id}}}]}}"#,
                Self::pairs(&bids, r#","0","1""#),
                Self::pairs(&asks, r#","0","1""#)
            ),
            "bybit" => self.bybit(sub, "snapshot", &bids, &asks),
            _ => self.coinbase(conn, sub, "snapshot", &bids, &asks),
        }
    }

    fn trade(&mut self, conn: u64, sub: usize) -> String {
        let Market { name, trade, .. } = &self.markets[sub];
        match self.venue {
            "binance" => format!(
                r#"{{"stream":"x","data":{{"e":"trade","E":1,"s":"{name}","t":{trade},"p":"100.00","q":"0.001","T":1,"m":true}}}}"#
            ),
            "kraken" => format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"{name}","side":"sell","price":100.00,"qty":0.001,"trade_id":{trade}}}]}}"#
            ),
            "okx" => format!(
                r#"{{"arg":{{"channel":"trades","instId":"{name}"}},"data":[{{"instId":"{name}","tradeId":"{trade}","px":"100","sz":"0.001","side":"sell","ts":"1"}}]}}"#
            ),
            "bybit" => format!(
                r#"{{"topic":"publicTrade.{name}","type":"snapshot","data":[{{"T":1,"s":"{name}","S":"Sell","v":"0.001","p":"100.00","i":"id-{trade}"}}]}}"#
            ),
            _ => {
                let (name, trade) = (name.clone(), *trade);
                let number = self.sequence(conn);
                format!(
                    r#"{{"channel":"market_trades","sequence_num":{number},"events":[{{"type":"update","trades":[{{"trade_id":"{trade}","product_id":"{name}","price":"100.00","size":"0.001","side":"BUY"}}]}}]}}"#
                )
            }
        }
    }

    /// The answer to a GET of a snapshot.
    pub fn rest(&self, path: &str) -> String {
        let market = self.markets.iter().find(|market| path.contains(&market.name)).expect("a known symbol");
        let (bids, asks) = market.sides(usize::MAX);
        format!(
            r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
            market.id,
            Self::pairs(&bids, ""),
            Self::pairs(&asks, "")
        )
    }
}
