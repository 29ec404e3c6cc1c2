//! Commands and events in bulk: numpy's structured arrays, byte for byte the core's rows.

use market_core::event::Event;
use market_core::order::{Command, NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{OrderId, Side};
use numpy::{PyArray1, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::bad_value;

pub const COMMAND_BYTES: usize = 48;
pub const EVENT_BYTES: usize = 80;

pub const POST_ONLY: u8 = 1;
pub const HAS_PRICE: u8 = 2;

/// The bytes of a contiguous one-dimensional array of rows of this size, as an array.
pub fn bytes_of<'py>(
    array: &Bound<'py, PyUntypedArray>,
    what: &str,
    row_bytes: usize,
) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let (dimensions, row) = (array.ndim(), array.dtype().itemsize());
    if dimensions != 1 || row != row_bytes || !array.is_c_contiguous() {
        return Err(bad_value(format!(
            "{what}: give a contiguous array of one dimension and {row_bytes} bytes a row (market_sim.records), not \
             {dimensions} dimensions of {row} bytes"
        )));
    }
    Ok(array.call_method1("view", ("u1",))?.cast_into()?)
}

pub fn word(row: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(row[at..at + 4].try_into().expect("four bytes"))
}

pub fn long(row: &[u8], at: usize) -> i64 {
    i64::from_ne_bytes(row[at..at + 8].try_into().expect("eight bytes"))
}

/// A COMMAND row and its time, unless one of its codes stands for nothing.
pub fn command(row: &[u8]) -> Option<(i64, Command)> {
    let (time_ns, price, size) = (long(row, 0), long(row, 8), long(row, 16));
    let id = OrderId::new(word(row, 24), word(row, 28));
    let listing = word(row, 32);
    let [kind, side, order_type, tif, stp, flags] = row[36..42].try_into().expect("six bytes");
    let command = match kind {
        0 => Command::New(NewOrder {
            id,
            listing,
            side: Side::from_code(side)?,
            order_type: OrderType::from_code(order_type)?,
            tif: TimeInForce::from_code(tif)?,
            stp: SelfTradePrevention::from_code(stp)?,
            post_only: flags & POST_ONLY != 0,
            price: (flags & HAS_PRICE != 0).then_some(price),
            size,
        }),
        1 => Command::Cancel { id, listing },
        2 => Command::Replace { id, listing, price, size },
        _ => return None,
    };
    Some((time_ns, command))
}

/// Whether a row's codes stand for something; the rest of a row may be any number.
fn has_codes(row: &[u8]) -> bool {
    let [kind, side, order_type, tif, stp] = row[36..41].try_into().expect("five bytes");
    match kind {
        0 => {
            Side::from_code(side).is_some()
                && OrderType::from_code(order_type).is_some()
                && TimeInForce::from_code(tif).is_some()
                && SelfTradePrevention::from_code(stp).is_some()
        }
        code => code <= 2,
    }
}

/// Refuses an array with a row that is no command, before any row of it is carried out.
pub fn check(commands: &[u8]) -> PyResult<()> {
    match commands.chunks_exact(COMMAND_BYTES).position(|row| !has_codes(row)) {
        None => Ok(()),
        Some(number) => Err(bad_value(format!(
            "command row {number}: kind, side, order_type, tif and stp {:?} are no codes (market_sim.engine)",
            &commands[number * COMMAND_BYTES + 36..][..5]
        ))),
    }
}

/// Writes an EVENT row.
#[inline]
pub fn write_event(row: &mut [u8; EVENT_BYTES], event: &Event) {
    let mut put = |at: usize, bytes: &[u8]| row[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &event.time_ns.to_ne_bytes());
    put(8, &event.seq.to_ne_bytes());
    for (at, number) in [(16, event.price), (24, event.size), (32, event.leaves), (40, event.fee)] {
        put(at, &number.to_ne_bytes());
    }
    put(48, &event.match_id.to_ne_bytes());
    let words = [event.listing, event.agent, event.counter, event.contra_agent, event.contra_counter];
    for (at, number) in [56, 60, 64, 68, 72].into_iter().zip(words) {
        put(at, &number.to_ne_bytes());
    }
    put(76, &[event.kind.code(), event.reason, event.side.code(), event.flags]);
}
