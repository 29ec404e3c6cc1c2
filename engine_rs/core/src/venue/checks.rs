//! What a command must satisfy, in the order in which a venue asks; the first failure is the reason.

use super::listing::Listing;
use super::spec::ListingSpec;
use crate::book::{Book, OrderState};
use crate::event::RejectReason;
use crate::order::{NewOrder, OrderType};
use crate::types::{Lots, MAX_PRICE, MAX_SIZE, OrderId, Phase, Side, Ticks};

/// A venue that is not open takes no new orders; while suspended it still lets orders go.
#[inline]
pub(super) fn open(
    phase: Phase,
    is_cancel: bool,
    listing: Option<&mut Listing>,
) -> Result<&mut Listing, RejectReason> {
    match phase {
        Phase::Suspended if !is_cancel => Err(RejectReason::VenueSuspended),
        Phase::Closed => Err(RejectReason::VenueClosed),
        _ => listing.ok_or(RejectReason::UnknownListing),
    }
}

/// A new order that is plain, into a listing that is.
#[inline(always)]
pub(super) fn new_order(
    spec: &ListingSpec,
    book: &Book,
    order: &NewOrder,
    exempt: bool,
) -> Result<(), RejectReason> {
    let limit = order.order_type == OrderType::Limit;
    if (limit && order.price.is_none()) || (order.post_only && !(limit && order.tif.may_rest())) {
        return Err(RejectReason::InvalidCombination);
    }
    entry_within(spec, book, order, exempt, false, Book::plain_room)
}

/// Whether an order of sensible terms may come in; `waits`: whether its id stands for a waiting order.
pub(super) fn entry(
    spec: &ListingSpec,
    book: &Book,
    order: &NewOrder,
    exempt: bool,
    waits: bool,
) -> Result<(), RejectReason> {
    entry_within(spec, book, order, exempt, waits, Book::room)
}

#[inline(always)]
fn entry_within(
    spec: &ListingSpec,
    book: &Book,
    order: &NewOrder,
    exempt: bool,
    waits: bool,
    room: impl Fn(&Book, Side, Ticks) -> Lots,
) -> Result<(), RejectReason> {
    amounts(spec, order.price, order.size, exempt)?;
    if book.contains(order.id) || waits {
        return Err(RejectReason::DuplicateOrderId);
    }
    let Some(price) = order.price else { return Ok(()) };
    if order.post_only {
        post_only(book, order.side, price)?;
    }
    if order.tif.may_rest() && order.size > room(book, order.side, price) {
        return Err(RejectReason::QuantityOverflow);
    }
    Ok(())
}

/// Checks a replace and finds its order.
pub(super) fn replace(
    spec: &ListingSpec,
    book: &Book,
    id: OrderId,
    price: Ticks,
    size: Lots,
    exempt: bool,
) -> Result<OrderState, RejectReason> {
    let state = book.order(id).ok_or(RejectReason::UnknownOrder)?;
    amounts(spec, Some(price), size, exempt)?;
    if state.post_only {
        post_only(book, state.side, price)?;
    }
    let freed = if price == state.price { state.leaves } else { 0 };
    if size - state.executed() > book.room(state.side, price) + freed {
        return Err(RejectReason::QuantityOverflow);
    }
    Ok(state)
}

/// Checks lots that are to be added to a resting order.
#[inline]
pub(super) fn growth(
    spec: &ListingSpec,
    book: &Book,
    state: &OrderState,
    lots: Lots,
) -> Result<(), RejectReason> {
    if !(1..=MAX_SIZE).contains(&lots) {
        return Err(RejectReason::SizeOutOfRange);
    }
    amounts(spec, Some(state.price), state.total + lots, true)?;
    if lots > book.room(state.side, state.price) { Err(RejectReason::QuantityOverflow) } else { Ok(()) }
}

/// Ranges of price, size and money; who is exempt knows no least notional.
#[inline]
pub(super) fn amounts(
    spec: &ListingSpec,
    price: Option<Ticks>,
    size: Lots,
    exempt: bool,
) -> Result<(), RejectReason> {
    if price.is_some_and(|price| !(1..=MAX_PRICE).contains(&price)) {
        return Err(RejectReason::PriceOutOfRange);
    }
    if !(1..=MAX_SIZE).contains(&size) {
        return Err(RejectReason::SizeOutOfRange);
    }
    if spec.base_atoms(size).is_none() {
        return Err(RejectReason::NotionalOverflow);
    }
    let Some(price) = price else { return Ok(()) };
    let notional = spec.notional(price, size).ok_or(RejectReason::NotionalOverflow)?;
    if notional < spec.min_notional_atoms() && !exempt { Err(RejectReason::MinNotional) } else { Ok(()) }
}

#[inline]
fn post_only(book: &Book, side: Side, price: Ticks) -> Result<(), RejectReason> {
    if book.crosses(side, price) { Err(RejectReason::PostOnlyWouldCross) } else { Ok(()) }
}
