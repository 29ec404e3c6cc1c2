//! The core's errors as Python's.

use market_core::kernel::KernelError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pyo3::import_exception!(market_sim.errors, EngineError);

pub fn raise(error: KernelError) -> PyErr {
    match error {
        KernelError::Argument(message) => PyValueError::new_err(message),
        KernelError::Engine { what, place, remedy } => EngineError::new_err((what, place, remedy)),
    }
}

pub fn bad_value(message: impl ToString) -> PyErr {
    PyValueError::new_err(message.to_string())
}
