//! The matching benchmark's workload: a file of messages, run through a venue, and what came of it.
//!
//! Two parts, because the book is filled before the clock starts. No clock in here: whoever measures holds it.

use std::fmt;
use std::sync::Arc;

use crate::event::{Event, EventKind};
use crate::order::{Command, NewOrder, OrderType};
use crate::types::{Lots, OrderId, Side, Ticks};
use crate::venue::{ListingSpec, Venue};

const HEADER_BYTES: usize = 16;
const ROW_BYTES: usize = 20;
/// Order `id` belongs to account `2 * (id mod 500) + side`: an account trades on one side only.
const ACCOUNTS_A_SIDE: u32 = 500;
/// Events are read and let go once so many wait, so that the buffer stays in the cache as a consumer's would.
const EVENTS_KEPT: usize = 512;

/// Why a file is no workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadError(String);

impl fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workload: {}", self.0)
    }
}

impl std::error::Error for WorkloadError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageKind {
    Add,
    Cancel,
    Market,
    /// A cancel and a new order under a new id: it never keeps priority.
    Replace,
}

/// 20 bytes, as in the file: reading a row costs as little as it can.
#[derive(Clone, Copy, Debug)]
struct Message {
    kind: MessageKind,
    side: Side,
    size: u32,
    price: i32,
    id: u32,
    /// The order a cancel or replace speaks of.
    target: u32,
}

/// The messages of a file.
#[derive(Clone, Debug)]
pub struct Workload {
    messages: Vec<Message>,
    preload: usize,
}

/// What came of the messages run so far. `hash` folds every fill's maker, size and price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub fills: u64,
    pub traded: i64,
    pub hash: u64,
}

impl Workload {
    /// Reads the bytes of a workload file: four words (messages to preload, messages, ids, bytes a row), then rows.
    pub fn parse(bytes: &[u8]) -> Result<Self, WorkloadError> {
        let wrong = |what: String| Err(WorkloadError(what));
        let (Some(header), Some(rows)) = (bytes.get(..HEADER_BYTES), bytes.get(HEADER_BYTES..)) else {
            return wrong(format!("{} bytes are no header of {HEADER_BYTES}", bytes.len()));
        };
        let [preload, count, _ids, row] = [0, 4, 8, 12].map(|at| word(header, at) as usize);
        if row != ROW_BYTES || count.checked_mul(ROW_BYTES) != Some(rows.len()) || preload > count {
            return wrong(format!(
                "the header tells of {count} rows of {row} bytes, {preload} of them to preload, but {} bytes follow it",
                rows.len()
            ));
        }
        let messages = rows.chunks_exact(ROW_BYTES).enumerate().map(|(number, row)| {
            message(row).ok_or_else(|| WorkloadError(format!("row {number} has an unknown type or side")))
        });
        Ok(Self { messages: messages.collect::<Result<_, _>>()?, preload })
    }

