//! Flow order by order: every recorded add, reduce and delete is an order of ours, at its place in the queue.

use super::known::Place;
use super::{Desk, External, OrderOp, OrderOpKind, book_order, meets_own};
use crate::order::TimeInForce;
use crate::types::{EXTERNAL_BOOK, EXTERNAL_TAKER, Lots, OrderId, Side, Ticks};

impl External {
    /// Applies what one recorded update says of one order. Mostly the book follows the record, and then there is
    /// nothing to bring back.
    #[inline]
    pub fn one_order(&mut self, desk: &mut Desk, op: &OrderOp) {
        if !self.recorded.departed.is_empty() || !desk.is_open() {
            return self.orders(desk, std::slice::from_ref(op));
        }
        self.stats.updates += 1;
        self.order(desk, op);
        if !self.recorded.departed.is_empty() {
            self.place_waiting(desk);
        }
    }

    /// Applies what one recorded update says of orders, then brings back what agents took since the last.
    pub fn orders(&mut self, desk: &mut Desk, ops: &[OrderOp]) {
        self.stats.updates += 1;
        // What agents meet within this update comes back with the next one.
        let due = std::mem::take(&mut self.recorded.departed);
        for op in ops {
            self.order(desk, op);
        }
        if !desk.is_open() {
            self.recorded.departed.splice(0..0, due);
            return;
        }
        due.into_iter().for_each(|place| self.reconcile(desk, place));
        if !self.recorded.departed.is_empty() {
            self.place_waiting(desk);
        }
    }

    /// Orders of this update that stood in their own other side's way may find it gone by the update's end.
    fn place_waiting(&mut self, desk: &mut Desk) {
        for place in std::mem::take(&mut self.recorded.departed) {
            let order = self.recorded.get(place);
            if order.lots == 0 || order.order().is_none() {
                self.reconcile(desk, place);
            } else {
                self.recorded.departed.push(place);
            }
        }
    }

    fn order(&mut self, desk: &mut Desk, op: &OrderOp) {
        match op.kind {
            OrderOpKind::Add => self.enter(desk, op.id, op.side, op.price, op.lots),
            OrderOpKind::Hidden => self.hidden(desk, op.side, op.price, op.lots),
            OrderOpKind::Clear => {
                for place in self.recorded.of_side(op.side) {
                    self.leave(desk, place);
                }
            }
            OrderOpKind::Delete => match self.recorded.end_id(op.id) {
                Some((place, lots)) => self.left(desk, place, lots),
                None => self.stats.unknown_orders += 1,
            },
            OrderOpKind::Reduce | OrderOpKind::Execute | OrderOpKind::Replace => {
                match self.recorded.place(op.id) {
                    Some(place) => self.change(desk, place, op),
                    None => self.stats.unknown_orders += 1,
                }
            }
        }
    }

    /// The record reduces, executes or replaces a live order.
    fn change(&mut self, desk: &mut Desk, place: Place, op: &OrderOp) {
        if op.kind == OrderOpKind::Replace {
            return self.replace(desk, place, op);
        }
        if op.kind == OrderOpKind::Execute {
            self.execute(desk, place, op.lots);
        }
        self.shrink(desk, place, op.lots);
    }

    fn enter(&mut self, desk: &mut Desk, id: u64, side: Side, price: Ticks, lots: Lots) {
        match self.recorded.add(id, side, price, lots) {
            Some(place) if desk.is_open() => {
                self.stand(desk, place, lots);
            }
            Some(place) => self.recorded.depart(place),
            None => self.stats.repeated_orders += 1,
        }
    }

    /// Puts lots of a recorded order behind everybody at its price, unless our own other side is in the way:
    /// then they wait (`false`).
    fn stand(&mut self, desk: &mut Desk, place: Place, lots: Lots) -> bool {
        let order = *self.recorded.get(place);
        if meets_own(desk.book(), order.side, order.price) {
            self.recorded.depart(place);
            return false;
        }
        let met = desk.place(EXTERNAL_BOOK, order.side, TimeInForce::Gtc, order.price, lots);
        let own = book_order(desk.counters.latest_own());
        let last = desk.book().last_order(order.side, order.price).filter(|&(_, id, _)| id == own);
        self.recorded.stands(place, own.counter, last.map(|(slot, ..)| slot));
        if met > 0 {
            self.stats.lots_taken += met;
            self.recorded.depart(place);
        }
        true
    }

    /// The record takes lots from an order; 0 left ends it.
    fn shrink(&mut self, desk: &mut Desk, place: Place, lots: Lots) {
        let left = self.recorded.get(place).lots - lots;
        self.stats.overdrawn_orders += u64::from(left < 0);
        if left <= 0 {
            self.leave(desk, place);
            return;
        }
        self.recorded.set_lots(place, left);
        self.cut_by(desk, place, lots);
    }

    /// The order is over in the record.
    fn leave(&mut self, desk: &mut Desk, place: Place) {
        let lots = self.recorded.end(place);
        self.left(desk, place, lots);
    }

