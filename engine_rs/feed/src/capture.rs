//! Captures: what a consumer was given, in order, in one compressed file that only grows.
//!
//! A capture is a zstd stream, flushed after every batch, so that whatever ends the process leaves every batch
//! before it readable. Inside: the bytes `MSFEED01`, then records of length (u32), CRC-32 of the payload (u32)
//! and payload, little-endian. The first payload is a JSON header, every other one an event:
//!
//! | | |
//! |---|---|
//! | all | u8 kind (0 snapshot, 1 diff, 2 trade, 3 state, 4 gap), u16 subscription, i64 receipt, i64 venue's stamp (the least i64: none) |
//! | snapshot, diff | u64 first id, u64 last id, u32 bids, u32 asks, then i64 price and i64 size of each |
//! | trade | u8 aggressor (0 buyer, 1 seller), i64 price, i64 size, u16 length, id |
//! | state | u8 state, u16 length, reason |
//! | gap | u8 scope (0 book, 1 trades), u8 reason, u64 first missing id, u64 last (both the largest u64: unknown), u64 dropped |

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use zstd::stream::{read, write};

use crate::book::Level;
use crate::event::{Aggressor, Body, BookEvent, Event, Gap, GapReason, Scope, State, Trade, TradeId};
use crate::feed::Subscription;

const MAGIC: &[u8; 8] = b"MSFEED01";
const SCHEMA: u32 = 1;
const COMPRESSION: i32 = 3;
const NO_STAMP: i64 = i64::MIN;
const NO_ID: u64 = u64::MAX;
/// A book of a million levels a side has 32 MB; a longer record is a damaged one.
const LONGEST_RECORD: usize = 64 << 20;
const PIECE: usize = 256 << 10;

#[derive(Serialize, Deserialize)]
struct Header {
    schema: u32,
    created_ns: i64,
    subscriptions: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    venue: String,
    symbol: String,
    tick: String,
    lot: String,
}

/// Appends events to a new file.
pub struct Writer {
    encoder: Option<write::Encoder<'static, File>>,
    batch: Vec<u8>,
    pub records: u64,
    /// Before compression.
    pub bytes: u64,
    /// Why nothing is written any more: a full disk, say. What was written before stays readable.
    pub error: Option<String>,
}

impl Writer {
    /// A new file at `path`; one that exists is left alone, with an error.
    pub fn create(path: &Path, subscriptions: &[Subscription], created_ns: i64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let encoder = write::Encoder::new(file, COMPRESSION)?;
        let mut writer =
            Self { encoder: Some(encoder), batch: Vec::new(), records: 0, bytes: 0, error: None };
        let listed = |sub: &Subscription| Listed {
            venue: sub.venue.clone(),
            symbol: sub.symbol.clone(),
            tick: sub.tick.clone(),
            lot: sub.lot.clone(),
        };
        let subscriptions = subscriptions.iter().map(listed).collect();
        let header = serde_json::to_vec(&Header { schema: SCHEMA, created_ns, subscriptions })?;
        writer.batch.extend(MAGIC);
        frame(&mut writer.batch, |payload| payload.extend(header));
        writer.write_batch()?;
        Ok(writer)
    }

    /// Writes a batch through to the operating system. An error ends the capture, not the feed.
    pub fn append(&mut self, events: &[Event]) {
        if events.is_empty() || self.error.is_some() {
            return;
        }
        for event in events {
            frame(&mut self.batch, |payload| encode(payload, event));
        }
        match self.write_batch() {
            Ok(()) => self.records += events.len() as u64,
            Err(error) => {
                self.error = Some(error.to_string());
                // Finishing would write again.
                std::mem::forget(self.encoder.take());
            }
        }
    }

