//! Recorded trades: they reach agents as far as they would have, and move the queue once.

use super::queue::{merged, walk};
use super::{Desk, External, Ghost, TradeUpdate, book_order, chunks};
use crate::order::TimeInForce;
use crate::types::{EXTERNAL_BOOK, EXTERNAL_TAKER, Lots, Side, Ticks};

impl External {
    /// Applies a recorded trade. Agents quoting better trade first, then those strictly ahead in the queue
    /// of the price; the participant's own orders shrink from the front. If a depth update has reflected the
    /// trade already (its lots went from the back), those lots come back: the queue advances once.
    /// The shadow stays: only depth updates are the truth about sizes.
    pub fn trade(&mut self, desk: &mut Desk, trade: &TradeUpdate) {
        if self.trade_alone(desk, trade) {
            return;
        }
        self.stats.trades += 1;
        let (side, price, size) = (trade.aggressor.opposite(), trade.price, trade.size);
        if !desk.is_open() {
            desk.print(trade.aggressor, price, size);
            return;
        }
        self.traded = self.traded.max(trade.exchange_ns);
        let mut level = self.sides[side.index()].take_ghosts(price);
        let usable: Vec<usize> =
            (0..level.len()).filter(|&place| level[place].usable(trade.exchange_ns)).collect();
        let ghosts: Vec<Ghost> = usable.iter().map(|&place| level[place]).collect();
        let book = desk.book();
        let better = book.lots_better(side, price, |agent| agent != EXTERNAL_BOOK).min(size);
        let runs = merged(book.level_orders(side, price), &ghosts, |order| self.after[&order]);
        let reach = walk(&runs, ghosts.len(), size, size - better);

        let reached = better + reach.agents;
        let met = match reached {
            0 => 0,
            _ => desk.place(EXTERNAL_TAKER, trade.aggressor, TimeInForce::Ioc, price, reached),
        };
        // 0: worth more than a venue takes in one order.
        assert!(met == reached || met == 0, "agents whom a recorded trade reaches are filled exactly");
        self.stats.lots_traded += met;
        for (&place, used) in usable.iter().zip(&reach.ghosts) {
            level[place].lots -= used;
        }
        let explained = ghosts.iter().map(|ghost| ghost.lots).sum::<Lots>().min(size);
        let back = explained - reach.ghosts.iter().sum::<Lots>();
        let homeless = self.restore(desk, (side, price), back, &mut level, &usable);
        for &(counter, lots) in &reach.own {
            desk.reduce(book_order(counter), lots);
        }
        if homeless > 0 {
            self.add(desk, side, price, homeless);
        }
        level.retain(|ghost| ghost.lots > 0);
        if !level.is_empty() {
            self.sides[side.index()].put_ghosts(price, level);
        }
        self.sides[side.index()].dirty.note(price);
        if size > met {
            desk.print(trade.aggressor, price, size - met);
        }
    }

    /// Brings back lots that an update took from the back although, as now turns out, they traded at the
    /// front. The oldest come back first, for the newest are what a cancellation would have taken. They
    /// return to their orders; where an order is gone, to the one before it, unless nobody stands behind:
    /// those lots are left over (the result), for a new order at the back. So nobody ever passes lots that
    /// still stand ahead.
    fn restore(
        &self,
        desk: &mut Desk,
        (side, price): (Side, Ticks),
        mut back: Lots,
        level: &mut [Ghost],
        usable: &[usize],
    ) -> Lots {
        let alive: Vec<u32> = chunks(desk.book(), side, price).map(|(counter, _)| counter).collect();
        let agents = desk.book().level_orders(side, price).filter(|(id, _)| id.agent != EXTERNAL_BOOK);
        let last_after = agents.map(|(id, _)| self.after[&id]).max().unwrap_or(0);
        let mut homeless = 0;
        for &place in usable {
            let ghost = &mut level[place];
            let lots = back.min(ghost.lots);
            if lots == 0 {
                continue;
            }
            let older = alive.iter().copied().filter(|&counter| counter <= ghost.counter).max();
            let home = older.filter(|&counter| counter == ghost.counter || last_after >= ghost.counter);
            if !home.is_some_and(|counter| desk.grow(book_order(counter), lots)) {
                homeless += lots;
            }
            ghost.lots -= lots;
            back -= lots;
        }
        homeless
    }
}
