//! The loop: the next thing that happens, and the next notice that it causes.

use super::Kernel;
use super::error::{KernelError, Result};
use super::market::Report;
use super::notice::{News, Notice};
use super::queue::Entry;
use crate::types::{FIRST_USER_AGENT, Nanos};

/// Agents that answer each other without delay would stop the clock; after so many entries at one instant the
/// run stops instead.
pub const ENTRIES_AT_ONE_INSTANT: u32 = 100_000;

/// How a stretch of running ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Notice(Notice),
    /// Nothing is left up to the given time, where the clock now stands.
    Idle,
    /// The budget of entries is used up; there is more to do.
    Busy,
}

impl Kernel {
    /// Runs to the next notice for an agent of the scenario, for at most `budget` entries.
    pub fn next(&mut self, until: Nanos, budget: u32) -> Result<Turn> {
        self.after_start()?;
        if until < self.now {
            return KernelError::argument(format!(
                "next({until}) at {} ns: time does not run backwards",
                self.now
            ));
        }
        let mut left = budget;
        while left > 0 {
            if let Some(notice) = self.take_notice() {
                return Ok(Turn::Notice(notice));
            }
            left -= self.apply_due(until, left)?;
            if left == 0 {
                break;
            }
            if !self.step(until)? {
                self.advance(until);
                return Ok(Turn::Idle);
            }
            left -= 1;
        }
        Ok(Turn::Busy)
    }

    /// The oldest waiting notice whose agent has not been disabled meanwhile.
    fn take_notice(&mut self) -> Option<Notice> {
        while let Some(notice) = self.ready.pop_front() {
            let agent = (notice.agent - FIRST_USER_AGENT) as usize;
            if self.agents[agent].enabled {
                self.totals.notices[notice.agent as usize] += 1;
                return Some(notice);
            }
        }
        None
    }

    /// Processes the first entry of the queue up to `until`; `false` if there is none.
    fn step(&mut self, until: Nanos) -> Result<bool> {
        let Some(time) = self.queue.next_time().filter(|&time| time <= until) else { return Ok(false) };
        self.count_entry(time)?;
        let (_, entry) = self.queue.pop().expect("just seen");
        self.process(entry)?;
        Ok(true)
    }

    fn process(&mut self, entry: Entry) -> Result<()> {
        match entry {
            Entry::Command(entry) => self.on_command(entry)?,
            Entry::Transfer(entry) => self.on_transfer(entry)?,
            Entry::Timer(venue) => self.on_timer(venue)?,
            Entry::Data(channel) => self.on_data(channel),
            Entry::Consolidated(channel) => self.on_consolidated(channel),
            Entry::Phase(entry) => self.on_phase(entry),
            Entry::Report(entry) => self.on_report(entry)?,
            Entry::Wake(agent) => {
                self.last_actor = Some(agent);
                if !self.closed {
                    self.ready.push_back(Notice { time_ns: self.now, agent, news: News::Wake });
                }
            }
        }
        Ok(())
    }

    /// A report arrives: the gateway settles, then the agent hears of it.
    fn on_report(&mut self, entry: u32) -> Result<()> {
        let Report { row, answers } = self.reports.take(entry);
        // What the gateway refused itself (sequence number 0) had reserved nothing.
        if row.seq > 0 {
            let terms = &self.markets[row.listing as usize].terms;
            self.agents[(row.agent - FIRST_USER_AGENT) as usize].gateway.settle(terms, &row, answers)?;
        }
        self.ready.push_back(Notice { time_ns: self.now, agent: row.agent, news: News::Report(row) });
        Ok(())
    }

    #[inline]
    pub(super) fn count_entry(&mut self, time: Nanos) -> Result<()> {
        self.advance(time);
        self.entries_now += 1;
        if self.entries_now > ENTRIES_AT_ONE_INSTANT {
            return self.standstill(time);
        }
        self.events += 1;
        Ok(())
    }

    #[cold]
    fn standstill(&self, time: Nanos) -> Result<()> {
        let latest = match self.last_actor {
            Some(agent) => format!("agent {:?}", self.names[agent as usize]),
            None => "no agent".to_owned(),
        };
        KernelError::engine(
            format!("more than {ENTRIES_AT_ONE_INSTANT} entries at {time} ns, the latest from {latest}"),
            "kernel",
            "Give its link a latency, or let it wait before it acts again.",
        )
    }

    #[inline]
    fn advance(&mut self, time: Nanos) {
        if time > self.now {
            self.now = time;
            self.entries_now = 0;
        }
    }
}
