//! Measures matching on workload files: `cargo run --release --example match_workload -- FILE.bin...`
//!
//! Prints per file the least time per message over fifteen rounds, and what came of the messages, which the
//! file's own figures must equal. The preload is not counted.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a stopwatch"
)]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use market_core::workload::{Run, Setting, Workload};

const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let workload = Arc::new(Workload::parse(&std::fs::read(&path)?)?);
        let mut least = u64::MAX;
        let mut outcome = None;
        for _ in 0..ROUNDS {
            let mut run = Run::new(workload.clone(), Setting::default());
            run.preload();
            let start = busy_ns();
            outcome = Some(run.finish());
            least = least.min(busy_ns() - start);
        }
        let each = least as f64 / workload.timed() as f64;
        println!("{path}: {each:.1} ns per message, {outcome:?}");
    }
    Ok(())
}

/// CPU time of this thread where the system tells it, else time passed.
fn busy_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Linux brings the figure up to date when the thread offers to yield.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let busy = told.and_then(|line| line.split(' ').next()?.parse().ok());
    busy.unwrap_or_else(|| START.elapsed().as_nanos() as u64)
}
