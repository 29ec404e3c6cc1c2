//! A venue: listings with their books, one sequence of rows, fees, phases and self-trade prevention.

mod accounts;
mod amending;
mod calling;
mod checks;
mod electing;
mod endings;
mod entering;
mod listing;
mod market_data;
mod pegging;
mod phases;
mod regime;
mod replacing;
mod risk;
mod rules;
mod sense;
mod spec;
mod stop;
mod uncrossing;
mod waiting;
mod writer;

pub use market_data::{
    Channels, FLAG_LAST, FLAG_OF_ONE, FLAG_PLACE_KEPT, MarketData, MarketDataKind, MarketDataRow,
};
pub use risk::{RiskError, RiskLimits};
pub use rules::RuleError;
pub use spec::{ListingError, ListingSpec};

use crate::book::{Book, Slot};
use crate::conditions::Conditions;
use crate::event::{CancelReason, Event, EventKind, RejectReason};
use crate::hash::Fnv;
use crate::order::{Command, NewOrder};
use crate::types::{AgentId, ListingId, Lots, Nanos, OrderId, Phase, Side, Ticks};
use accounts::Accounts;
use listing::Listing;
use writer::{Numbers, Writer};

#[derive(Clone, Debug)]
pub struct Venue {
    phase: Phase,
    numbers: Numbers,
    accounts: Accounts,
    listings: Vec<Listing>,
}

impl Venue {
    pub fn new() -> Self {
        Self {
            phase: Phase::Continuous,
            numbers: Numbers::FIRST,
            accounts: Accounts::default(),
            listings: Vec::new(),
        }
    }

    /// Adds a listing; its number is the venue's own, from 0.
    pub fn add_listing(&mut self, spec: ListingSpec) -> ListingId {
        self.listings.push(Listing::new(spec));
        ListingId::try_from(self.listings.len() - 1).expect("fewer than 2^32 listings")
    }

    /// Says who stands behind an agent; without that an agent is its own owner.
    pub fn set_owner(&mut self, agent: AgentId, owner: AgentId) {
        self.accounts.owners.set(agent, owner);
    }

    /// Makes an agent's flow recorded fact: no fees, no least notional.
    pub fn set_exempt(&mut self, agent: AgentId) {
        self.accounts.exempt(agent);
    }

    /// Carries out a command or refuses it; either way `out` gets at least one row.
    #[inline]
    pub fn process(&mut self, now_ns: Nanos, command: &Command, out: &mut Vec<Event>) {
        match *command {
            Command::New(ref order) => self.new_order(now_ns, order, out),
            Command::Cancel { id, listing } => self.cancel(now_ns, listing, id, out),
            Command::Replace { id, listing, price, size } => {
                self.replace(now_ns, listing, id, price, size, out)
            }
        }
    }

    pub fn new_order(&mut self, now_ns: Nanos, order: &NewOrder, out: &mut Vec<Event>) {
        self.enter(now_ns, order, out);
    }

