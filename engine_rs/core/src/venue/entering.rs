//! New and replaced orders that are not plain, or that come into a book which is not.

use super::accounts::Accounts;
use super::checks;
use super::listing::{Listing, passed};
use super::writer::{Filled, Subject, Writer, count};
use crate::book::{Display, Extra, Life, Rest, Step, Taken, Taker, Terms};
use crate::conditions::Conditions;
use crate::event::{CancelReason, RejectReason};
use crate::order::{NewOrder, OrderType, TimeInForce};
use crate::types::{Lots, MAX_PRICE, OrderId, Side, Ticks};

/// What is left of an incoming order after matching.
struct Left {
    taken: Taken,
    /// Its total without the lots that self-trade prevention took.
    total: Lots,
}

impl Listing {
    /// A new order with terms of its own, or why not.
    #[cold]
    #[inline(never)]
    pub fn enter_with(
        &mut self,
        sent: &NewOrder,
        terms: &Conditions,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        checks::conditions(sent, terms, say.time_ns)?;
        let order = NewOrder { price: self.limit_of(sent, terms), ..*sent };
        checks::new_order(&self.spec, &self.book, &order, accounts.is_exempt(order.id.agent))?;
        let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        say.accepted(&subject, order.size);
        let extra = extra(&order, terms, &mut say.numbers.next_expiry);
        let priced_by_touch =
            order.order_type == OrderType::MarketToLimit || terms.protection_ticks.is_some();
        if priced_by_touch && order.price.is_none() {
            say.cancelled(&subject, order.size, CancelReason::NoLiquidity);
            return Ok(());
        }
        let taker = taker(&order);
        let owners = &accounts.owners;
        if order.tif == TimeInForce::Fok && !self.book.can_trade(&taker, order.size, owners) {
            say.cancelled(&subject, order.size, CancelReason::FillOrKill);
        } else if terms.minimum > 0 && !self.book.can_trade(&taker, terms.minimum, owners) {
            say.cancelled(&subject, order.size, CancelReason::MinimumQuantity);
        } else {
            let left = self.sweep_with(&subject, &taker, order.size, accounts, say);
            self.settle_with(&order, left, extra, say);
            self.book.refresh(|peak| say.refreshed(peak));
        }
        Ok(())
    }

    /// A replaced order that has lost its place comes in as a new one, with all its terms but a minimum.
    pub(super) fn enter_again(
        &mut self,
        order: Rest,
        extra: Option<Extra>,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        let (side, price, stp) = (order.terms.side(), order.terms.price(), order.terms.stp());
        let subject = Subject { id: order.id, side, price };
        let taker = Taker { agent: order.id.agent, side, limit: Some(price), size: order.leaves, stp };
        let left = if stp.is_plain() && self.book.is_plain() {
            Left { taken: self.sweep(order.id, &taker, accounts, say), total: order.total }
        } else {
            self.sweep_with(&subject, &taker, order.total, accounts, say)
        };
        if left.taken.met_itself {
            say.cancelled(&subject, left.taken.leaves, CancelReason::SelfTrade);
        } else if left.taken.leaves > 0 {
            let rest = Rest { leaves: left.taken.leaves, total: left.total, ..order };
            self.rest_with(rest, extra.unwrap_or(Extra::NONE), &subject, say);
        }
        self.book.refresh(|peak| say.refreshed(peak));
    }

    /// The limit that an order goes by: its own, or one that the displayed touch gives it now.
    fn limit_of(&self, order: &NewOrder, terms: &Conditions) -> Option<Ticks> {
        let ticks = match (order.order_type, terms.protection_ticks) {
            (OrderType::MarketToLimit, _) => 0,
            (OrderType::Market, Some(ticks)) => ticks,
            _ => return order.price,
        };
        let touch = self.book.best(order.side.opposite())?.price;
        Some(match order.side {
            Side::Buy => (touch + ticks).min(MAX_PRICE),
            Side::Sell => (touch - ticks).max(1),
        })
    }

    fn sweep_with(
        &mut self,
        subject: &Subject,
        taker: &Taker,
        mut total: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Left {
        let Self { spec, book } = self;
        let mut open = taker.size;
        let fee = |agent, fee| if accounts.is_exempt(agent) { 0 } else { fee };
        let taken = book.sweep(taker, &accounts.owners, |step| match step {
            Step::Match(done) => {
                open -= done.lots;
                let notional = done.price * done.lots * spec.tick_lot_atoms();
                let maker_fee = fee(done.maker.agent, spec.maker_fee(notional));
                let taker_fee = fee(taker.agent, spec.taker_fee(notional));
                say.matched(done, Filled { id: subject.id, side: taker.side, open, maker_fee, taker_fee });
            }
            Step::OwnRemoved { id, state } => {
                let of = Subject { id: *id, side: state.side, price: state.price };
                say.cancelled(&of, state.leaves, CancelReason::SelfTrade);
            }
            Step::Decremented { id, state, lots } => {
                open -= lots;
                total -= lots;
                let of = Subject { id: *id, side: state.side, price: state.price };
                decremented(&of, *lots, (state.total, state.leaves), say);
                decremented(subject, *lots, (total, open), say);
            }
            Step::Refreshed(peak) => say.refreshed(peak),
        });
        Left { taken, total }
    }

    fn settle_with(&mut self, order: &NewOrder, left: Left, extra: Extra, say: &mut Writer) {
        let Left { taken: Taken { leaves, met_itself }, total } = left;
        if leaves == 0 {
            return;
        }
        let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        let ended = match order.price {
            _ if met_itself => CancelReason::SelfTrade,
            None => CancelReason::NoLiquidity,
            Some(_) if !order.tif.may_rest() => CancelReason::ImmediateOrCancel,
            Some(price) => {
                let terms = Terms::new(order.side, price, order.stp, order.post_only);
                return self.rest_with(Rest { id: order.id, terms, leaves, total }, extra, &subject, say);
            }
        };
        say.cancelled(&subject, leaves, ended);
    }

    /// Lets an order join the back of its price, as much of it as it shows.
    fn rest_with(&mut self, order: Rest, mut extra: Extra, subject: &Subject, say: &mut Writer) {
        if self.book.crosses(subject.side, subject.price) {
            return passed(&order, subject, say);
        }
        if extra == Extra::NONE {
            return self.book.rest(order);
        }
        if let Some(display) = &mut extra.display {
            display.entry = count(&mut say.numbers.next_entry);
        }
        self.book.rest_with(order, Extra { reserve: 0, ..extra });
    }
}

fn taker(order: &NewOrder) -> Taker {
    let OrderId { agent, .. } = order.id;
    Taker { agent, side: order.side, limit: order.price, size: order.size, stp: order.stp }
}

/// What the order will have beside it if it comes to rest.
fn extra(order: &NewOrder, terms: &Conditions, next_expiry: &mut u64) -> Extra {
    let life = match terms.expire_ns {
        Some(expire_ns) => Life::Until { expire_ns, number: count(next_expiry) },
        None if order.tif == TimeInForce::Day => Life::Session,
        None => Life::UntilCancelled,
    };
    let display = terms.display.map(|lots| Display { lots, refresh: terms.refresh, entry: 0 });
    Extra { life, display, reserve: 0 }
}

/// One order of a pair whose lots were taken from both.
fn decremented(of: &Subject, lots: Lots, (total, leaves): (Lots, Lots), say: &mut Writer) {
    if leaves == 0 {
        say.cancelled(of, lots, CancelReason::SelfTradeDecrement);
    } else {
        say.replaced(of, total, leaves, true);
    }
}
