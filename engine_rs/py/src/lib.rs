//! `market_sim._engine`: the Python face of the native engine. Conversions only; every rule is in the core.
#![allow(clippy::too_many_arguments, clippy::type_complexity, reason = "signatures and tuples are Python's")]

mod arguments;
mod batch;
mod batch_ex;
mod bench;
mod buffers;
mod errors;
mod feed;
mod feed_rows;
mod flow;
mod kernel;
mod market_data;
mod notices;
mod rows;
mod tape;
mod venue;

#[pyo3::pymodule]
mod _engine {
    #[pymodule_export]
    use crate::bench::{Workload, WorkloadRun};
    #[pymodule_export]
    use crate::feed::{CaptureReader, CaptureWriter, FeedHandle, feed_venues, fetch_instrument};
    #[pymodule_export]
    use crate::kernel::Kernel;
    #[pymodule_export]
    use crate::venue::Venue;
}
