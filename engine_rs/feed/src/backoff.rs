//! When to try again, and how often at most.

use crate::event::Nanos;

/// Random numbers for jitter: two machines that lost the same venue should not come back together.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Full jitter: anything from 0 to `base` times 2 to the power of `retry`, at most `cap`.
    pub fn wait(&mut self, base: Nanos, cap: Nanos, retry: u32) -> Nanos {
        let most = base.saturating_mul(1i64.checked_shl(retry.min(62)).unwrap_or(i64::MAX)).clamp(1, cap);
        (self.next() % (most as u64 + 1)) as Nanos
    }
}

/// A budget that fills evenly: `capacity` at once, as many again each minute.
#[derive(Clone, Debug)]
pub struct Budget {
    capacity: u64,
    /// Nanoseconds per unit.
    interval: Nanos,
    /// When the budget would be full again, if nothing more were taken.
    full_at: Nanos,
}

impl Budget {
    pub fn per_minute(capacity: u64) -> Self {
        let interval = (60_000_000_000 / capacity.max(1)).max(1) as Nanos;
        Self { capacity, interval, full_at: Nanos::MIN / 4 }
    }

    /// Takes one, or says from when on there is one.
    pub fn take(&mut self, now: Nanos) -> Result<(), Nanos> {
        let full_at = self.full_at.max(now) + self.interval;
        let free_at = full_at - self.interval.saturating_mul(self.capacity as Nanos);
        if free_at > now {
            return Err(free_at);
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_use_the_whole_range() {
        let mut jitter = Jitter::new(1);
        for retry in [0, 3, 7, 31, 200] {
            let most = (250i64 << retry.min(20)).min(30_000);
            let waits: Vec<Nanos> = (0..1000).map(|_| jitter.wait(250, 30_000, retry)).collect();
            assert!(waits.iter().all(|wait| (0..=most).contains(wait)), "{retry}");
            assert!(
                waits.iter().any(|&wait| wait < most / 10) && waits.iter().any(|&wait| wait > most * 9 / 10)
            );
        }
    }

    #[test]
    fn a_budget_is_never_overdrawn() {
        let mut budget = Budget::per_minute(10);
        let second = 1_000_000_000;
        let mut taken = Vec::new();
        let mut now = 0;
        while now < 600 * second {
            match budget.take(now) {
                Ok(()) => taken.push(now),
                Err(later) => {
                    assert!(later > now);
                    now = later;
                }
            }
        }
        assert_eq!(taken.iter().take_while(|&&at| at == 0).count(), 10);
        let busiest = taken
            .iter()
            .map(|&at| taken.iter().filter(|&&other| (at..at + 60 * second).contains(&other)).count());
        assert!(busiest.max().unwrap() <= 20, "full at once, and as many again within the minute");
        assert_eq!(taken.len(), 10 + 99);
    }
}
