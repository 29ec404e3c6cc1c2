//! Something about each of many orders, found by id through the book's own slab and index: once it has grown
//! to its size it allocates nothing.

use super::Rest;
use super::index::Index;
use super::slab::{Slab, Slot, Terms};
use crate::order::SelfTradePrevention;
use crate::types::{OrderId, Side};

#[derive(Clone, Debug)]
pub(crate) struct Register<T> {
    index: Index,
    ids: Slab,
    values: Vec<T>,
}

impl<T: Copy> Register<T> {
    pub fn new() -> Self {
        Self { index: Index::new(), ids: Slab::new(), values: Vec::new() }
    }

    fn slot(&self, id: OrderId) -> Option<usize> {
        self.index.get(id.key(), |slot| self.ids.get(slot).id == id).map(|slot| slot as usize)
    }

    pub fn get(&self, id: OrderId) -> Option<&T> {
        self.slot(id).map(|slot| &self.values[slot])
    }

    /// What is known of the order; `new` if nothing was.
    pub fn entry(&mut self, id: OrderId, new: T) -> &mut T {
        let slot = self.slot(id).unwrap_or_else(|| self.add(id, new));
        &mut self.values[slot]
    }

    pub fn set(&mut self, id: OrderId, value: T) {
        *self.entry(id, value) = value;
    }

    pub fn remove(&mut self, id: OrderId) {
        let Self { index, ids, .. } = self;
        if let Some(slot) = index.take(id.key(), |slot| ids.get(slot).id == id) {
            ids.release(slot);
        }
    }

    fn add(&mut self, id: OrderId, value: T) -> usize {
        let terms = Terms::new(Side::Buy, 0, SelfTradePrevention::None, false);
        let slot: Slot = self.ids.add(Rest { id, terms, leaves: 0, total: 0 });
        self.index.insert(id.key(), slot, |slot| self.ids.get(slot).id.key());
        let slot = slot as usize;
        if slot == self.values.len() {
            self.values.push(value);
        }
        self.values[slot] = value;
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hash::Stream;

    #[test]
    fn a_register_answers_as_a_sorted_map_does() {
        let mut draws = Stream::named(8, &["register"]);
        let (mut register, mut model) = (Register::new(), BTreeMap::new());
        for value in 0..20_000u32 {
            let id = OrderId::new(draws.below(4) as u32, draws.below(300) as u32);
            match draws.below(3) {
                0 => {
                    register.remove(id);
                    model.remove(&id);
                }
                1 => {
                    register.set(id, value);
                    model.insert(id, value);
                }
                _ => assert_eq!(register.entry(id, value), model.entry(id).or_insert(value)),
            }
            assert_eq!(register.get(id), model.get(&id));
        }
        assert!(register.values.len() <= 1_200, "slots are used again");
    }
}
