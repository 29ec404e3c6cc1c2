//! Commands with terms in bulk: rows of `market_sim.records.COMMAND_EX`.

use market_core::command::{Amendment, CommandEx};
use market_core::conditions::{Conditions, Peg, Refresh};
use market_core::order::{Command, NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{OrderId, Side};
use pyo3::prelude::*;

use crate::batch::{HAS_PRICE, POST_ONLY, long, word};
use crate::errors::bad_value;

pub const COMMAND_EX_BYTES: usize = 120;

/// Bits of `given`: in these columns 0 may be meant.
const STOP_PRICE: u32 = 1;
const TRIGGER_LIMIT: u32 = 2;
const DISPLAY: u32 = 4;
const EXPIRY: u32 = 8;
const PROTECTION: u32 = 16;
const TRAIL_TICKS: u32 = 32;
const TRAIL_BPS: u32 = 64;

/// A COMMAND_EX row and its time, unless one of its codes stands for nothing.
pub fn command(row: &[u8]) -> Option<(i64, CommandEx)> {
    let [price, size, stop_price, trail_ticks, trail_bps, trigger_limit, display, peg_offset, minimum] =
        std::array::from_fn(|place| long(row, 8 * (place + 1)));
    let (expire_ns, protection) = (long(row, 80), long(row, 88));
    let (id, listing) = (OrderId::new(word(row, 96), word(row, 100)), word(row, 104));
    let [kind, side, order_type, tif, stp, flags, refresh, peg] =
        row[108..116].try_into().expect("eight bytes");
    let given = word(row, 116);
    let number = |bit, number| (given & bit != 0).then_some(number);
    let price = (flags & HAS_PRICE != 0).then_some(price);
    let command = match kind {
        0 => {
            let order = NewOrder {
                id,
                listing,
                side: Side::from_code(side)?,
                order_type: OrderType::from_code(order_type)?,
                tif: TimeInForce::from_code(tif)?,
                stp: SelfTradePrevention::from_code(stp)?,
                post_only: flags & POST_ONLY != 0,
                price,
                size,
            };
            let terms = Conditions {
                stop_price: number(STOP_PRICE, stop_price),
                trail_ticks,
                trail_bps,
                trigger_limit_ticks: number(TRIGGER_LIMIT, trigger_limit),
                display: number(DISPLAY, display),
                refresh: Refresh::from_code(refresh)?,
                peg: Peg::from_code(peg)?,
                peg_offset_ticks: peg_offset,
                minimum,
                expire_ns: number(EXPIRY, expire_ns),
                protection_ticks: number(PROTECTION, protection),
            };
            if terms == Conditions::NONE {
                CommandEx::Plain(Command::New(order))
            } else {
                CommandEx::New(order, terms)
            }
        }
        1 => CommandEx::Plain(Command::Cancel { id, listing }),
        2 => {
            let change = Amendment {
                price,
                size,
                stop_price: number(STOP_PRICE, stop_price),
                trail_ticks: number(TRAIL_TICKS, trail_ticks),
                trail_bps: number(TRAIL_BPS, trail_bps),
            };
            CommandEx::Replace { id, listing, change }
        }
        _ => return None,
    };
    Some((long(row, 0), command))
}

/// Refuses an array with a row that is no command, before any row of it is carried out.
pub fn check(commands: &[u8]) -> PyResult<()> {
    match commands.chunks_exact(COMMAND_EX_BYTES).position(|row| command(row).is_none()) {
        None => Ok(()),
        Some(number) => Err(bad_value(format!(
            "command row {number}: kind, side, order_type, tif, stp, flags, refresh and peg {:?} are no codes \
             (market_sim.engine)",
            &commands[number * COMMAND_EX_BYTES + 108..][..8]
        ))),
    }
}
