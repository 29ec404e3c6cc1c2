//! Python's arguments as the core's types. What does not fit is a ValueError that says so.

use market_core::conditions::{Conditions, Peg, Refresh};
use market_core::latency::Latency;
use market_core::order::{OrderType, SelfTradePrevention, TimeInForce};
use market_core::policy::MatchingPolicy;
use market_core::types::{MAX_PRICE, Phase, Side};
use numpy::PyReadonlyArray1;
use pyo3::Borrowed;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::errors::bad_value;

/// A 64-bit integer. Python's own have no end, and an OverflowError would be one kind of error more.
#[derive(Clone, Copy)]
pub struct Int(pub i64);

impl FromPyObject<'_, '_> for Int {
    type Error = PyErr;

    // Eleven of them stand in front of every order: inlined, a number comes back in a register.
    #[inline(always)]
    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        object.extract::<i64>().map(Self).map_err(|error| narrowed(object, error))
    }
}

/// A number of an agent, order or listing as a venue alone takes it.
#[derive(Clone, Copy)]
pub struct Id(pub u32);

impl FromPyObject<'_, '_> for Id {
    type Error = PyErr;

    #[inline(always)]
    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let Int(number) = object.extract()?;
        u32::try_from(number).map(Self).map_err(|_| no_id(number))
    }
}

/// A seed: any 64 bits, signed or not.
pub struct Seed(pub u64);

impl FromPyObject<'_, '_> for Seed {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match object.extract::<i64>() {
            Ok(seed) => Ok(Self(seed as u64)),
            Err(_) => object.extract::<u64>().map(Self).map_err(|error| narrowed(object, error)),
        }
    }
}

#[cold]
fn no_id(number: i64) -> PyErr {
    bad_value(format!("id {number}: ids go from 0 to {}", u32::MAX))
}

#[cold]
fn narrowed(object: Borrowed<'_, '_, PyAny>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(object.py()) {
        bad_value(format!("integer {} does not fit into 64 bits", *object))
    } else {
        error
    }
}

#[inline]
fn member<T>(what: &str, code: i64, from_code: impl Fn(u8) -> Option<T>, known: &str) -> PyResult<T> {
    let found = u8::try_from(code).ok().and_then(from_code);
    found.ok_or_else(|| no_member(what, code, known))
}

#[cold]
fn no_member(what: &str, code: i64, known: &str) -> PyErr {
    bad_value(format!("{what} {code} stands for nothing: choose {known}"))
}

pub fn side(code: Int) -> PyResult<Side> {
    member("side", code.0, Side::from_code, "BUY 0 or SELL 1")
}

pub fn order_type(code: Int) -> PyResult<OrderType> {
    let known = "LIMIT 0, MARKET 1, MARKET_TO_LIMIT 2, STOP 3, STOP_LIMIT 4 or TRAILING_STOP 5";
    member("order_type", code.0, OrderType::from_code, known)
}

pub fn tif(code: Int) -> PyResult<TimeInForce> {
    member("tif", code.0, TimeInForce::from_code, "GTC 0, IOC 1, FOK 2, DAY 3 or GTD 4")
}

pub fn stp(code: Int) -> PyResult<SelfTradePrevention> {
    let known = "NONE 0, NEWEST 1, PASS 2, OLDEST 3, BOTH 4 or DECREMENT 5";
    member("stp", code.0, SelfTradePrevention::from_code, known)
}

fn refresh(code: Int) -> PyResult<Refresh> {
    member("refresh", code.0, Refresh::from_code, "RESERVE 0 or PEAK 1")
}

fn peg(code: Int) -> PyResult<Peg> {
    member("peg", code.0, Peg::from_code, "NONE 0, PRIMARY 1, MIDPOINT 2 or MARKET 3")
}

pub fn phase(code: Int) -> PyResult<Phase> {
    let known =
        "CONTINUOUS 0, SUSPENDED 1, CLOSED 2, PRE_OPEN 3, OPENING_AUCTION 4, HALT 5 or CLOSING_AUCTION 6";
    member("phase", code.0, Phase::from_code, known)
}

pub fn policy(code: Int) -> PyResult<MatchingPolicy> {
    let known = "PRICE_TIME 0, PRO_RATA 1 or BATCH_AUCTION 2";
    member("policy", code.0, MatchingPolicy::from_code, known)
}

/// A price as an order could have it.
pub fn price(price: Int) -> PyResult<i64> {
    if (1..=MAX_PRICE).contains(&price.0) {
        return Ok(price.0);
    }
    Err(bad_value(format!("price {}: prices go from 1 to {MAX_PRICE} ticks", price.0)))
}

/// An order's terms: stop price, trigger limit, display, expiry and protection, which may be left out; trailing
/// distance in ticks and basis points, peg offset and minimum, which are 0 then; refresh and peg.
pub fn terms(
    optional: [Option<Int>; 5],
    [trail_ticks, trail_bps, peg_offset_ticks, minimum]: [Int; 4],
    (refresh, peg): (Int, Int),
) -> PyResult<Conditions> {
    let [stop_price, trigger_limit_ticks, display, expire_ns, protection_ticks] =
        optional.map(|given| given.map(|Int(number)| number));
    Ok(Conditions {
        stop_price,
        trail_ticks: trail_ticks.0,
        trail_bps: trail_bps.0,
        trigger_limit_ticks,
        display,
        refresh: self::refresh(refresh)?,
        peg: self::peg(peg)?,
        peg_offset_ticks: peg_offset_ticks.0,
        minimum: minimum.0,
        expire_ns,
        protection_ticks,
    })
}

/// A list or an array of integers.
pub fn integers(object: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    if let Ok(array) = object.extract::<PyReadonlyArray1<i64>>() {
        return Ok(array.as_array().to_vec());
    }
    object.try_iter()?.map(|number| number?.extract::<Int>().map(|Int(number)| number)).collect()
}

/// A latency model: ("constant", ns), ("uniform", lowest, highest), ("table", quantiles) or
/// ("series", times, values).
pub fn latency(model: &Bound<'_, PyAny>) -> PyResult<Latency> {
    let parts: Vec<Bound<'_, PyAny>> = model.try_iter()?.collect::<PyResult<_>>()?;
    let number = |place: usize| parts[place].extract::<Int>().map(|Int(number)| number);
    let kind = parts.first().and_then(|kind| kind.extract::<String>().ok()).unwrap_or_default();
    let built = match (kind.as_str(), parts.len()) {
        ("constant", 2) => Latency::constant(number(1)?),
        ("uniform", 3) => Latency::uniform(number(1)?, number(2)?),
        ("table", 2) => Latency::table(integers(&parts[1])?),
        ("series", 3) => Latency::series(integers(&parts[1])?, integers(&parts[2])?),
        _ => {
            return Err(bad_value(format!(
                "unknown latency model {}: constant, uniform, table or series with their numbers",
                model.repr()?
            )));
        }
    };
    built.map_err(bad_value)
}
