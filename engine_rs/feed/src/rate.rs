//! How many messages a second: over the last seconds, whoever asks how often.

use std::collections::VecDeque;

use crate::event::Nanos;

/// Long enough that a slow machine or a quiet market does not show as nothing, short enough to follow what happens.
const WINDOW_NS: Nanos = 3_000_000_000;
/// Looks nearer to each other are one.
const STEP_NS: Nanos = 100_000_000;

/// Counts of messages as they were found in the last seconds.
#[derive(Clone, Debug)]
pub struct Rate {
    /// Time and count, the oldest first; never empty. The second is inside the window, the first may lie before it.
    looks: VecDeque<(Nanos, u64)>,
}

impl Rate {
    /// Nothing has come by `now_ns`, of any clock that runs evenly.
    pub fn new(now_ns: Nanos) -> Self {
        Self { looks: VecDeque::from([(now_ns, 0)]) }
    }

    /// Messages since about three seconds ago, and in how many nanoseconds they came, if `count` have come by now.
    pub fn look(&mut self, now_ns: Nanos, count: u64) -> (u64, Nanos) {
        while self.looks.get(1).is_some_and(|&(at, _)| now_ns - at >= WINDOW_NS) {
            self.looks.pop_front();
        }
        let (since, before) = self.looks[0];
        if self.looks.back().is_some_and(|&(at, _)| now_ns - at >= STEP_NS) {
            self.looks.push_back((now_ns, count));
        }
        (count.saturating_sub(before), now_ns - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn a_short_silence_is_no_rate_of_nothing() {
        let mut rate = Rate::new(0);
        for tenth in 1..=50 {
            rate.look(tenth * SECOND / 10, tenth as u64 * 10);
        }
        // 100 a second for five seconds, then half a second without any.
        let (messages, nanos) = rate.look(5 * SECOND + SECOND / 2, 500);
        assert_eq!((messages, nanos), (250, 3 * SECOND));
        assert_eq!(rate.look(9 * SECOND, 500).0, 0, "a long one is");
    }

    #[test]
    fn who_looks_seldom_learns_of_the_whole_time_between() {
        let mut rate = Rate::new(0);
        assert_eq!(rate.look(20 * SECOND, 400), (400, 20 * SECOND));
        assert_eq!(rate.look(40 * SECOND, 1000), (600, 20 * SECOND));
    }

    #[test]
    fn who_looks_all_the_time_keeps_no_more() {
        let mut rate = Rate::new(0);
        for step in 0..100_000 {
            rate.look(step * 1_000_000, step as u64);
        }
        assert!(rate.looks.len() <= 32, "{}", rate.looks.len());
    }
}