    /// `new_order` for a caller whose orders are all of one kind: there most of what is asked of an order is
    /// decided when the caller is compiled.
    #[inline(always)]
    pub(crate) fn enter(&mut self, now_ns: Nanos, order: &NewOrder, out: &mut Vec<Event>) {
        let Self { phase, numbers, accounts, listings } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing: order.listing };
        let entered = match checks::open(*phase, false, listings.get_mut(order.listing as usize)) {
            Ok(listing) => listing.enter(order, accounts, &mut say),
            Err(reason) => Err(reason),
        };
        if let Err(reason) = entered {
            say.rejected(order, reason);
        }
    }

    /// A new order with terms beyond side, price and size.
    pub fn new_order_with(
        &mut self,
        now_ns: Nanos,
        order: &NewOrder,
        terms: &Conditions,
        out: &mut Vec<Event>,
    ) {
        let Self { phase, numbers, accounts, listings } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing: order.listing };
        let open = checks::open(*phase, false, listings.get_mut(order.listing as usize));
        if let Err(reason) = open.and_then(|listing| listing.enter_with(order, terms, accounts, &mut say)) {
            say.rejected(order, reason);
        }
    }

    pub fn cancel(&mut self, now_ns: Nanos, listing: ListingId, id: OrderId, out: &mut Vec<Event>) {
        let Self { phase, numbers, accounts, listings } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing };
        let open = checks::open(*phase, true, listings.get_mut(listing as usize));
        let cancelled = open.and_then(|listing| {
            listing.cancel(id, CancelReason::Requested, &mut say)?;
            if !listing.plain {
                listing.settle(say.out.len(), None, accounts, &mut say);
            }
            Ok(())
        });
        if let Err(reason) = cancelled {
            let known = listings.get(listing as usize).and_then(|listing| listing.order(id));
            say.refused(EventKind::CancelRejected, id, known, (0, 0), reason);
        }
    }

    /// `size` is the new total: what has been executed counts towards it.
    pub fn replace(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        id: OrderId,
        price: Ticks,
        size: Lots,
        out: &mut Vec<Event>,
    ) {
        let Self { phase, numbers, accounts, listings } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing };
        let open = checks::open(*phase, false, listings.get_mut(listing as usize));
        if let Err(reason) = open.and_then(|listing| listing.replace(id, price, size, accounts, &mut say)) {
            let known = listings.get(listing as usize).and_then(|listing| listing.order(id));
            say.refused(EventKind::ReplaceRejected, id, known, (price, size), reason);
        }
    }

    /// Cancels a resting order in any phase and for a reason that is not its agent's; `false` if it does not rest.
    pub fn cancel_with_reason(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        id: OrderId,
        reason: CancelReason,
        out: &mut Vec<Event>,
    ) -> bool {
        let mark = out.len();
        let (found, mut say) = self.desk(now_ns, listing, out);
        let ended = found.is_some_and(|found| found.cancel(id, reason, &mut say).is_ok());
        self.settle(now_ns, listing, mark, None, out);
        ended
    }

    /// Takes recorded lots from a resting order, which keeps its place; taking all of them ends it.
    pub fn reduce_by(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        id: OrderId,
        lots: Lots,
        out: &mut Vec<Event>,
    ) -> Result<(), RejectReason> {
        self.resize(now_ns, listing, out, |found, say| found.reduce(id, lots, say))
            .unwrap_or(Err(RejectReason::UnknownListing))
    }

    /// Adds recorded lots to a resting order in its place.
    pub fn grow_by(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        id: OrderId,
        lots: Lots,
        out: &mut Vec<Event>,
    ) -> Result<(), RejectReason> {
        self.resize(now_ns, listing, out, |found, say| found.grow(id, lots, say))
            .unwrap_or(Err(RejectReason::UnknownListing))
    }

    /// `reduce_by` of an order that stands at this place of the book of a listing that exists.
    #[inline]
    pub(crate) fn reduce_at(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        place: Slot,
        lots: Lots,
        out: &mut Vec<Event>,
    ) {
        let reduce = |found: &mut Listing, say: &mut Writer| {
            found.reduce_at(place, lots, say);
            Ok(())
        };
        let done = self.resize(now_ns, listing, out, reduce).expect("the listing exists");
        done.expect("an order that rests can be reduced");
    }

    /// `grow_by` of an order that stands at this place of the book of a listing that exists.
    #[inline]
    pub(crate) fn grow_at(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        place: Slot,
        lots: Lots,
        out: &mut Vec<Event>,
    ) -> Result<(), RejectReason> {
        self.resize(now_ns, listing, out, |found, say| found.grow_at(place, lots, say))
            .expect("the listing exists")
    }

    /// Changes the lots of a resting order, and lets stops and pegs follow if that can be; `None` without such a
    /// listing.
    #[inline]
    fn resize(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        out: &mut Vec<Event>,
        change: impl FnOnce(&mut Listing, &mut Writer) -> Result<(), RejectReason>,
    ) -> Option<Result<(), RejectReason>> {
        let mark = out.len();
        let (found, mut say) = self.desk(now_ns, listing, out);
        let done = change(found?, &mut say);
        if done.is_ok() {
            self.settle(now_ns, listing, mark, None, out);
        }
        Some(done)
    }

    /// Reports a recorded trade in so far as nobody here took part in it; stops see it. Price and size must be
    /// ones that an order could have.
    pub fn print_trade(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        aggressor: Side,
        price: Ticks,
        size: Lots,
        out: &mut Vec<Event>,
    ) {
        let (found, mut say) = self.desk(now_ns, listing, out);
        say.print(aggressor, price, size);
        if let Some(found) = found {
            found.note_print(price);
            let elects = found.regime.phase == Phase::Continuous;
            let mark = out.len() - usize::from(elects);
            self.settle(now_ns, listing, mark, None, out);
        }
    }

    /// Lets stops and pegs follow what happened from row `mark` on, and says what an auction would come to.
    #[inline]
    fn settle(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        mark: usize,
        print: Option<Ticks>,
        out: &mut Vec<Event>,
    ) {
        let Self { numbers, accounts, listings, .. } = self;
        if let Some(found) = listings.get_mut(listing as usize).filter(|found| !found.plain) {
            let mut say = Writer { out, numbers, time_ns: now_ns, listing };
            found.settle(mark, print, accounts, &mut say);
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Number of listings.
    pub fn listings(&self) -> usize {
        self.listings.len()
    }

    /// The book of a listing that exists.
    #[inline]
    pub fn book(&self, listing: ListingId) -> &Book {
        &self.listings[listing as usize].book
    }

    /// Live orders of a listing that exists, in the book or waiting.
    pub fn live(&self, listing: ListingId) -> usize {
        let listing = &self.listings[listing as usize];
        listing.book.live() + listing.waiting.len()
    }

    /// Waiting stops of a listing that exists, by number: id, stop price (0: none yet) and lots.
    pub fn waiting_stops(&self, listing: ListingId) -> impl Iterator<Item = (OrderId, Ticks, Lots)> {
        let stops = self.listings[listing as usize].waiting.stops();
        stops.map(|stop| (stop.id, stop.stop.unwrap_or(0), stop.size))
    }

    /// The numbers of a listing that exists.
    #[inline]
    pub fn spec(&self, listing: ListingId) -> &ListingSpec {
        &self.listings[listing as usize].spec
    }

    /// Number of the next row.
    pub fn next_seq(&self) -> u64 {
        self.numbers.next_seq
    }

    /// Covers phase, counters and every book: what can change a later row.
    pub fn state_hash(&self) -> u64 {
        let mut hash = Fnv::new();
        hash.words(&[u64::from(self.phase.code()), self.numbers.next_seq, self.numbers.next_match]);
        for listing in &self.listings {
            hash.word(listing.book.state_hash());
        }
        let Numbers { next_entry, next_expiry, next_number, next_call, .. } = self.numbers;
        if (next_entry, next_expiry) != (1, 1) {
            hash.words(&[next_entry, next_expiry]);
        }
        if next_number != 1 {
            hash.word(next_number);
            for listing in &self.listings {
                hash.word(listing.last_print.unwrap_or(0) as u64);
                listing.waiting.fold(&mut hash);
            }
        }
        if next_call != 1 {
            hash.word(next_call);
        }
        for listing in &self.listings {
            listing.fold_regime(&mut hash);
        }
        for (number, listing) in (0..).zip(&self.listings) {
            listing.fold_risk(&mut hash, number);
        }
        hash.value()
    }

    #[inline]
    fn desk<'a>(
        &'a mut self,
        time_ns: Nanos,
        listing: ListingId,
        out: &'a mut Vec<Event>,
    ) -> (Option<&'a mut Listing>, Writer<'a>) {
        let say = Writer { out, numbers: &mut self.numbers, time_ns, listing };
        (self.listings.get_mut(listing as usize), say)
    }
}

impl Default for Venue {
    fn default() -> Self {
        Self::new()
    }
}
