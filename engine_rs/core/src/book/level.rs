//! One price: a queue of orders, first in first out, linked through the orders themselves.

use super::slab::{NIL, Slab, Slot};
use crate::types::Lots;

#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    head: Slot,
    tail: Slot,
    orders: u32,
    total: Lots,
}

impl Level {
    pub const EMPTY: Self = Self { head: NIL, tail: NIL, orders: 0, total: 0 };

    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.orders == 0
    }

    #[inline]
    pub const fn head(&self) -> Slot {
        self.head
    }

    #[inline]
    pub const fn tail(&self) -> Slot {
        self.tail
    }

    #[inline]
    pub const fn orders(&self) -> u32 {
        self.orders
    }

    /// Lots of all its orders.
    #[inline]
    pub const fn total(&self) -> Lots {
        self.total
    }

    /// Puts an order behind everybody.
    #[inline]
    pub fn append(&mut self, orders: &mut Slab, slot: Slot) {
        let order = orders.get_mut(slot);
        order.prev = self.tail;
        self.total += order.leaves;
        self.orders += 1;
        if self.tail == NIL {
            self.head = slot;
        } else {
            orders.get_mut(self.tail).next = slot;
        }
        self.tail = slot;
    }

    /// Takes an order out of the queue, wherever it stands; its lots must be subtracted already.
    /// Says whether the level is empty now.
    #[inline]
    pub fn unlink(&mut self, orders: &mut Slab, slot: Slot) -> bool {
        let order = orders.get(slot);
        let (prev, next) = (order.prev, order.next);
        if prev == NIL {
            self.head = next;
        } else {
            orders.get_mut(prev).next = next;
        }
        if next == NIL {
            self.tail = prev;
        } else {
            orders.get_mut(next).prev = prev;
        }
        self.orders -= 1;
        // A total that does not end at zero means that some fill or cancel was counted wrongly.
        assert!(self.orders > 0 || self.total == 0, "an empty level holds no lots");
        self.orders == 0
    }

    #[inline]
    pub fn subtract(&mut self, lots: Lots) {
        self.total -= lots;
    }

    #[inline]
    pub fn add(&mut self, lots: Lots) {
        self.total += lots;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rest;
    use super::super::slab::Terms;
    use super::*;
    use crate::order::SelfTradePrevention;
    use crate::types::{OrderId, Side};

    fn queue(lots: &[Lots]) -> (Slab, Level, Vec<Slot>) {
        let (mut slab, mut level) = (Slab::new(), Level::EMPTY);
        let terms = Terms::new(Side::Buy, 5, SelfTradePrevention::None, false);
        let slots = lots
            .iter()
            .enumerate()
            .map(|(counter, &leaves)| {
                let id = OrderId::new(5, counter as u32);
                let slot = slab.add(Rest { id, terms, leaves, total: leaves });
                level.append(&mut slab, slot);
                slot
            })
            .collect();
        (slab, level, slots)
    }

    fn walk(slab: &Slab, level: &Level) -> Vec<Slot> {
        let mut slots = Vec::new();
        let mut slot = level.head();
        while slot != NIL {
            slots.push(slot);
            slot = slab.get(slot).next;
        }
        slots
    }

    #[test]
    fn orders_leave_from_front_middle_and_back() {
        for gone in 0..3 {
            let (mut slab, mut level, slots) = queue(&[3, 4, 5]);
            let leaves = slab.get(slots[gone]).leaves;
            level.subtract(leaves);
            assert!(!level.unlink(&mut slab, slots[gone]));
            let mut rest = slots.clone();
            rest.remove(gone);
            assert_eq!(walk(&slab, &level), rest);
            assert_eq!((level.orders(), level.total()), (2, 12 - leaves));
            assert_eq!(level.tail, rest[1]);
        }
    }

    #[test]
    #[should_panic(expected = "an empty level holds no lots")]
    fn a_miscounted_level_is_noticed() {
        let (mut slab, mut level, slots) = queue(&[3]);
        level.subtract(2);
        level.unlink(&mut slab, slots[0]);
    }
}
