//! Recorded trades: they reach agents as far as they would have, and move the queue once.

use super::queue::{Reach, merged, walk};
use super::{Desk, External, TradeUpdate, book_order};
use crate::order::TimeInForce;
use crate::types::{EXTERNAL_BOOK, EXTERNAL_TAKER, Lots, Nanos, Side, Ticks};

impl External {
    /// Applies a recorded trade. Agents quoting better trade first, then those strictly ahead in the queue
    /// of the price; the participant's own orders shrink from the front. If a depth update has reflected the
    /// trade already (its lots went from the back), those lots come back: the queue advances once.
    /// The shadow stays: only depth updates are the truth about sizes.
    pub fn trade(&mut self, desk: &mut Desk, trade: &TradeUpdate) {
        self.stats.trades += 1;
        let (side, price, size) = (trade.aggressor.opposite(), trade.price, trade.size);
        if !desk.is_open() {
            desk.print(trade.aggressor, price, size);
            return;
        }
        let ghosts = self.usable_ghosts(side, trade);
        let book = desk.book();
        let better = book.lots_better(side, price, |agent| agent != EXTERNAL_BOOK).min(size);
        let runs = merged(book.level_orders(side, price), &ghosts);
        let reach = walk(&runs, ghosts.len(), size, size - better);

        let reached = better + reach.agents;
        let met = match reached {
            0 => 0,
            _ => desk.place(EXTERNAL_TAKER, trade.aggressor, TimeInForce::Ioc, price, reached),
        };
        // 0: worth more than a venue takes in one order.
        assert!(met == reached || met == 0, "agents whom a recorded trade reaches are filled exactly");
        self.stats.lots_traded += met;
        for &(counter, lots) in &reach.own {
            desk.reduce(book_order(counter), lots);
        }
        if !ghosts.is_empty() {
            self.restore(desk, side, trade, &ghosts, &reach);
        }
        self.sides[side.index()].dirty.entry(price).or_default();
        if size > met {
            desk.print(trade.aggressor, price, size - met);
        }
    }

    /// Ghosts at the traded price, unless the trade came after the update that made them.
    fn usable_ghosts(&self, side: Side, trade: &TradeUpdate) -> Vec<(u32, Lots)> {
        let reflects = |stamp: Option<Nanos>| match (trade.exchange_ns, stamp) {
            (Some(traded), Some(updated)) => traded <= updated,
            _ => true,
        };
        match self.sides[side.index()].ghosts.get(&trade.price) {
            Some(ghosts) if reflects(ghosts.stamp) => ghosts.lots.clone(),
            _ => Vec::new(),
        }
    }

    /// Brings back the lots that an update took from the back although, as now turns out, they traded at
    /// the front: into their orders where those live, newest first, else as a new order.
    fn restore(
        &mut self,
        desk: &mut Desk,
        side: Side,
        trade: &TradeUpdate,
        ghosts: &[(u32, Lots)],
        reach: &Reach,
    ) {
        let gone: Lots = ghosts.iter().map(|(_, lots)| lots).sum();
        let walked: Lots = reach.ghosts.iter().sum();
        let mut back = gone.min(trade.size) - walked;
        let mut left: Vec<(u32, Lots)> =
            ghosts.iter().zip(&reach.ghosts).map(|(&(counter, lots), used)| (counter, lots - used)).collect();
        for (counter, lots) in left.iter_mut().rev() {
            let grown = back.min(*lots);
            let id = book_order(*counter);
            if grown > 0 && desk.book().contains(id) && desk.grow(id, grown) {
                *lots -= grown;
                back -= grown;
            }
        }
        if back > 0 {
            self.add(desk, side, trade.price, back);
        }
        for (_, lots) in left.iter_mut().rev() {
            let explained = back.min(*lots);
            *lots -= explained;
            back -= explained;
        }
        self.keep_ghosts(side, trade.price, left);
    }

    /// What no trade has explained yet stays, for the next one.
    fn keep_ghosts(&mut self, side: Side, price: Ticks, mut left: Vec<(u32, Lots)>) {
        left.retain(|(_, lots)| *lots > 0);
        let all = &mut self.sides[side.index()].ghosts;
        if left.is_empty() {
            all.remove(&price);
        } else if let Some(ghosts) = all.get_mut(&price) {
            ghosts.lots = left;
        }
    }
}
