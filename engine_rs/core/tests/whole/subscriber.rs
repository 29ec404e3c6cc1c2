//! A subscriber of market data. It knows nothing of a venue but the rows, and must end up with its books.

use std::collections::BTreeMap;

use market_core::types::{Lots, OrderId, Phase, Side, Ticks};
use market_core::venue::{FLAG_PLACE_KEPT, MarketDataKind, MarketDataRow, Venue};

/// Orders of a level, the first in line first.
type Queue = Vec<(OrderId, Lots)>;

#[derive(Default)]
pub struct Subscriber {
    seq: u64,
    pub phase: u8,
    queues: BTreeMap<(Side, Ticks), Queue>,
    levels: BTreeMap<(Side, Ticks), (Lots, u32)>,
    touch: [(Ticks, Lots); 2],
    /// Price, volume and surplus of the auction that comes.
    indicative: (Ticks, Lots, Lots),
}

impl Subscriber {
    pub fn from_snapshot(rows: &[MarketDataRow]) -> Self {
        let mut new = Self { seq: rows[0].seq, phase: rows[0].phase, ..Self::default() };
        assert_eq!(rows[0].kind, MarketDataKind::Snapshot);
        for row in &rows[1..] {
            new.carry_out(row);
        }
        new
    }

    /// The number that was expected, if the row's number is not the next one.
    pub fn apply(&mut self, row: &MarketDataRow) -> Result<(), u64> {
        if row.seq != self.seq + 1 {
            return Err(self.seq + 1);
        }
        self.seq = row.seq;
        self.carry_out(row);
        Ok(())
    }

    fn carry_out(&mut self, row: &MarketDataRow) {
        use MarketDataKind as Kind;
        let place = (row.side, row.price);
        match row.kind {
            Kind::Add => self.queues.entry(place).or_default().push((row.id(), row.size)),
            Kind::Reduce => *self.find(row) = row.size,
            Kind::Delete => self.remove(row),
            Kind::Modify if row.flags & FLAG_PLACE_KEPT != 0 => *self.find(row) = row.size,
            Kind::Modify => {
                self.remove(row);
                self.queues.entry(place).or_default().push((row.id(), row.size));
            }
            Kind::Level if row.size == 0 => {
                _ = self.levels.remove(&place).expect("a level that goes was there")
            }
            Kind::Level => _ = self.levels.insert(place, (row.size, row.orders)),
            Kind::Bbo => self.touch[row.side.index()] = (row.price, row.size),
            Kind::Indicative => self.indicative = (row.price, row.size, row.surplus),
            Kind::Phase => {
                self.phase = row.phase;
                if !Phase::from_code(row.phase).unwrap().is_call() {
                    self.indicative = (0, 0, 0);
                }
            }
            Kind::Trade => assert!(row.price > 0 && row.size > 0),
            Kind::Snapshot => panic!("a snapshot is no part of the stream"),
        }
    }

    fn find(&mut self, row: &MarketDataRow) -> &mut Lots {
        let queue = self.queues.get_mut(&(row.side, row.price)).expect("the level is known");
        &mut queue.iter_mut().find(|(id, _)| *id == row.id()).expect("the order is known").1
    }

    fn remove(&mut self, row: &MarketDataRow) {
        let found = self.queues.iter_mut().find(|(_, queue)| queue.iter().any(|(id, _)| *id == row.id()));
        let (&place, queue) = found.expect("the order is known");
        queue.retain(|(id, _)| *id != row.id());
        if queue.is_empty() {
            self.queues.remove(&place);
        }
    }

    /// Says that everything heard is everything there is.
    pub fn check(&self, venue: &Venue) {
        let book = venue.book(0);
        for side in Side::BOTH {
            let mut queues: BTreeMap<(Side, Ticks), Queue> = BTreeMap::new();
            for (id, shown) in book.shown_orders(side) {
                queues.entry((side, shown.price)).or_default().push((id, shown.lots));
            }
            let heard: BTreeMap<_, _> = self.queues.iter().filter(|(place, _)| place.0 == side).collect();
            assert_eq!(heard, queues.iter().collect());
            let levels: BTreeMap<_, _> =
                book.levels(side).map(|level| ((side, level.price), (level.lots, level.orders))).collect();
            let heard: BTreeMap<_, _> = self.levels.iter().filter(|(place, _)| place.0 == side).collect();
            assert_eq!(heard, levels.iter().collect());
            let best = book.best(side).map_or((0, 0), |best| (best.price, best.lots));
            assert_eq!(self.touch[side.index()], best);
        }
        assert_eq!(self.phase, venue.phase().code());
    }

    /// The same for what an auction would come to, which is told after commands that are carried out.
    pub fn check_indicative(&self, venue: &Venue) {
        if venue.phase().is_call() {
            let cross = venue.indicative(0);
            let now = cross.map_or((0, 0, 0), |cross| (cross.price, cross.volume, cross.surplus));
            assert_eq!(self.indicative, now);
        }
    }
}
