//! `cargo bench`: what a message costs in one book, in sixteen, with a ledger, and as books grow.
//!
//! The workload is made here, from a seed, with the mix of docs/benchmarks.md: 55 % new orders, a quarter of
//! them crossing, 35 % cancels, 5 % market orders, 5 % replaces. Whoever makes it asks a venue which orders are
//! alive, so no cancel comes too late. A measured round begins with the filled book and runs all messages.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use market_core::event::{Event, EventKind};
use market_core::hash::Stream;
use market_core::order::{Command, NewOrder, OrderType};
use market_core::types::{OrderId, Side, Ticks};
use market_core::venue::{ListingSpec, Venue};
use market_core::workload::{Run, Setting, Workload};

const MESSAGES: usize = 100_000;
const MIDDLE: Ticks = 20_000;

/// A book's size: live orders, and how many ticks from the middle they lie.
#[derive(Clone, Copy)]
struct Shape {
    live: usize,
    ticks: u64,
}

const SHALLOW: Shape = Shape { live: 1_000, ticks: 10 };
const SHAPES: [Shape; 3] =
    [SHALLOW, Shape { live: 10_000, ticks: 100 }, Shape { live: 100_000, ticks: 1_000 }];

/// Writes messages as a workload file has them, and follows which orders are alive.
struct Maker {
    stream: Stream,
    shape: Shape,
    venue: Venue,
    events: Vec<Event>,
    live: Vec<(u32, Side)>,
    next: u32,
    rows: Vec<u8>,
}

impl Maker {
    fn new(shape: Shape) -> Self {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(1, 1, 0, 0, 0).expect("a valid listing"));
        let stream = Stream::named(42, &["bench", "matching"]);
        Self { stream, shape, venue, events: Vec::new(), live: Vec::new(), next: 0, rows: Vec::new() }
    }

    fn workload(mut self) -> Workload {
        for _ in 0..self.shape.live {
            let side = self.side();
            let price = self.resting(side);
            self.add(0, side, price, 0);
        }
        for _ in 0..MESSAGES {
            self.message();
        }
        let header = [self.shape.live as u32, (self.shape.live + MESSAGES) as u32, self.next, 20];
        let bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).chain(self.rows).collect();
        Workload::parse(&bytes).expect("a workload")
    }

    fn message(&mut self) {
        let side = self.side();
        let price = self.resting(side);
        match self.stream.below(100) {
            0..35 => {
                if let Some((target, side)) = self.take() {
                    return self.row(1, side, 0, 0, target);
                }
                self.add(0, side, price, 0);
            }
            35..40 => self.add(2, side, 0, 0),
            40..45 => match self.take() {
                Some((target, side)) => {
                    let price = self.resting(side);
                    self.add(3, side, price, target);
                }
                None => self.add(0, side, price, 0),
            },
            // The book is kept at its size: only a full one is hit by orders that cross.
            45..60 if self.live.len() > self.shape.live => {
                let reach = if side == Side::Buy { 2 } else { -2 };
                self.add(0, side, MIDDLE + reach, 0);
            }
            _ => self.add(0, side, price, 0),
        }
    }

    fn side(&mut self) -> Side {
        if self.stream.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    fn resting(&mut self, side: Side) -> Ticks {
        let away = 1 + self.stream.below(self.shape.ticks) as Ticks;
        if side == Side::Buy { MIDDLE - away } else { MIDDLE + away }
    }

    /// Any live order, cancelled.
    fn take(&mut self) -> Option<(u32, Side)> {
        while !self.live.is_empty() {
            let place = self.stream.below(self.live.len() as u64) as usize;
            let (number, side) = self.live.swap_remove(place);
            let id = OrderId::new(side.code().into(), number);
            if self.venue.book(0).contains(id) {
                self.venue.process(0, &Command::Cancel { id, listing: 0 }, &mut self.events);
                return Some((number, side));
            }
        }
        None
    }

    fn add(&mut self, kind: u8, side: Side, price: Ticks, target: u32) {
        let size = 1 + self.stream.below(100) as u32;
        let id = OrderId::new(side.code().into(), self.next);
        let mut order = NewOrder::limit(id, 0, side, price, size.into());
        if kind == 2 {
            (order.order_type, order.price) = (OrderType::Market, None);
        }
        self.events.clear();
        self.venue.process(0, &Command::New(order), &mut self.events);
        assert!(self.events.iter().all(|event| event.kind != EventKind::Rejected), "{:?}", self.events);
        if self.venue.book(0).contains(id) {
            self.live.push((self.next, side));
        }
        self.row(kind, side, size, price, target);
        self.next += 1;
    }

    fn row(&mut self, kind: u8, side: Side, size: u32, price: Ticks, target: u32) {
        self.rows.extend([kind, side.code(), 0, 0]);
        for word in [size, price as u32, self.next, target] {
            self.rows.extend(word.to_le_bytes());
        }
    }
}

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matching");
    for shape in SHAPES {
        let filled = filled(shape, Setting::default());
        group.throughput(Throughput::Elements(MESSAGES as u64));
        group.bench_with_input(BenchmarkId::new("live orders", shape.live), &filled, finish);
    }
    for (name, setting) in [
        ("ledger", Setting { books: 1, ledger: true }),
        ("sixteen books", Setting { books: 16, ledger: false }),
    ] {
        group.throughput(Throughput::Elements(MESSAGES as u64 * u64::from(setting.books)));
        group.bench_with_input(name, &filled(SHALLOW, setting), finish);
    }
    group.finish();
}

fn filled(shape: Shape, setting: Setting) -> Run {
    let mut run = Run::new(Arc::new(Maker::new(shape).workload()), setting);
    run.preload();
    run
}

fn finish(bencher: &mut criterion::Bencher<'_>, filled: &Run) {
    // The run is handed back, so that giving its memory back is not measured.
    let work = |mut run: Run| {
        black_box(run.finish());
        run
    };
    bencher.iter_batched(|| filled.clone(), work, BatchSize::LargeInput);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = matching
}
criterion_main!(benches);
