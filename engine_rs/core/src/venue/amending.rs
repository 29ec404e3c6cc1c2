//! New numbers for an order that waits: its stop price or its distance, besides price and size.

use super::accounts::Accounts;
use super::listing::Listing;
use super::risk::Ask;
use super::stop::{Stop, Trail};
use super::waiting::Waits;
use super::writer::Writer;
use super::{Venue, checks};
use crate::command::{Amendment, CommandEx};
use crate::event::{Event, EventKind, RejectReason};
use crate::order::OrderType;
use crate::types::{ListingId, MAX_PRICE, Nanos, OrderId, Phase, Ticks};

impl Venue {
    /// Carries out any command or refuses it; either way `out` gets at least one row.
    pub fn process_ex(&mut self, now_ns: Nanos, command: &CommandEx, out: &mut Vec<Event>) {
        match command {
            CommandEx::Plain(command) => self.process(now_ns, command, out),
            CommandEx::New(order, terms) => self.new_order_with(now_ns, order, terms, out),
            CommandEx::Replace { id, listing, change } => {
                self.replace_with(now_ns, *listing, *id, change, out);
            }
        }
    }

    /// `replace`, and for a waiting stop its stop price or trailing distance too.
    pub fn replace_with(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        id: OrderId,
        change: &Amendment,
        out: &mut Vec<Event>,
    ) {
        let Self { phase, numbers, accounts, listings } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing };
        let open = checks::open(*phase, false, listings.get_mut(listing as usize));
        if let Err(reason) = open.and_then(|listing| listing.amend(id, change, accounts, &mut say)) {
            let known = listings.get(listing as usize).and_then(|listing| listing.order(id));
            let asked = (change.price.unwrap_or(0), change.size);
            say.refused(EventKind::ReplaceRejected, id, known, asked, reason);
        }
    }
}

impl Listing {
    fn amend(
        &mut self,
        id: OrderId,
        change: &Amendment,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let waits = self.waiting.get(id);
        let as_replace =
            change.price.is_some() && !change.has_terms() && !matches!(waits, Some(Waits::Stop(_)));
        if !as_replace {
            self.check_rate(id.agent, accounts.is_exempt(id.agent), say.time_ns)?;
        }
        if let Some(Waits::Stop(stop)) = waits {
            let mark = say.out.len();
            self.amend_stop(&stop, change, accounts, say)?;
            // The last print may hold for it now.
            let print = self.last_print.filter(|_| self.regime.phase == Phase::Continuous);
            self.settle(mark, print, accounts, say);
            return Ok(());
        }
        self.order(id).ok_or(RejectReason::UnknownOrder)?;
        let price = change.price.ok_or(RejectReason::InvalidCombination)?;
        if change.has_terms() {
            return Err(RejectReason::InvalidTerms);
        }
        self.replace(id, price, change.size, accounts, say)
    }

    /// It goes on waiting under its number.
    fn amend_stop(
        &mut self,
        stop: &Stop,
        change: &Amendment,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let mut new = amended(stop, change)?;
        checks::amounts(&self.spec, new.price, new.size, accounts.is_exempt(stop.id.agent))?;
        if new.price.is_some_and(|price| new.tif.may_rest() && new.size > self.book.room(new.side, price)) {
            return Err(RejectReason::QuantityOverflow);
        }
        let kept = !change.has_terms() && new.price == stop.price && new.size < stop.size;
        if !kept {
            let ask = Ask {
                agent: stop.id.agent,
                side: stop.side,
                price: new.price,
                value: new.stop,
                gets_limit: true,
                size: new.size,
                lots: new.size,
                replaced: Some(stop.id.counter),
            };
            self.check_risk(&ask, accounts.is_exempt(stop.id.agent))?;
        }
        new.stand();
        self.waiting.remove(stop.id);
        self.waiting.add_stop(new);
        say.replaced(&new.subject(), new.size, new.size, kept);
        Ok(())
    }
}

/// The stop with its new numbers, if they are ones that it can have.
fn amended(stop: &Stop, change: &Amendment) -> Result<Stop, RejectReason> {
    let trails = stop.order_type == OrderType::TrailingStop;
    if trails && change.price.is_some() {
        return Err(RejectReason::InvalidCombination);
    }
    let in_range = |number: Option<Ticks>, most| number.is_none_or(|number| (1..=most).contains(&number));
    let distance = match (change.trail_ticks, change.trail_bps) {
        (None, None) => stop.trail,
        (Some(ticks), None) if trails => Some(Trail::Ticks(ticks)),
        (None, Some(bps)) if trails => Some(Trail::Bps(bps)),
        _ => return Err(RejectReason::InvalidTerms),
    };
    let sound = in_range(change.stop_price, MAX_PRICE)
        && in_range(change.trail_ticks, MAX_PRICE)
        && in_range(change.trail_bps, 9_999);
    if !sound || (trails && change.stop_price.is_some()) {
        return Err(RejectReason::InvalidTerms);
    }
    Ok(Stop {
        price: change.price.or(stop.price),
        // A price of its own is the protection that it asks for now.
        protection_ticks: stop.protection_ticks.filter(|_| change.price.is_none()),
        size: change.size,
        stop: change.stop_price.or(stop.stop),
        trail: distance,
        ..*stop
    })
}
