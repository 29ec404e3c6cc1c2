//! The matching benchmark without Python in the way: whoever measures puts a clock around `finish`.

use std::sync::Arc;

use market_core::workload::{Run, Setting, Workload as CoreWorkload};
use pyo3::prelude::*;

use crate::errors::bad_value;

/// A workload file, read once for several runs.
#[pyclass(module = "market_sim._engine", frozen)]
pub struct Workload {
    core: Arc<CoreWorkload>,
}

#[pymethods]
impl Workload {
    #[new]
    fn new(data: &[u8]) -> PyResult<Self> {
        Ok(Self { core: Arc::new(CoreWorkload::parse(data).map_err(bad_value)?) })
    }

    /// Messages of the timed part.
    #[getter]
    fn timed(&self) -> usize {
        self.core.timed()
    }
}

const MOST_BOOKS: u32 = 1_024;

/// A workload under way on a venue of its own.
#[pyclass(module = "market_sim._engine")]
pub struct WorkloadRun {
    core: Run,
}

#[pymethods]
impl WorkloadRun {
    #[new]
    #[pyo3(signature = (workload, books = 1, ledger = false))]
    fn new(workload: &Workload, books: u32, ledger: bool) -> PyResult<Self> {
        if !(1..=MOST_BOOKS).contains(&books) {
            return Err(bad_value(format!("{books} books: a run has 1 to {MOST_BOOKS}")));
        }
        Ok(Self { core: Run::new(Arc::clone(&workload.core), Setting { books, ledger }) })
    }

    /// Fills the book.
    fn preload(&mut self, py: Python<'_>) {
        py.detach(|| self.core.preload());
    }

    /// Runs the timed part to its end: (fills, traded lots, hash over the fills), preload included.
    fn finish(&mut self, py: Python<'_>) -> (u64, i64, u64) {
        let outcome = py.detach(|| self.core.finish());
        (outcome.fills, outcome.traded, outcome.hash)
    }

    /// Whether every asset still sums to what was deposited.
    fn is_balanced(&self) -> bool {
        self.core.is_balanced()
    }

    fn state_hash(&self) -> u64 {
        self.core.venue().state_hash()
    }
}