    /// Ends the stream.
    pub fn close(&mut self) {
        if let Some(Err(error)) = self.encoder.take().map(write::Encoder::finish) {
            self.error.get_or_insert(error.to_string());
        }
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Err(io::Error::other("the capture is closed")) };
        encoder.write_all(&self.batch)?;
        encoder.flush()?;
        self.bytes += self.batch.len() as u64;
        self.batch.clear();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn frame(batch: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = batch.len();
    batch.extend([0; 8]);
    write(batch);
    let payload = &batch[start + 8..];
    let (length, sum) = (payload.len() as u32, crc32fast::hash(payload));
    batch[start..start + 4].copy_from_slice(&length.to_le_bytes());
    batch[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

fn text(payload: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend((end as u16).to_le_bytes());
    payload.extend(&text.as_bytes()[..end]);
}

fn place<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).map_or(u8::MAX, |at| at as u8)
}

fn encode(payload: &mut Vec<u8>, event: &Event) {
    let kind = match &event.body {
        Body::Book(book) => u8::from(!book.snapshot),
        Body::Trade(_) => 2,
        Body::State(..) => 3,
        Body::Gap(_) => 4,
    };
    payload.push(kind);
    payload.extend((event.sub as u16).to_le_bytes());
    payload.extend(event.recv_ns.to_le_bytes());
    payload.extend(event.venue_ns.unwrap_or(NO_STAMP).to_le_bytes());
    match &event.body {
        Body::Book(book) => {
            payload.extend([book.first_id, book.last_id].iter().flat_map(|id| id.to_le_bytes()));
            payload
                .extend([&book.bids, &book.asks].iter().flat_map(|side| (side.len() as u32).to_le_bytes()));
            for (price, size) in book.bids.iter().chain(&book.asks) {
                payload.extend(price.to_le_bytes());
                payload.extend(size.to_le_bytes());
            }
        }
        Body::Trade(trade) => {
            payload.push(u8::from(trade.aggressor == Aggressor::Seller));
            payload.extend(trade.price.to_le_bytes());
            payload.extend(trade.size.to_le_bytes());
            text(payload, &trade.id.to_string());
        }
        Body::State(state, reason) => {
            payload.push(place(&State::ALL, state));
            text(payload, reason);
        }
        Body::Gap(gap) => {
            payload.push(u8::from(gap.scope == Scope::Trades));
            payload.push(place(&GapReason::ALL, &gap.reason));
            let (from, to) = gap.missing.unwrap_or((NO_ID, NO_ID));
            payload.extend([from, to, gap.dropped].iter().flat_map(|number| number.to_le_bytes()));
        }
    }
}

/// Reads a capture from its beginning, also one that was cut off.
pub struct Reader {
    decoder: read::Decoder<'static, BufReader<File>>,
    buffer: Vec<u8>,
    at: usize,
    header: String,
    subscriptions: Vec<Subscription>,
    ended: bool,
    /// The stream has its end: whoever wrote it closed it.
    pub clean: bool,
    /// Bytes of a last record that is not whole.
    pub torn_bytes: usize,
}

fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Reader {
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut reader = Self {
            decoder: read::Decoder::new(File::open(path)?)?,
            buffer: Vec::new(),
            at: 0,
            header: String::new(),
            subscriptions: Vec::new(),
            ended: false,
            clean: false,
            torn_bytes: 0,
        };
        let foreign = || damaged("this is no capture of a feed (it does not begin with MSFEED01)");
        while reader.buffer.len() < MAGIC.len() {
            match reader.fill() {
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(foreign()),
            }
        }
        if &reader.buffer[..MAGIC.len()] != MAGIC {
            return Err(foreign());
        }
        reader.at = MAGIC.len();
        let header = reader.record()?.ok_or_else(|| damaged("the capture breaks off in its header"))?;
        reader.header = String::from_utf8(header).map_err(|error| damaged(format!("header: {error}")))?;
        let read: Header =
            serde_json::from_str(&reader.header).map_err(|error| damaged(format!("header: {error}")))?;
        if read.schema != SCHEMA {
            return Err(damaged(format!(
                "the capture has schema {}; this version reads {SCHEMA}",
                read.schema
            )));
        }
        let listed =
            |sub: Listed| Subscription { venue: sub.venue, symbol: sub.symbol, tick: sub.tick, lot: sub.lot };
        reader.subscriptions = read.subscriptions.into_iter().map(listed).collect();
        Ok(reader)
    }

