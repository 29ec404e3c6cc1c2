//! The matching benchmark's workload: a file of messages, run through a venue, and what came of it.
//!
//! Two parts, because the book is filled before the clock starts. No clock in here: whoever measures holds it.

use std::fmt;
use std::sync::Arc;

use crate::event::{Event, EventKind};
use crate::ledger::{Ledger, Settlement};
use crate::order::{Command, NewOrder, OrderType};
use crate::types::{AssetId, FIRST_USER_AGENT, ListingId, Lots, OrderId, Side, Ticks};
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

/// Messages by which each book is behind the one before it.
const LAG: usize = 1_009;

/// What a run carries beside one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Every message goes to so many books, one some messages behind the other; they end alike.
    pub books: ListingId,
    /// Every match moves money and goods between accounts.
    pub ledger: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self { books: 1, ledger: false }
    }
}

/// A workload under way on a venue of its own, with fees, self-trade prevention and all rows written.
#[derive(Clone, Debug)]
pub struct Run {
    workload: Arc<Workload>,
    venue: Venue,
    ledger: Option<Ledger>,
    events: Vec<Event>,
    /// By book.
    outcomes: Vec<Outcome>,
    done: usize,
}

const BASE: AssetId = 0;
const QUOTE: AssetId = 1;

impl Run {
    /// A run with nothing done yet; several runs may share a workload.
    pub fn new(workload: Arc<Workload>, setting: Setting) -> Self {
        let mut venue = Venue::new();
        for _ in 0..setting.books {
            // A rebate of 0.2 and a charge of 0.5 basis points: both ways of rounding are at work.
            venue.add_listing(ListingSpec::new(1, 1, 0, -2_000, 5_000).expect("a valid listing"));
        }
        let ledger = setting.ledger.then(|| {
            let mut ledger = Ledger::new(false);
            ledger.grow((FIRST_USER_AGENT + 2 * ACCOUNTS_A_SIDE) as usize, 1, 2);
            ledger
        });
        let events = Vec::with_capacity(2 * EVENTS_KEPT);
        let outcomes = vec![Outcome::default(); setting.books as usize];
        Self { workload, venue, ledger, events, outcomes, done: 0 }
    }

    /// Fills the books.
    pub fn preload(&mut self) {
        self.advance(self.workload.preload);
    }

    /// Runs the timed part to its end: what came of one book. Panics if the books differ.
    pub fn finish(&mut self) -> Outcome {
        self.advance(self.workload.messages.len());
        let first = self.outcomes[0];
        assert!(self.outcomes.iter().all(|outcome| *outcome == first), "books of like messages are alike");
        first
    }

    pub fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Whether every asset still sums to what was deposited: nothing.
    pub fn is_balanced(&self) -> bool {
        self.ledger.as_ref().is_none_or(|ledger| ledger.imbalance(BASE) == 0 && ledger.imbalance(QUOTE) == 0)
    }

    fn advance(&mut self, end: usize) {
        let workload = Arc::clone(&self.workload);
        let start = self.done.min(end);
        let messages = &workload.messages[start..end];
        let books = self.outcomes.len();
        for step in 0..messages.len() + (books - 1) * LAG {
            // Lagging books are at different places of the workload, as books of different instruments are.
            for book in 0..books {
                let place = step.checked_sub(book * LAG);
                if let Some((place, message)) = place.and_then(|place| Some((place, messages.get(place)?))) {
                    self.send((start + place) as i64, message, book as ListingId);
                    if self.events.len() >= EVENTS_KEPT {
                        self.read_events();
                    }
                }
            }
        }
        self.done = self.done.max(end);
        self.read_events();
    }

    #[inline]
    fn send(&mut self, time_ns: i64, message: &Message, book: ListingId) {
        let Message { kind, side, size, price, id, target } = *message;
        if matches!(kind, MessageKind::Cancel | MessageKind::Replace) {
            let cancel = Command::Cancel { id: order_id(target, side), listing: book };
            self.venue.process(time_ns, &cancel, &mut self.events);
            if kind == MessageKind::Cancel {
                return;
            }
        }
        let mut order = NewOrder::limit(order_id(id, side), book, side, Ticks::from(price), Lots::from(size));
        if kind == MessageKind::Market {
            order.order_type = OrderType::Market;
            order.price = None;
        }
        self.venue.process(time_ns, &Command::New(order), &mut self.events);
    }

    fn read_events(&mut self) {
        let Self { events, outcomes, ledger, .. } = self;
        for event in events.iter().filter(|event| event.kind == EventKind::Trade) {
            let Outcome { fills, traded, hash } = &mut outcomes[event.listing as usize];
            *fills += 1;
            *traded += event.size;
            let number = number_of(event.id()) * 31 + event.size as u64 * 7 + event.price as u64;
            *hash = hash.wrapping_mul(1_000_003).wrapping_add(number);
        }
        if let Some(ledger) = ledger {
            settle(ledger, events);
        }
        events.clear();
    }
}

/// Posts every match among the rows: TRADE, the maker's FILL, the taker's FILL.
fn settle(ledger: &mut Ledger, rows: &[Event]) {
    for rows in rows.windows(3).filter(|rows| rows[0].kind == EventKind::Trade) {
        let [trade, maker, taker] = rows else { unreachable!("windows of three") };
        let settlement = Settlement {
            venue: 0,
            base: BASE,
            quote: QUOTE,
            aggressor: trade.side,
            maker: FIRST_USER_AGENT + maker.agent,
            taker: FIRST_USER_AGENT + taker.agent,
            notional: trade.price * trade.size,
            base_atoms: trade.size,
            maker_fee: maker.fee,
            taker_fee: taker.fee,
        };
        for posting in settlement.postings() {
            ledger.post(posting).expect("a workload's sums fit");
        }
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
        let mut run = Run::new(Arc::new(workload), Setting::default());
        run.preload();
        assert_eq!(run.venue().book(0).live(), 2);
        let hash = (501 * 31 + 6 * 7 + 10u64) * 1_000_003 + 502 * 31 + 2 * 7 + 10;
        assert_eq!(run.finish(), Outcome { fills: 2, traded: 8, hash });
        assert_eq!(run.venue().book(0).live(), 0);
    }

    #[test]
    fn books_are_alike_and_accounts_balance() {
        let rows = [row(0, 1, 5, 10, 0, 0), row(2, 0, 3, 0, 1, 0), row(0, 0, 4, 12, 2, 0)];
        let workload = Arc::new(Workload::parse(&file(1, &rows)).unwrap());
        let mut run = Run::new(workload, Setting { books: 3, ledger: true });
        run.preload();
        assert_eq!((run.finish().fills, run.finish().traded), (2, 5));
        assert!(run.is_balanced() && (0..3).all(|book| run.venue().book(book).live() == 1));
        let ledger = run.ledger.as_ref().unwrap();
        // Three books: 15 lots sold at 10, a rebate of 0.2 basis points of each match rounded down to nothing.
        let seller = FIRST_USER_AGENT + 1;
        assert_eq!((ledger.balance(seller, 0, BASE), ledger.balance(seller, 0, QUOTE)), (-15, 150));
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
