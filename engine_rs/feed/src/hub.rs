//! Between the sockets and the consumer: one queue with a bound, and the clock that stamps what enters it.
//!
//! When the consumer does not keep up, what does not fit is thrown away and counted, per subscription; when there
//! is room again, one gap tells how much, and the book as it then is follows. The sockets are read all the while.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::event::{Body, Event, Nanos, Now, State};

/// Memory of the queue, whatever the number of events.
const MOST_BYTES: usize = 32 << 20;

pub struct Hub {
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// There is room again, and somebody waits for it.
    pub room: Notify,
}

struct Inner {
    queue: VecDeque<Event>,
    bytes: usize,
    capacity: usize,
    peak: usize,
    last_ns: Nanos,
    /// Per subscription: events thrown away since the queue was full.
    lagging: Vec<Option<u64>>,
    closed: bool,
}

/// (length, capacity, peak) of the queue.
pub type Level = (usize, usize, usize);

impl Hub {
    pub fn new(subscriptions: usize, capacity: usize) -> Self {
        let inner = Inner {
            queue: VecDeque::new(),
            bytes: 0,
            capacity: capacity.max(1),
            peak: 0,
            last_ns: Nanos::MIN,
            lagging: vec![None; subscriptions],
            closed: false,
        };
        Self { inner: Mutex::new(inner), arrived: Condvar::new(), room: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether a book or trade had room. States and gaps always have: they are few.
    pub fn push(&self, sub: usize, now: Now, venue_ns: Option<Nanos>, body: Body) -> bool {
        let mut inner = self.lock();
        if let Some(dropped) = &mut inner.lagging[sub] {
            *dropped += u64::from(body.is_bulk());
            if !matches!(body, Body::State(State::Stopped, _)) {
                // States and gaps are told when there is room: as the state and the gap of that moment.
                return !body.is_bulk();
            }
        }
        if body.is_bulk() && (inner.queue.len() >= inner.capacity || inner.bytes >= MOST_BYTES) {
            inner.lagging[sub] = Some(1);
            return false;
        }
        let recv_ns = inner.stamp(now.wall_ns);
        inner.bytes += body.bytes();
        inner.queue.push_back(Event { sub, recv_ns, venue_ns, body });
        inner.peak = inner.peak.max(inner.queue.len());
        drop(inner);
        self.arrived.notify_one();
        true
    }

    /// Up to `most` events; waits for the first. Empty after `timeout`, or at once when everything has ended.
    pub fn poll(&self, most: usize, timeout: Duration) -> Vec<Event> {
        let inner = self.lock();
        let waits = |inner: &mut Inner| inner.queue.is_empty() && !inner.closed;
        let (mut inner, _) = self
            .arrived
            .wait_timeout_while(inner, timeout, waits)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let number = most.min(inner.queue.len());
        let taken: Vec<Event> = inner.queue.drain(..number).collect();
        inner.bytes -= taken.iter().map(|event| event.body.bytes()).sum::<usize>();
        if inner.has_room() && inner.lagging.iter().any(Option::is_some) {
            self.room.notify_one();
        }
        taken
    }

    /// Those of the subscriptions that lost something and now have room, with the number of events lost.
    pub fn take_lagging(&self, subs: &[usize]) -> Vec<(usize, u64)> {
        let mut inner = self.lock();
        if !inner.has_room() {
            return Vec::new();
        }
        subs.iter().filter_map(|&sub| inner.lagging[sub].take().map(|dropped| (sub, dropped))).collect()
    }

    /// A time that everything taken is before and everything to come is after; None while something is left to
    /// take.
    pub fn horizon_ns(&self, wall_ns: Nanos) -> Option<Nanos> {
        let mut inner = self.lock();
        inner.queue.is_empty().then(|| inner.stamp(wall_ns))
    }

    /// Nothing will come any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    pub fn level(&self) -> Level {
        let inner = self.lock();
        (inner.queue.len(), inner.capacity, inner.peak)
    }
}

impl Inner {
    /// Strictly later than every stamp before, also when the machine's clock is set back.
    fn stamp(&mut self, wall_ns: Nanos) -> Nanos {
        self.last_ns = wall_ns.max(self.last_ns.saturating_add(1));
        self.last_ns
    }

    fn has_room(&self) -> bool {
        self.queue.len() <= self.capacity / 2 && self.bytes <= MOST_BYTES / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BookEvent, Gap, GapReason, Scope};

    fn diff() -> Body {
        Body::Book(BookEvent { snapshot: false, first_id: 1, last_id: 1, bids: vec![(1, 1)], asks: vec![] })
    }

    fn at(wall_ns: Nanos) -> Now {
        Now { even_ns: 0, wall_ns }
    }

    #[test]
    fn stamps_rise_whatever_the_clock_does() {
        let hub = Hub::new(1, 10);
        for wall_ns in [50, 50, 20, 60] {
            assert!(hub.push(0, at(wall_ns), None, diff()));
        }
        assert_eq!(hub.horizon_ns(100), None, "something is left to take");
        let stamps: Vec<Nanos> = hub.poll(10, Duration::ZERO).iter().map(|event| event.recv_ns).collect();
        assert_eq!(stamps, [50, 51, 52, 60]);
        assert_eq!((hub.horizon_ns(100), hub.horizon_ns(90)), (Some(100), Some(101)));
        hub.push(0, at(100), None, diff());
        assert_eq!(hub.poll(1, Duration::ZERO)[0].recv_ns, 102);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_states_wait_for_the_room() {
        let hub = Hub::new(2, 4);
        let gap =
            Body::Gap(Gap { scope: Scope::Book, reason: GapReason::Sequence, missing: None, dropped: 0 });
        assert!((0..4).all(|_| hub.push(0, at(1), None, diff())));
        assert!(!hub.push(0, at(1), None, diff()) && !hub.push(0, at(1), None, diff()));
        assert!(hub.push(0, at(1), None, gap.clone()), "no message of the venue is lost with it");
        assert!(hub.push(1, at(1), None, gap), "the other subscription has lost nothing: its gap is told");
        assert!(hub.take_lagging(&[0, 1]).is_empty(), "there is no room yet");
        assert_eq!(hub.poll(3, Duration::ZERO).len(), 3);
        assert_eq!(hub.take_lagging(&[0, 1]), [(0, 2)]);
        assert!(hub.push(0, at(1), None, diff()));
        assert_eq!(hub.level(), (3, 4, 5));
    }

    #[test]
    fn an_end_wakes_who_waits() {
        let hub = Hub::new(1, 4);
        hub.close();
        assert!(hub.poll(4, Duration::from_secs(60)).is_empty());
    }
}