    /// The header as JSON.
    pub fn header(&self) -> &str {
        &self.header
    }

    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Up to `most` events; empty at the end, also of a capture that was cut off.
    pub fn read(&mut self, most: usize) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        while events.len() < most {
            let Some(payload) = self.record()? else { break };
            let event = decode(&payload).ok_or_else(|| damaged("a record that is no event"))?;
            if event.sub >= self.subscriptions.len() {
                return Err(damaged(format!(
                    "a record of subscription {}, which the header lacks",
                    event.sub
                )));
            }
            events.push(event);
        }
        Ok(events)
    }

    fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let left = &self.buffer[self.at..];
            if let Some(head) = left.first_chunk::<8>() {
                let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
                let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
                if length > LONGEST_RECORD {
                    return Err(damaged("a record of impossible length"));
                }
                if let Some(payload) = left.get(8..8 + length) {
                    if crc32fast::hash(payload) != sum {
                        return Err(damaged("a record whose checksum is wrong"));
                    }
                    let payload = payload.to_vec();
                    self.at += 8 + length;
                    return Ok(Some(payload));
                }
            }
            if !self.fill()? {
                self.torn_bytes = self.buffer.len() - self.at;
                return Ok(None);
            }
        }
    }

    /// Decompresses some more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + PIECE, 0);
        let read = self.decoder.read(&mut self.buffer[before..]);
        self.buffer.truncate(before + read.as_ref().map_or(0, |&read| read));
        match read {
            Ok(0) => (self.ended, self.clean) = (true, true),
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.ended = true,
            Err(error) => return Err(damaged(format!("the compressed data are damaged ({error})"))),
        }
        Ok(false)
    }
}

/// Takes values off the front of a payload.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.u16()?);
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).ok()
    }

    fn levels(&mut self, number: u32) -> Option<Vec<Level>> {
        (self.0.len() >= number as usize * 16).then_some(())?;
        (0..number).map(|_| Some((self.i64()?, self.i64()?))).collect()
    }
}

