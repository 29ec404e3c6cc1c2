//! The recorded orders that are live, by the id they were recorded under.

use crate::book::{Index, Slot};
use crate::types::{Lots, OrderId, Side, Ticks};

use super::book_order;

/// Place of a recorded order in its list.
pub type Place = u32;

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
    places: Index,
    /// Orders that may differ from the record, in the order in which they came to.
    pub departed: Vec<Place>,
}

impl Recorded {
    pub fn place(&self, id: u64) -> Option<Place> {
        self.places.get(id, |place| self.get(place).id == id)
    }

    pub fn get(&self, place: Place) -> &Known {
        &self.orders[place as usize]
    }

    /// Takes a new order in; `None` if one of its id lives.
    pub fn add(&mut self, id: u64, side: Side, price: Ticks, lots: Lots) -> Option<Place> {
        if self.place(id).is_some() {
            return None;
        }
        let order = Known { id, price, lots, counter: 0, slot: None, side, departed: false };
        let place = match self.free.pop() {
            Some(place) => {
                self.orders[place as usize] = order;
                place
            }
            None => {
                self.orders.push(order);
                Place::try_from(self.orders.len() - 1).expect("fewer than 2^32 orders fit in memory")
            }
        };
        self.places.insert(id, place, |place| self.orders[place as usize].id);
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
        self.places.take(order.id, |found| found == place).expect("what ends was live");
        std::mem::take(&mut order.lots)
    }

    /// The same by its id, if such an order lives.
    #[inline]
    pub fn end_id(&mut self, id: u64) -> Option<(Place, Lots)> {
        let Self { orders, places, .. } = self;
        let place = places.take(id, |place| orders[place as usize].id == id)?;
        Some((place, std::mem::take(&mut orders[place as usize].lots)))
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
