//! The market: books, venues, ledger, latency and the event kernel.
//!
//! Integers only, no input or output, no wall clock, no randomness but its own seeded streams:
//! whatever comes in as commands and seeds decides every event that goes out.
#![forbid(unsafe_code)]

#[macro_use]
mod codes;

pub mod book;
pub mod command;
pub mod conditions;
pub mod event;
pub mod external;
pub mod hash;
pub mod kernel;
pub mod latency;
pub mod ledger;
pub mod order;
pub mod policy;
pub mod types;
pub mod venue;
pub mod workload;
