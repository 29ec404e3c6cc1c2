//! Depth into arrays that the caller keeps: nothing is allocated, nothing converted.

use market_core::book::DepthLevel;
use numpy::{PyArray1, PyArrayMethods, PyReadwriteArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::bad_value;

type Numbers<'py> = PyReadwriteArray1<'py, i64>;

/// A caller's places for levels: prices and sizes, and the number of orders if wanted.
pub struct Levels<'py> {
    prices: Numbers<'py>,
    sizes: Numbers<'py>,
    orders: Option<Numbers<'py>>,
}

impl<'py> Levels<'py> {
    pub fn new(
        prices: &Bound<'py, PyAny>,
        sizes: &Bound<'py, PyAny>,
        orders: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let prices = numbers("prices", prices, None)?;
        let room = prices.len();
        let sizes = numbers("sizes", sizes, Some(room))?;
        let orders = orders.map(|orders| numbers("orders", orders, Some(room))).transpose()?;
        Ok(Self { prices, sizes, orders })
    }

    /// Writes as many levels as there is room for; gives their number. Later places stay as they are.
    pub fn fill(mut self, levels: impl Iterator<Item = DepthLevel>) -> PyResult<usize> {
        let (prices, sizes) = (self.prices.as_slice_mut()?, self.sizes.as_slice_mut()?);
        let mut orders = self.orders.as_mut().map(|orders| orders.as_slice_mut()).transpose()?;
        let mut written = 0;
        for (place, level) in levels.take(prices.len()).enumerate() {
            (prices[place], sizes[place]) = (level.price, level.lots);
            if let Some(orders) = &mut orders {
                orders[place] = level.orders.into();
            }
            written = place + 1;
        }
        Ok(written)
    }
}

/// A writable array of this many int64, or a ValueError that names it.
fn numbers<'py>(name: &str, buffer: &Bound<'py, PyAny>, room: Option<usize>) -> PyResult<Numbers<'py>> {
    let array = buffer.cast::<PyArray1<i64>>().ok().filter(|array| array.is_c_contiguous());
    let writable = array.and_then(|array| array.try_readwrite().ok());
    let Some(writable) = writable else {
        let given = match buffer.cast::<PyUntypedArray>() {
            Ok(array) => format!("{} of {} dimensions", array.dtype().str()?, array.ndim()),
            Err(_) => buffer.get_type().name()?.to_string(),
        };
        return Err(bad_value(format!(
            "{name}: give a writable, contiguous array of int64 and one dimension, not {given}; no array twice"
        )));
    };
    match room {
        Some(room) if room != writable.len() => Err(bad_value(format!(
            "{name} has {} places, prices has {room}: give buffers of one length",
            writable.len()
        ))),
        _ => Ok(writable),
    }
}
