//! Whether the terms of a new order go together, whatever the market.

use crate::conditions::{Conditions, Peg, Refresh};
use crate::event::RejectReason;
use crate::order::{NewOrder, OrderType, TimeInForce};
use crate::types::{Lots, MAX_PEAKS, MAX_PRICE, Nanos};

/// The first thing wrong with what a new order says of itself.
pub(super) fn conditions(order: &NewOrder, terms: &Conditions, now_ns: Nanos) -> Result<(), RejectReason> {
    if !combines(order, terms) {
        return Err(RejectReason::InvalidCombination);
    }
    let sound = shows(order, terms)
        && has_minimum(order, terms)
        && ends(order, terms, now_ns)
        && is_protected(order, terms)
        && stops(order, terms)
        && pegs(order, terms);
    if sound { Ok(()) } else { Err(RejectReason::InvalidTerms) }
}

/// Type, price, time in force and post-only.
fn combines(order: &NewOrder, terms: &Conditions) -> bool {
    let rests = order.tif.may_rest();
    let priced = order.price.is_some();
    let of_type = match order.order_type {
        OrderType::Limit => priced || terms.peg != Peg::None,
        OrderType::StopLimit => priced,
        OrderType::MarketToLimit => !priced && rests,
        OrderType::Market | OrderType::Stop | OrderType::TrailingStop => true,
    };
    of_type && (!order.post_only || (order.order_type == OrderType::Limit && rests))
}

fn shows(order: &NewOrder, terms: &Conditions) -> bool {
    let limit = order.order_type == OrderType::Limit && order.tif.may_rest();
    terms.display.is_none_or(|lots| limit && (0..=order.size).contains(&lots) && peaks(lots, order.size))
        && (terms.refresh == Refresh::Reserve || terms.display.is_some_and(|lots| lots > 0))
}

/// Whether an iceberg of this peak and size shows no more peaks than one command should have to print.
pub(super) fn peaks(peak: Lots, size: Lots) -> bool {
    peak == 0 || size <= peak.saturating_mul(MAX_PEAKS)
}

fn has_minimum(order: &NewOrder, terms: &Conditions) -> bool {
    let may_have = matches!(order.order_type, OrderType::Limit | OrderType::Market)
        && order.tif != TimeInForce::Fok
        && !order.post_only;
    terms.minimum == 0 || (may_have && (1..=order.size).contains(&terms.minimum))
}

fn ends(order: &NewOrder, terms: &Conditions, now_ns: Nanos) -> bool {
    match terms.expire_ns {
        Some(expire_ns) => order.tif == TimeInForce::Gtd && expire_ns > now_ns,
        None => order.tif != TimeInForce::Gtd,
    }
}

fn is_protected(order: &NewOrder, terms: &Conditions) -> bool {
    use OrderType::{Market, Stop, TrailingStop};
    terms.protection_ticks.is_none_or(|ticks| {
        matches!(order.order_type, Market | Stop | TrailingStop)
            && order.price.is_none()
            && (0..=MAX_PRICE).contains(&ticks)
    })
}

fn stops(order: &NewOrder, terms: &Conditions) -> bool {
    let Conditions { stop_price, trail_ticks, trail_bps, trigger_limit_ticks, .. } = *terms;
    let trails = trail_ticks != 0 || trail_bps != 0 || trigger_limit_ticks.is_some();
    match order.order_type {
        OrderType::Stop | OrderType::StopLimit => {
            stop_price.is_some_and(|stop| (1..=MAX_PRICE).contains(&stop)) && !trails
        }
        OrderType::TrailingStop => {
            let by_ticks = (1..=MAX_PRICE).contains(&trail_ticks) && trail_bps == 0;
            let by_bps = (1..=9_999).contains(&trail_bps) && trail_ticks == 0;
            let limit = trigger_limit_ticks.is_none_or(|ticks| (0..=MAX_PRICE).contains(&ticks));
            let one_limit = trigger_limit_ticks.is_none() || terms.protection_ticks.is_none();
            order.price.is_none() && stop_price.is_none() && (by_ticks || by_bps) && limit && one_limit
        }
        _ => stop_price.is_none() && !trails,
    }
}

fn pegs(order: &NewOrder, terms: &Conditions) -> bool {
    if terms.peg == Peg::None {
        return terms.peg_offset_ticks == 0;
    }
    order.order_type == OrderType::Limit
        && order.tif.may_rest()
        && !order.post_only
        && terms.display.is_none()
        && terms.minimum == 0
        && (-MAX_PRICE..=MAX_PRICE).contains(&terms.peg_offset_ticks)
}