    /// What follows when it is over, and so many lots were left of it.
    #[inline]
    fn left(&mut self, desk: &mut Desk, place: Place, lots: Lots) {
        self.cut_by(desk, place, lots);
        if !self.recorded.get(place).departed {
            self.recorded.release(place);
        }
    }

    /// `cut` where the record has just fallen by so many lots: without agents nothing else can differ.
    #[inline]
    fn cut_by(&mut self, desk: &mut Desk, place: Place, lots: Lots) {
        let order = self.recorded.get(place);
        match order.slot().filter(|_| self.after.is_empty() && !order.departed) {
            Some(slot) => desk.reduce_at(slot, lots),
            None => self.cut(desk, place),
        }
    }

    /// Takes from our order what it has beyond the record.
    fn cut(&mut self, desk: &mut Desk, place: Place) {
        let order = *self.recorded.get(place);
        let Some(own) = order.order() else { return };
        let excess = desk.book().leaves(own).unwrap_or(0) - order.lots;
        if excess > 0 {
            desk.reduce(own, excess);
        }
    }

    /// The same price and no more lots keeps the place in the queue; anything else loses it.
    fn replace(&mut self, desk: &mut Desk, place: Place, op: &OrderOp) {
        let order = *self.recorded.get(place);
        if op.price == order.price && op.lots <= order.lots {
            self.recorded.set_lots(place, op.lots);
            self.cut(desk, place);
            return;
        }
        self.leave(desk, place);
        self.enter(desk, op.id, order.side, op.price, op.lots);
    }

    /// A recorded aggressor meets the agents who stand before the order that it executed in the record.
    fn execute(&mut self, desk: &mut Desk, place: Place, lots: Lots) {
        self.stats.trades += 1;
        let order = *self.recorded.get(place);
        let reached = match self.after.is_empty() || !desk.is_open() {
            true => 0,
            false => agents_before(desk, order.side, order.price, order.order()),
        };
        self.meet(desk, order.side, order.price, lots, reached);
    }

    /// An execution against an order that nobody saw: agents at its price or better had priority over it.
    fn hidden(&mut self, desk: &mut Desk, side: Side, price: Ticks, lots: Lots) {
        self.stats.trades += 1;
        let reached = match self.after.is_empty() || !desk.is_open() {
            true => 0,
            false => agents_before(desk, side, price, None),
        };
        self.meet(desk, side, price, lots, reached);
    }

    fn meet(&mut self, desk: &mut Desk, side: Side, price: Ticks, lots: Lots, reached: Lots) {
        let aggressor = side.opposite();
        let reached = reached.min(lots);
        let met = match reached {
            0 => 0,
            _ => desk.place(EXTERNAL_TAKER, aggressor, TimeInForce::Ioc, price, reached),
        };
        // 0: worth more than a venue takes in one order.
        assert!(met == reached || met == 0, "agents whom a recorded execution reaches are filled exactly");
        self.stats.lots_traded += met;
        if lots > met {
            desk.print(aggressor, price, lots - met);
        }
    }

    /// Agents took lots of our order: the next update brings them back.
    pub(super) fn order_taken(&mut self, counter: u32) {
        if let Some(place) = self.recorded.standing(counter) {
            self.recorded.depart(place);
        }
    }

    /// Brings our order to what the record says: what agents took comes back in place, or behind everybody
    /// where nothing of it was left.
    fn reconcile(&mut self, desk: &mut Desk, place: Place) {
        self.recorded.agree(place);
        let order = *self.recorded.get(place);
        if order.lots == 0 {
            self.recorded.release(place);
            return;
        }
        let own = order.order();
        let present = own.and_then(|own| desk.book().leaves(own)).unwrap_or(0);
        let missing = order.lots - present;
        if missing <= 0 {
            return;
        }
        let back = match own.filter(|_| present > 0) {
            Some(own) => desk.grow(own, missing),
            None => self.stand(desk, place, missing),
        };
        match (back, own) {
            (true, Some(_)) => self.stats.restored_lots += missing,
            (true, None) => {}
            (false, _) => self.stats.held_back += 1,
        }
    }
}

/// Lots of agents that trade before an order of ours: at better prices, and before it at its own. Without an
/// order (hidden executions; one that agents took whole) those are all at the price.
fn agents_before(desk: &Desk, side: Side, price: Ticks, own: Option<OrderId>) -> Lots {
    let book = desk.book();
    let resting = own.filter(|&own| book.contains(own));
    let Some(own) = resting else {
        let beyond = if side == Side::Buy { price - 1 } else { price + 1 };
        return book.lots_better(side, beyond, |agent| agent != EXTERNAL_BOOK);
    };
    let better = book.lots_better(side, price, |agent| agent != EXTERNAL_BOOK);
    let queue = book.level_orders(side, price).take_while(|&(id, _)| id != own);
    better + queue.filter(|(id, _)| id.agent != EXTERNAL_BOOK).map(|(_, lots)| lots).sum::<Lots>()
}
