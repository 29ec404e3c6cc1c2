//! New and replaced orders that are not plain, or that come into a book which is not.

use super::accounts::Accounts;
use super::listing::{Listing, passed};
use super::regime::Regime;
use super::risk::Ask;
use super::stop::{Stop, Trail};
use super::writer::{Filled, Subject, Writer, count};
use super::{checks, sense};
use crate::book::{Display, Extra, Life, Rest, Rules, Step, Swept, Taken, Taker, Terms};
use crate::conditions::{Conditions, Peg, Refresh};
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
        let exempt = accounts.is_exempt(sent.id.agent);
        self.check_rate(sent.id.agent, exempt, say.time_ns)?;
        sense::conditions(sent, terms, say.time_ns)?;
        self.check_phase(sent, terms)?;
        let mark = say.out.len();
        self.plain = false;
        let mut extra = extra(sent, terms);
        if terms.peg != Peg::None {
            self.enter_peg(sent, terms, extra, accounts, say)?;
        } else {
            let order = NewOrder { price: self.limit_of(sent, terms), ..*sent };
            let waits = self.waiting.get(order.id).is_some();
            checks::entry(&self.spec, &self.book, &order, exempt, waits)?;
            self.check_unpriced(&order)?;
            self.check_risk(&self.asked(&order, terms), exempt)?;
            let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
            say.accepted(&subject, order.size);
            start_life(&mut extra, terms, &mut say.numbers.next_expiry);
            let by_touch = order.order_type == OrderType::MarketToLimit || terms.protection_ticks.is_some();
            if order.order_type.is_stop() {
                self.enter_stop(&order, terms, extra.life, accounts, say);
            } else if by_touch && order.price.is_none() && !self.regime.collects() {
                say.cancelled(&subject, order.size, CancelReason::NoLiquidity);
            } else {
                self.act(&order, order.size, extra, terms.minimum, accounts, say);
            }
        }
        self.settle(mark, None, accounts, say);
        Ok(())
    }

    /// What limits ask of a new order whose price is the one it goes by.
    pub(super) fn asked(&self, order: &NewOrder, terms: &Conditions) -> Ask {
        let by_touch = terms.protection_ticks.is_some()
            || terms.trigger_limit_ticks.is_some()
            || terms.peg != Peg::None
            || order.order_type == OrderType::MarketToLimit;
        Ask {
            agent: order.id.agent,
            side: order.side,
            price: order.price,
            value: terms.stop_price,
            gets_limit: by_touch || self.regime.collects(),
            size: order.size,
            lots: order.size,
            replaced: None,
        }
    }

    /// A stop waits, unless the last print elects it already.
    fn enter_stop(
        &mut self,
        order: &NewOrder,
        terms: &Conditions,
        life: Life,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        let trails = order.order_type == OrderType::TrailingStop;
        let by_ticks = terms.trail_bps == 0;
        let trail = if by_ticks { Trail::Ticks(terms.trail_ticks) } else { Trail::Bps(terms.trail_bps) };
        let mut stop = Stop {
            number: count(&mut say.numbers.next_number),
            id: order.id,
            side: order.side,
            order_type: order.order_type,
            tif: order.tif,
            stp: order.stp,
            price: order.price,
            size: order.size,
            life,
            protection_ticks: terms.protection_ticks,
            trigger_limit_ticks: terms.trigger_limit_ticks,
            trail: trails.then_some(trail),
            stop: terms.stop_price,
            extreme: None,
        };
        if let Some(print) = self.last_print {
            stop.follow(print);
            if stop.holds(print) && !self.regime.phase.is_call() {
                return self.trigger(&stop, accounts, say);
            }
        }
        self.waiting.add_stop(stop);
    }

    /// An accepted order trades what it can; what is left rests or ends. `total` counts what it has executed.
    /// While orders are collected it only rests.
    pub(super) fn act(
        &mut self,
        order: &NewOrder,
        total: Lots,
        extra: Extra,
        minimum: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        if self.regime.collects() {
            return self.collect(order, total, extra, say);
        }
        let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        let taker = taker(order);
        let (owners, rules) = (&accounts.owners, self.rules(order.side));
        if order.tif == TimeInForce::Fok && !self.book.can_trade(&taker, order.size, owners, &rules) {
            say.cancelled(&subject, order.size, CancelReason::FillOrKill);
        } else if minimum > 0 && !self.book.can_trade(&taker, minimum, owners, &rules) {
            say.cancelled(&subject, order.size, CancelReason::MinimumQuantity);
        } else {
            let left = self.sweep_with(&subject, &taker, total, accounts, say);
            self.settle_with(order, left, extra, say);
            self.show_reserves(say);
        }
    }

    /// A replaced order that has lost its place comes in as a new one, with all its terms but a minimum.
    #[cold]
    #[inline(never)]
    pub(super) fn enter_again(
        &mut self,
        order: Rest,
        extra: Option<Extra>,
        accounts: &Accounts,
        say: &mut Writer,
    ) {
        let extra = Extra { unpriced: None, ..extra.unwrap_or(Extra::NONE) };
        if self.regime.collects() {
            return self.rest_called(order, extra, say);
        }
        let (side, price, stp) = (order.terms.side(), order.terms.price(), order.terms.stp());
        let subject = Subject { id: order.id, side, price };
        let taker = Taker { agent: order.id.agent, side, limit: Some(price), size: order.leaves, stp };
        let left = self.sweep_with(&subject, &taker, order.total, accounts, say);
        if left.taken.met_itself {
            say.cancelled(&subject, left.taken.leaves, CancelReason::SelfTrade);
        } else if left.taken.leaves > 0 {
            let rest = Rest { leaves: left.taken.leaves, total: left.total, ..order };
            self.rest_with(rest, extra, &subject, say);
        }
        self.show_reserves(say);
    }

    /// Shows the next peaks of icebergs whose reserve waited for the end of the sweep.
    pub(super) fn show_reserves(&mut self, say: &mut Writer) {
        let Self { book, regime, .. } = self;
        book.refresh(|peak| {
            regime.no_longer_top(peak.id);
            say.refreshed(peak);
        });
    }

    /// What holds for an order of this side that comes in.
    fn rules(&self, side: Side) -> Rules {
        let Regime { matching, band, .. } = *self.regime;
        Rules { shares: matching.shares(), top: self.top(side.opposite()), band }
    }

    /// The limit that an order goes by: its own, or one that the displayed touch gives it now.
    fn limit_of(&self, order: &NewOrder, terms: &Conditions) -> Option<Ticks> {
        match (order.order_type, terms.protection_ticks) {
            _ if self.regime.collects() => order.price,
            (OrderType::MarketToLimit, _) => self.protected(order.side, 0),
            (OrderType::Market, Some(ticks)) => self.protected(order.side, ticks),
            _ => order.price,
        }
    }

    /// So many ticks beyond the best displayed price of the other side.
    pub(super) fn protected(&self, side: Side, ticks: Ticks) -> Option<Ticks> {
        let touch = self.book.best(side.opposite())?.price;
        Some(match side {
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
        let rules = self.rules(taker.side);
        let Self { spec, book, regime, last_print, named_price, .. } = self;
        let mut open = taker.size;
        let fee = |agent, fee| if accounts.is_exempt(agent) { 0 } else { fee };
        let Swept { taken, halted } = book.sweep(taker, &accounts.owners, rules, |step| match step {
            Step::Match(done) => {
                open -= done.lots;
                (*last_print, *named_price) = (Some(done.price), None);
                regime.band.note_print(done.price);
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
            Step::Refreshed(peak) => {
                regime.no_longer_top(peak.id);
                say.refreshed(peak);
            }
        });
        if halted {
            self.halt(say);
        }
        Left { taken, total }
    }

    fn settle_with(&mut self, order: &NewOrder, left: Left, extra: Extra, say: &mut Writer) {
        let Left { taken: Taken { leaves, met_itself }, total } = left;
        if leaves == 0 {
            return;
        }
        if self.regime.collects() && !met_itself {
            return self.collect(&NewOrder { size: leaves, ..*order }, total, extra, say);
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
    pub(super) fn rest_with(&mut self, order: Rest, mut extra: Extra, subject: &Subject, say: &mut Writer) {
        if self.regime.collects() {
            return self.rest_called(order, extra, say);
        }
        if self.book.crosses(subject.side, subject.price) {
            return passed(&order, subject, say);
        }
        extra.called = None;
        let displays = extra.display.is_none_or(|display| display.lots > 0);
        self.note_top(order.id, subject.side, subject.price, displays);
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

/// What the order will have beside it if it comes to rest, but for numbers that only an accepted one gets.
fn extra(order: &NewOrder, terms: &Conditions) -> Extra {
    let life = if order.tif == TimeInForce::Day { Life::Session } else { Life::UntilCancelled };
    let display = terms.display.map(|lots| Display { lots, refresh: terms.refresh, entry: 0 });
    Extra { life, display: display.or(peg_display(terms.peg)), ..Extra::NONE }
}

/// Orders at the midpoint are hidden.
pub(super) fn peg_display(peg: Peg) -> Option<Display> {
    (peg == Peg::Midpoint).then_some(Display { lots: 0, refresh: Refresh::Reserve, entry: 0 })
}

pub(super) fn start_life(extra: &mut Extra, terms: &Conditions, next_expiry: &mut u64) {
    if let Some(expire_ns) = terms.expire_ns {
        extra.life = Life::Until { expire_ns, number: count(next_expiry) };
    }
}

/// One order of a pair whose lots were taken from both.
pub(super) fn decremented(of: &Subject, lots: Lots, (total, leaves): (Lots, Lots), say: &mut Writer) {
    if leaves == 0 {
        say.cancelled(of, lots, CancelReason::SelfTradeDecrement);
    } else {
        say.replaced(of, total, leaves, true);
    }
}
