//! How a listing trades, where that is not continuous price-time trading alone.

use super::listing::Listing;
use super::risk::Risk;
use super::writer::Writer;
use crate::book::{Band, Cross, Cursor};
use crate::hash::Fnv;
use crate::policy::Matching;
use crate::types::{Nanos, OrderId, Phase, Side, Ticks};

#[derive(Clone, Debug)]
pub(super) struct Regime {
    /// The listing's own: its venue's, or a halt that concerns it alone.
    pub phase: Phase,
    pub matching: Matching,
    /// Orders have been collected that no auction has matched yet.
    pub called: bool,
    /// Where the auction's price was found last, kept up to date with the book.
    pub cursor: Option<Cursor>,
    /// The indication that was published last in this call.
    pub published: Option<Cross>,
    /// What a volatility halt measures from: the last auction's price, or one that the venue has named.
    pub band: Band,
    pub halt_ns: Nanos,
    /// It has halted by itself.
    pub halted: bool,
    /// When such a halt ends; 0: not by itself.
    pub halt_until_ns: Nanos,
    /// Intervals of batch auctions that are over.
    pub batch_clock: i64,
    /// The batch that is being collected, from 1.
    pub batch: u64,
    /// Orders that bettered the price of their side and may still stand there; bids, then asks.
    tops: [Option<OrderId>; 2],
    pub risk: Risk,
}

impl Regime {
    /// Whether the listing trades continuously by price and time, and nothing limits it.
    pub fn is_plain(&self) -> bool {
        let unlimited = self.band.bps == 0 && self.risk.is_empty();
        !self.phase.is_call() && self.matching == Matching::PriceTime && unlimited
    }

    /// Whether orders are collected for an auction: nothing matches when it comes in.
    #[inline]
    pub fn collects(&self) -> bool {
        self.phase.is_call() || self.matching.in_batches()
    }

    /// An order has lost its place, or stands elsewhere.
    pub fn no_longer_top(&mut self, id: OrderId) {
        for top in &mut self.tops {
            *top = top.filter(|&top| top != id);
        }
    }
}

impl Default for Regime {
    fn default() -> Self {
        Self {
            phase: Phase::Continuous,
            matching: Matching::PriceTime,
            called: false,
            cursor: None,
            published: None,
            band: Band::default(),
            halt_ns: 0,
            halted: false,
            halt_until_ns: 0,
            batch_clock: 0,
            batch: 1,
            tops: [None; 2],
            risk: Risk::default(),
        }
    }
}

impl Listing {
    /// Takes part in a phase of its venue; a halt of its own ends.
    pub fn go_to(&mut self, phase: Phase) {
        let regime = &mut *self.regime;
        regime.phase = phase;
        regime.cursor = None;
        (regime.halted, regime.halt_until_ns) = (false, 0);
        if phase.is_call() {
            regime.called = true;
            regime.tops = [None; 2];
        } else {
            regime.published = None;
        }
        self.note_plain();
    }

    /// Stops before a match too far away: from now on the listing's orders are collected.
    pub(super) fn halt(&mut self, say: &mut Writer) {
        self.go_to(Phase::Halt);
        let Regime { halt_ns, halted, halt_until_ns, .. } = &mut *self.regime;
        *halted = true;
        *halt_until_ns = if *halt_ns > 0 { say.time_ns.saturating_add(*halt_ns) } else { 0 };
        say.listing_phase(Phase::Halt);
    }

    /// The order that bettered the price of a side and still stands where it did.
    pub(super) fn top(&self, side: Side) -> Option<OrderId> {
        self.regime.tops[side.index()].filter(|&top| self.book.contains(top))
    }

    /// Notes that an order comes to rest: where orders share, the first at a better price stands out.
    pub(super) fn note_top(&mut self, id: OrderId, side: Side, price: Ticks, displays: bool) {
        if self.regime.matching.shares().is_none() {
            return;
        }
        self.regime.no_longer_top(id);
        let betters = self.book.best(side).is_none_or(|best| side.better(price, best.price));
        if displays && betters && !self.regime.collects() {
            self.regime.tops[side.index()] = Some(id);
        }
    }

    /// Covers what decides how the listing goes on trading; adds nothing while all of it is as at first.
    pub fn fold_regime(&self, hash: &mut Fnv) {
        let Regime { called, halted, matching, halt_until_ns, batch_clock, published, band, .. } =
            *self.regime;
        let told = published.unwrap_or(Cross { price: 0, volume: 0, surplus: 0 });
        let [bid, ask] = Side::BOTH.map(|side| self.top(side).unwrap_or(OrderId::new(0, 0)));
        let words = [
            u64::from(called) | u64::from(halted) << 1 | u64::from(matching.policy().code()) << 2,
            halt_until_ns as u64,
            batch_clock as u64,
            self.named_price.unwrap_or(0) as u64,
            band.middle.unwrap_or(0) as u64,
            u64::from(bid.agent),
            u64::from(bid.counter),
            u64::from(ask.agent),
            u64::from(ask.counter),
            told.price as u64,
            told.volume as u64,
            told.surplus as u64,
        ];
        if words.iter().any(|&word| word != 0) {
            hash.words(&words);
            hash.word(self.last_print.unwrap_or(0) as u64);
        }
    }
}
