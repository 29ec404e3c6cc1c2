//! What happens next: a heap in the order of time, then class, then sequence.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::types::{AgentId, Nanos, VenueId};

/// What waits in the queue; numbers are places in slabs or indices of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    Command(u32),
    Transfer(u32),
    /// A venue's own clock: expiries, ends of halts, batches.
    Timer(VenueId),
    Data(u32),
    Consolidated(u32),
    Phase(u32),
    Report(u32),
    Wake(AgentId),
}

impl Entry {
    /// Entries of one instant go venue, data, report, wake; recorded flow (0) comes before them all.
    const fn class(self) -> u64 {
        match self {
            Entry::Command(_) | Entry::Transfer(_) | Entry::Timer(_) => 1,
            Entry::Data(_) | Entry::Consolidated(_) | Entry::Phase(_) => 2,
            Entry::Report(_) => 3,
            Entry::Wake(_) => 4,
        }
    }
}

/// Class and sequence share a word: the class in the top bits decides, then the order of pushes.
const CLASS_SHIFT: u32 = 60;

/// The time-ordered queue.
#[derive(Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(Nanos, u64, Entry)>>,
    sequence: u64,
}

impl Queue {
    pub fn push(&mut self, time: Nanos, entry: Entry) {
        self.sequence += 1;
        assert!(self.sequence >> CLASS_SHIFT == 0, "fewer than 2^60 pushes");
        self.heap.push(Reverse((time, entry.class() << CLASS_SHIFT | self.sequence, entry)));
    }

    #[inline]
    pub fn next_time(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse((time, _, _))| *time)
    }

    #[inline]
    pub fn pop(&mut self) -> Option<(Nanos, Entry)> {
        self.heap.pop().map(|Reverse((time, _, entry))| (time, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_then_class_then_order_of_pushes() {
        let mut queue = Queue::default();
        let pushes = [
            (5, Entry::Wake(1)),
            (5, Entry::Report(9)),
            (5, Entry::Data(8)),
            (5, Entry::Command(7)),
            (5, Entry::Wake(0)),
            (5, Entry::Phase(3)),
            (5, Entry::Transfer(2)),
            (4, Entry::Wake(6)),
        ];
        for (time, entry) in pushes {
            queue.push(time, entry);
        }
        let order: Vec<Entry> = std::iter::from_fn(|| queue.pop()).map(|(_, entry)| entry).collect();
        assert_eq!(
            order,
            [
                Entry::Wake(6),
                Entry::Command(7),
                Entry::Transfer(2),
                Entry::Data(8),
                Entry::Phase(3),
                Entry::Report(9),
                Entry::Wake(1),
                Entry::Wake(0)
            ]
        );
    }
}
