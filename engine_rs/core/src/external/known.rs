//! The recorded orders that are live, by the id they were recorded under.

use crate::book::Slot;
use crate::types::{Lots, OrderId, Side, Ticks};

use super::book_order;
use super::places::Places;

pub use super::places::Place;

/// A recorded order: what the record says of it, and which order of ours stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub id: u64,
    pub price: Ticks,
    /// What the record has left of it; 0: it is over in the record.
    pub lots: Lots,
    /// Number of our own order that stands for it; 0: none does yet.
    counter: u32,
    /// Where it rested when it came in; it stays there until it ends.
    slot: Option<Slot>,
    pub side: Side,
    /// Our order may differ from the record: the end of each update looks after it.
    pub departed: bool,
}

impl Known {
    /// Our order that stands for it.
    pub fn order(&self) -> Option<OrderId> {
        (self.counter > 0).then(|| book_order(self.counter))
    }

    /// Its place in the book, if nobody has met it since it came to rest there.
    #[inline]
    pub fn slot(&self) -> Option<Slot> {
        self.slot
    }
}

/// All recorded orders that live, or that ours have yet to follow.
#[derive(Default)]
pub struct Recorded {
    orders: Vec<Known>,
    free: Vec<Place>,
    places: Places,
    /// Orders that may differ from the record, in the order in which they came to.
    pub departed: Vec<Place>,
}

impl Recorded {
    pub fn place(&self, id: u64) -> Option<Place> {
        self.places.get(id)
    }

    pub fn get(&self, place: Place) -> &Known {
        &self.orders[place as usize]
    }

    /// Takes a new order in; `None` if one of its id lives.
    pub fn add(&mut self, id: u64, side: Side, price: Ticks, lots: Lots) -> Option<Place> {
        let place = self.free.last().copied().unwrap_or(self.orders.len() as Place);
        if !self.places.insert(id, place) {
            return None;
        }
        let order = Known { id, price, lots, counter: 0, slot: None, side, departed: false };
        match self.free.pop() {
            Some(place) => self.orders[place as usize] = order,
            None => self.orders.push(order),
        }
        Some(place)
    }

    /// Our order of this number stands for it from now on, and rests in this place of the book if it rests.
    #[inline]
    pub fn stands(&mut self, place: Place, counter: u32, slot: Option<Slot>) {
        let order = &mut self.orders[place as usize];
        (order.counter, order.slot) = (counter, slot);
    }

    pub fn set_lots(&mut self, place: Place, lots: Lots) {
        self.orders[place as usize].lots = lots;
    }

    /// The end of the update looks whether our order follows the record.
    pub fn depart(&mut self, place: Place) {
        let order = &mut self.orders[place as usize];
        if !order.departed {
            order.departed = true;
            self.departed.push(place);
        }
    }

    pub fn agree(&mut self, place: Place) {
        self.orders[place as usize].departed = false;
    }

    /// It is over in the record: its id may come again. Gives the lots that were left of it.
    pub fn end(&mut self, place: Place) -> Lots {
        let order = &mut self.orders[place as usize];
        self.places.remove(order.id);
        std::mem::take(&mut order.lots)
    }

    /// The same by its id, if such an order lives.
    #[inline]
    pub fn end_id(&mut self, id: u64) -> Option<(Place, Lots)> {
        let place = self.places.take(id)?;
        Some((place, std::mem::take(&mut self.orders[place as usize].lots)))
    }

    /// Nothing of it is left here either.
    pub fn release(&mut self, place: Place) {
        let order = &mut self.orders[place as usize];
        assert!(order.lots == 0, "a recorded order that lives is kept");
        order.counter = 0;
        self.free.push(place);
    }

    /// The orders of a side that live, by the age of ours.
    pub fn of_side(&self, side: Side) -> Vec<Place> {
        let live = |order: &Known| order.side == side && order.lots > 0;
        let mut places: Vec<Place> =
            (0..self.orders.len() as Place).filter(|&place| live(self.get(place))).collect();
        places.sort_by_key(|&place| self.get(place).counter);
        places
    }

    /// Agents took lots of our order of this number. A walk through all: the recorded market adds thousands of
    /// orders to each that an agent takes, and a second table would cost every one of those.
    pub fn standing(&self, counter: u32) -> Option<Place> {
        (0..self.orders.len() as Place).find(|&place| self.get(place).counter == counter)
    }
}
