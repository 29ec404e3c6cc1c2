//! Measures matching on workload files: `cargo run --release --example match_workload -- FILE.bin...`
//!
//! Prints per file the least wall time per message over eleven rounds, and what the file's own figures
//! should equal. The preload is not counted.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a stopwatch"
)]

use std::sync::Arc;
use std::time::Instant;

use market_core::workload::{Run, Workload};

const ROUNDS: usize = 11;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let workload = Arc::new(Workload::parse(&std::fs::read(&path)?)?);
        let mut best = f64::INFINITY;
        let mut last = None;
        for _ in 0..ROUNDS {
            let mut run = Run::new(Arc::clone(&workload));
            run.preload();
            let start = Instant::now();
            last = Some(run.finish());
            best = best.min(start.elapsed().as_nanos() as f64 / workload.timed() as f64);
        }
        println!("{path}: {best:.1} ns per message, {last:?}");
    }
    Ok(())
}