    /// Messages of the timed part.
    pub fn timed(&self) -> usize {
        self.messages.len() - self.preload
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn message(row: &[u8]) -> Option<Message> {
    let kind = match row[0] {
        0 => MessageKind::Add,
        1 => MessageKind::Cancel,
        2 => MessageKind::Market,
        3 => MessageKind::Replace,
        _ => return None,
    };
    let side = Side::from_code(row[1])?;
    let price = word(row, 8) as i32;
    Some(Message { kind, side, size: word(row, 4), price, id: word(row, 12), target: word(row, 16) })
}

/// A workload under way on a venue of its own, with fees, self-trade prevention and all rows written.
#[derive(Clone, Debug)]
pub struct Run {
    workload: Arc<Workload>,
    venue: Venue,
    events: Vec<Event>,
    outcome: Outcome,
    done: usize,
}

impl Run {
    /// A run with nothing done yet; several runs may share a workload.
    pub fn new(workload: Arc<Workload>) -> Self {
        let mut venue = Venue::new();
        // A rebate of 0.2 and a charge of 0.5 basis points: both ways of rounding are at work.
        venue.add_listing(ListingSpec::new(1, 1, 0, -2_000, 5_000).expect("a valid listing"));
        let events = Vec::with_capacity(2 * EVENTS_KEPT);
        Self { workload, venue, events, outcome: Outcome::default(), done: 0 }
    }

    /// Fills the book.
    pub fn preload(&mut self) {
        self.advance(self.workload.preload);
    }

    /// Runs the timed part to its end.
    pub fn finish(&mut self) -> Outcome {
        self.advance(self.workload.messages.len());
        self.outcome
    }

    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    fn advance(&mut self, end: usize) {
        let workload = Arc::clone(&self.workload);
        let messages = &workload.messages[self.done.min(end)..end];
        for (time_ns, message) in (self.done as i64..).zip(messages) {
            self.send(time_ns, message);
            if self.events.len() >= EVENTS_KEPT {
                self.read_events();
            }
        }
        self.done = self.done.max(end);
        self.read_events();
    }

    #[inline]
    fn send(&mut self, time_ns: i64, message: &Message) {
        let Message { kind, side, size, price, id, target } = *message;
        if matches!(kind, MessageKind::Cancel | MessageKind::Replace) {
            let cancel = Command::Cancel { id: order_id(target, side), listing: 0 };
            self.venue.process(time_ns, &cancel, &mut self.events);
            if kind == MessageKind::Cancel {
                return;
            }
        }
        let mut order = NewOrder::limit(order_id(id, side), 0, side, Ticks::from(price), Lots::from(size));
        if kind == MessageKind::Market {
            order.order_type = OrderType::Market;
            order.price = None;
        }
        self.venue.process(time_ns, &Command::New(order), &mut self.events);
    }

    fn read_events(&mut self) {
        let Outcome { fills, traded, hash } = &mut self.outcome;
        for event in self.events.iter().filter(|event| event.kind == EventKind::Trade) {
            *fills += 1;
            *traded += event.size;
            let number = number_of(event.id()) * 31 + event.size as u64 * 7 + event.price as u64;
            *hash = hash.wrapping_mul(1_000_003).wrapping_add(number);
        }
        self.events.clear();
    }
}

#[inline]
fn order_id(number: u32, side: Side) -> OrderId {
    OrderId::new(2 * (number % ACCOUNTS_A_SIDE) + u32::from(side.code()), number / ACCOUNTS_A_SIDE + 1)
}

/// The file's number of an order: the inverse of `order_id`.
#[inline]
fn number_of(id: OrderId) -> u64 {
    u64::from(id.counter - 1) * u64::from(ACCOUNTS_A_SIDE) + u64::from(id.agent / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: u8, side: u8, size: u32, price: i32, id: u32, target: u32) -> Vec<u8> {
        let mut row = vec![kind, side, 0, 0];
        for word in [size, price as u32, id, target] {
            row.extend(word.to_le_bytes());
        }
        row
    }

    fn file(preload: u32, rows: &[Vec<u8>]) -> Vec<u8> {
        let header = [preload, rows.len() as u32, 100, ROW_BYTES as u32];
        header.iter().flat_map(|word| word.to_le_bytes()).chain(rows.iter().flatten().copied()).collect()
    }

    #[test]
    fn a_small_file_is_run_by_hand() {
        // Two asks; one is replaced behind the other; a market buy then takes the other first.
        let bytes = file(
            2,
            &[
                row(0, 1, 5, 10, 0, 0),
                row(0, 1, 6, 10, 501, 0),
                row(3, 1, 5, 10, 502, 0),
                row(2, 0, 8, 0, 503, 0),
                row(1, 1, 0, 10, 0, 502),
            ],
        );
        let workload = Workload::parse(&bytes).unwrap();
        assert_eq!(workload.timed(), 3);
        let mut run = Run::new(Arc::new(workload));
        run.preload();
        assert_eq!(run.venue().book(0).live(), 2);
        let hash = (501 * 31 + 6 * 7 + 10u64) * 1_000_003 + 502 * 31 + 2 * 7 + 10;
        assert_eq!(run.finish(), Outcome { fills: 2, traded: 8, hash });
        assert_eq!(run.venue().book(0).live(), 0);
    }

    #[test]
    fn numbers_and_order_ids_are_one_to_one() {
        for number in [0, 1, 499, 500, 501, 1_000_003] {
            for side in Side::BOTH {
                assert_eq!(number_of(order_id(number, side)), u64::from(number));
                assert_eq!(order_id(number, side).agent % 2, u32::from(side.code()));
            }
        }
    }

    #[test]
    fn what_is_no_workload_is_refused() {
        let good = file(0, &[row(0, 1, 5, 10, 0, 0)]);
        assert!(Workload::parse(&good).is_ok());
        assert!(Workload::parse(&good[..10]).unwrap_err().to_string().contains("no header"));
        assert!(Workload::parse(&good[..good.len() - 1]).unwrap_err().to_string().contains("bytes follow"));
        assert!(Workload::parse(&file(2, &[row(0, 1, 5, 10, 0, 0)])).is_err());
        let unknown = file(0, &[row(9, 1, 5, 10, 0, 0)]);
        assert!(Workload::parse(&unknown).unwrap_err().to_string().contains("row 0"));
    }
}