fn decode(payload: &[u8]) -> Option<Event> {
    let mut rest = Cursor(payload);
    let (kind, sub) = (rest.u8()?, usize::from(rest.u16()?));
    let (recv_ns, venue_ns) = (rest.i64()?, Some(rest.i64()?).filter(|&stamp| stamp != NO_STAMP));
    let body = match kind {
        0 | 1 => {
            let (first_id, last_id, bids, asks) = (rest.u64()?, rest.u64()?, rest.u32()?, rest.u32()?);
            let (bids, asks) = (rest.levels(bids)?, rest.levels(asks)?);
            Body::Book(BookEvent { snapshot: kind == 0, first_id, last_id, bids, asks })
        }
        2 => {
            let aggressor = if rest.u8()? == 0 { Aggressor::Buyer } else { Aggressor::Seller };
            let (price, size) = (rest.i64()?, rest.i64()?);
            Body::Trade(Trade { venue_ns, id: TradeId::parse(&rest.text()?), aggressor, price, size })
        }
        3 => Body::State(*State::ALL.get(usize::from(rest.u8()?))?, rest.text()?),
        4 => {
            let scope = if rest.u8()? == 0 { Scope::Book } else { Scope::Trades };
            let reason = *GapReason::ALL.get(usize::from(rest.u8()?))?;
            let missing = Some((rest.u64()?, rest.u64()?)).filter(|&ids| ids != (NO_ID, NO_ID));
            Body::Gap(Gap { scope, reason, missing, dropped: rest.u64()? })
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(Event { sub, recv_ns, venue_ns, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions() -> Vec<Subscription> {
        let text = |text: &str| text.to_owned();
        vec![Subscription {
            venue: text("kraken"),
            symbol: text("BTC/USD"),
            tick: text("0.1"),
            lot: text("0.00000001"),
        }]
    }

    fn events(from: i64, number: i64) -> Vec<Event> {
        let body = |n: i64| match n % 5 {
            0 => Body::Book(BookEvent {
                snapshot: n % 2 == 0,
                first_id: 1,
                last_id: n as u64,
                bids: vec![(n, 2)],
                asks: vec![],
            }),
            1 => Body::Trade(Trade {
                venue_ns: Some(n),
                id: TradeId::Number(7),
                aggressor: Aggressor::Seller,
                price: 1,
                size: 2,
            }),
            2 => Body::State(State::Live, "reason with ä".to_owned()),
            3 => Body::Gap(Gap {
                scope: Scope::Trades,
                reason: GapReason::Crossed,
                missing: Some((1, 2)),
                dropped: 3,
            }),
            _ => Body::Gap(Gap { scope: Scope::Book, reason: GapReason::Silent, missing: None, dropped: 0 }),
        };
        let event = |n: i64| Event { sub: 0, recv_ns: n, venue_ns: (n % 5 == 1).then_some(n), body: body(n) };
        (from..from + number).map(event).collect()
    }

    fn path(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("market_feed_{}_{name}.msfeed", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn all(reader: &mut Reader) -> Vec<Event> {
        let mut found = Vec::new();
        loop {
            let batch = reader.read(7).unwrap();
            if batch.is_empty() {
                return found;
            }
            found.extend(batch);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let path = path("whole");
        let mut writer = Writer::create(&path, &subscriptions(), 5).unwrap();
        writer.append(&events(0, 100));
        writer.append(&events(100, 1));
        writer.close();
        assert!(Writer::create(&path, &subscriptions(), 5).is_err(), "a capture is never written over");
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.subscriptions(), subscriptions());
        assert_eq!(all(&mut reader), events(0, 101));
        assert_eq!((reader.clean, reader.torn_bytes), (true, 0));
        assert!(reader.header().contains("BTC/USD"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_capture_cut_anywhere_gives_every_whole_batch_before() {
        let path = path("cut");
        let mut writer = Writer::create(&path, &subscriptions(), 5).unwrap();
        // Sizes of the file at which a batch is complete, as a process that is killed would leave it.
        let mut complete = Vec::new();
        for batch in 0..20 {
            writer.append(&events(batch * 10, 10));
            complete.push(std::fs::metadata(&path).unwrap().len());
        }
        let bytes = std::fs::read(&path).unwrap();
        std::mem::forget(writer);
        for cut in (complete[0] as usize..=bytes.len()).step_by(3) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let mut reader = Reader::open(&path).unwrap();
            let found = all(&mut reader);
            let batches = complete.iter().filter(|&&size| size as usize <= cut).count() as i64;
            assert!(found.len() as i64 >= batches * 10, "{cut}: {} of {batches} batches", found.len());
            assert_eq!(found, events(0, found.len() as i64));
            assert!(!reader.clean);
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn damage_and_foreign_files_are_told() {
        let path = path("damaged");
        std::fs::write(&path, b"not zstd at all").unwrap();
        assert!(Reader::open(&path).is_err());
        std::fs::write(&path, zstd::encode_all(&b"MSFEED01\xff\xff\xff\xff\0\0\0\0"[..], 1).unwrap())
            .unwrap();
        assert!(Reader::open(&path).err().unwrap().to_string().contains("length"));
        std::fs::write(&path, zstd::encode_all(&b"MSFEED01\x02\0\0\0\0\0\0\0{}"[..], 1).unwrap()).unwrap();
        assert!(Reader::open(&path).err().unwrap().to_string().contains("checksum"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn payloads_of_any_kind_are_refused_not_crashed_on() {
        for event in events(0, 5) {
            let mut payload = Vec::new();
            encode(&mut payload, &event);
            assert_eq!(decode(&payload), Some(event));
            (0..payload.len()).for_each(|cut| assert_eq!(decode(&payload[..cut]), None));
        }
        assert_eq!(decode(&[9; 40]), None);
    }
}
