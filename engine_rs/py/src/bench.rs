//! The matching benchmark without Python in the way: whoever measures puts a clock around `finish`.

use std::sync::Arc;

use market_core::workload::{Run, Workload as CoreWorkload};
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

/// A workload under way on a venue of its own.
#[pyclass(module = "market_sim._engine")]
pub struct WorkloadRun {
    core: Run,
}

#[pymethods]
impl WorkloadRun {
    #[new]
    fn new(workload: &Workload) -> Self {
        Self { core: Run::new(Arc::clone(&workload.core)) }
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

    fn state_hash(&self) -> u64 {
        self.core.venue().state_hash()
    }
}
