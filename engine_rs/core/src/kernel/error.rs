//! Why the kernel refuses: a caller's mistake in an argument, or a run that cannot go on.

use std::fmt;

use crate::latency::LatencyError;
use crate::ledger::LedgerError;
use crate::types::Nanos;

/// Every message names the thing and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelError {
    /// A bad argument; nothing has changed.
    Argument(String),
    /// The engine refuses to go on.
    Engine { what: String, place: String, remedy: &'static str },
}

pub type Result<T> = std::result::Result<T, KernelError>;

impl KernelError {
    pub fn argument<T>(message: impl Into<String>) -> Result<T> {
        Err(Self::Argument(message.into()))
    }

    pub fn engine<T>(what: impl Into<String>, place: impl Into<String>, remedy: &'static str) -> Result<T> {
        Err(Self::Engine { what: what.into(), place: place.into(), remedy })
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(message) => f.write_str(message),
            Self::Engine { what, place, remedy } if place.is_empty() => write!(f, "{what}. {remedy}"),
            Self::Engine { what, place, remedy } => write!(f, "{place}: {what}. {remedy}"),
        }
    }
}

impl std::error::Error for KernelError {}

impl From<LatencyError> for KernelError {
    fn from(error: LatencyError) -> Self {
        Self::Argument(error.to_string())
    }
}

impl From<LedgerError> for KernelError {
    fn from(error: LedgerError) -> Self {
        // Its message names account and remedy.
        Self::Engine { what: error.to_string(), place: String::new(), remedy: "" }
    }
}

fn off_the_clock(time: Nanos, delay: Nanos) -> String {
    format!("time {time} ns and a delay of {delay} ns leave the 64-bit clock of nanoseconds (292 years)")
}

/// `time + delay` of something under way.
#[inline]
pub fn later(time: Nanos, delay: Nanos) -> Result<Nanos> {
    match time.checked_add(delay) {
        Some(sum) => Ok(sum),
        None => KernelError::engine(off_the_clock(time, delay), "kernel", "Shorten the latency."),
    }
}

/// `time + delay` where a caller gave the delay.
#[inline]
pub fn later_as_asked(time: Nanos, delay: Nanos) -> Result<Nanos> {
    match time.checked_add(delay) {
        Some(sum) => Ok(sum),
        None => KernelError::argument(off_the_clock(time, delay)),
    }
}
