//! What agents ask for, on its way through gateway and link to a venue.
//!
//! A command leaves when its agent has thought (`now + decision_ns`) and arrives when its link says. What the
//! gateway refuses never travels: it comes back as a report at the moment it would have left.

use super::Kernel;
use super::error::{KernelError, Result, later, later_as_asked};
use super::gateway::OpenOrder;
use super::log::TransferOrder;
use super::market::{Pending, Report};
use super::queue::Entry;
use super::setup::known;
use super::tape::Sent;
use crate::command::{Amendment, CommandEx};
use crate::conditions::Conditions;
use crate::event::{Event, EventKind, RejectReason};
use crate::ledger::Posting;
use crate::order::{Command, NewOrder, OrderType, TimeInForce};
use crate::types::{AgentId, Atoms, FEES, Lots, Nanos, OrderId, Side, TRANSIT, Ticks, VenueId};

/// The counter that a disabled agent gets: no order ever has it.
pub const IGNORED: u32 = 0;

/// An order as an agent asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    pub listing: i64,
    pub side: Side,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    pub post_only: bool,
    pub price: Option<Ticks>,
    pub size: Lots,
}

/// A transfer as an agent asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    pub from_venue: i64,
    pub to_venue: i64,
    pub asset: i64,
    pub atoms: Atoms,
    /// Of the atoms, what the transfer costs.
    pub fee_atoms: Atoms,
    pub delay_ns: Nanos,
}

impl Kernel {
    fn sender(&self, agent: i64) -> Result<usize> {
        self.after_start()?;
        self.agent_place(agent)
    }

    /// Wakes an agent later; at least 1 ns, or simulated time could stand still.
    pub fn wake_in(&mut self, agent: i64, delay_ns: Nanos) -> Result<()> {
        let place = self.sender(agent)?;
        if delay_ns < 1 {
            return KernelError::argument(format!("a wake-up in {delay_ns} ns: give at least 1"));
        }
        self.queue.push(later_as_asked(self.now, delay_ns)?, Entry::Wake(Self::agent_id(place)));
        Ok(())
    }

    /// Sends an order; gives its counter, known before anybody has seen it.
    pub fn new_order(&mut self, agent: i64, request: &OrderRequest) -> Result<u32> {
        self.new_order_ex(agent, request, &Conditions::NONE)
    }

    /// The same with terms beyond side, price and size.
    pub fn new_order_ex(&mut self, agent: i64, request: &OrderRequest, terms: &Conditions) -> Result<u32> {
        let place = self.sender(agent)?;
        let Some(market) = usize::try_from(request.listing).ok().filter(|place| *place < self.markets.len())
        else {
            return KernelError::engine(
                format!(
                    "order for unknown listing {}: there are {}, counted from 0",
                    request.listing,
                    self.markets.len()
                ),
                "kernel",
                "Send orders only to listings that add_listing gave.",
            );
        };
        let OrderRequest { side, order_type, tif, post_only, price, size, .. } = *request;
        let sender = &mut self.agents[place];
        if !sender.enabled {
            return Ok(IGNORED);
        }
        let counter = sender.gateway.next_counter()?;
        let listing = market as u32;
        let order =
            OpenOrder { listing, side, order_type, tif, price, total: size, leaves: size, reserved: 0 };
        let refused = match self.closed {
            true => Some(RejectReason::VenueClosed),
            false => {
                let costs = &self.markets[market].terms;
                sender.gateway.admit(costs, counter, order, sender.max_order_lots[market])?
            }
        };
        let id = OrderId::new(Self::agent_id(place), counter);
        if let Some(reason) = refused {
            let row = Event {
                price: price.unwrap_or(0),
                size,
                listing,
                side,
                reason: reason.code(),
                ..Event::empty(EventKind::Rejected)
            };
            self.refuse(place, id, row, Some(order))?;
            return Ok(counter);
        }
        let stp = sender.stp;
        let local = self.markets[market].local;
        let order = NewOrder { id, listing: local, side, order_type, tif, stp, post_only, price, size };
        let with_terms = (*terms != Conditions::NONE).then(|| Box::new(CommandEx::New(order, *terms)));
        self.send(place, market, Command::New(order), with_terms)?;
        Ok(counter)
    }

    /// Asks for an order to be taken out.
    pub fn cancel(&mut self, agent: i64, counter: i64) -> Result<()> {
        let place = self.sender(agent)?;
        let counter = counter_of(counter)?;
        if !self.agents[place].enabled {
            return Ok(());
        }
        let id = OrderId::new(Self::agent_id(place), counter);
        let open = self.agents[place].gateway.open(counter).copied();
        match open.filter(|_| !self.closed) {
            Some(order) => {
                let market = order.listing as usize;
                let listing = self.markets[market].local;
                self.send(place, market, Command::Cancel { id, listing }, None)
            }
            None => self.refuse_change(place, id, EventKind::CancelRejected, (0, 0), open, self.no_order()),
        }
    }

    /// Asks for another price and another total size of an order.
    pub fn replace(&mut self, agent: i64, counter: i64, price: Ticks, size: Lots) -> Result<()> {
        self.replace_ex(agent, counter, &Amendment::plain(price, size))
    }

    /// The same, and of a waiting stop its stop price or trailing distance; it may leave out the price.
    pub fn replace_ex(&mut self, agent: i64, counter: i64, change: &Amendment) -> Result<()> {
        let place = self.sender(agent)?;
        let counter = counter_of(counter)?;
        if !self.agents[place].enabled {
            return Ok(());
        }
        let id = OrderId::new(Self::agent_id(place), counter);
        let Amendment { price, size, .. } = *change;
        let asked = (price.unwrap_or(0), size);
        let open = self.agents[place].gateway.open(counter).copied();
        let refused = match open {
            Some(order) if !self.closed => {
                let market = order.listing as usize;
                let sender = &mut self.agents[place];
                let max_lots = sender.max_order_lots[market];
                sender.gateway.admit_replace(&self.markets[market].terms, counter, price, size, max_lots)?
            }
            _ => Some(self.no_order()),
        };
        match (open, refused) {
            (Some(order), None) => {
                let market = order.listing as usize;
                let listing = self.markets[market].local;
                let plain = Command::Replace { id, listing, price: asked.0, size };
                let has_terms = change.price.is_none() || change.has_terms();
                let with_terms =
                    has_terms.then(|| Box::new(CommandEx::Replace { id, listing, change: *change }));
                self.send(place, market, plain, with_terms)
            }
            (_, reason) => {
                let reason = reason.unwrap_or(RejectReason::UnknownOrder);
                self.refuse_change(place, id, EventKind::ReplaceRejected, asked, open, reason)
            }
        }
    }

    fn send(
        &mut self,
        place: usize,
        market: usize,
        command: Command,
        with_terms: Option<Box<CommandEx>>,
    ) -> Result<()> {
        let departure = later(self.now, self.agents[place].decision_ns)?;
        let venue = self.markets[market].venue as usize;
        let link = &mut self.links[place * self.venues.len() + venue];
        let arrival = link.entry.arrival(&link.entry_model, departure, 0)?;
        let entry = self.commands.put(Pending { market, command, with_terms, sent_ns: self.now });
        self.queue.push(arrival, Entry::Command(entry));
        Ok(())
    }

    const fn no_order(&self) -> RejectReason {
        if self.closed { RejectReason::VenueClosed } else { RejectReason::UnknownOrder }
    }

    fn refuse_change(
        &mut self,
        place: usize,
        id: OrderId,
        kind: EventKind,
        asked: (Ticks, Lots),
        order: Option<OpenOrder>,
        reason: RejectReason,
    ) -> Result<()> {
        let row = Event {
            price: asked.0,
            size: asked.1,
            leaves: order.map_or(0, |order| order.leaves),
            listing: order.map_or(0, |order| order.listing),
            side: order.map_or(Side::Buy, |order| order.side),
            reason: reason.code(),
            ..Event::empty(kind)
        };
        self.refuse(place, id, row, order)
    }

    /// A reject that no venue has seen (sequence number 0): it happens now and is told when the command
    /// would have left.
    fn refuse(&mut self, place: usize, id: OrderId, row: Event, order: Option<OpenOrder>) -> Result<()> {
        let time_ns = later(self.now, self.agents[place].decision_ns)?;
        let row = Event { time_ns, agent: id.agent, counter: id.counter, ..row };
        self.log.row(&row);
        let (order_type, tif) = order.map_or((0, 0), |order| (order.order_type.code(), order.tif.code()));
        self.tape.report(&row, Sent { sent_ns: self.now, order_type, tif, queue_ahead: 0 });
        self.totals.rejects += 1;
        self.last_actor = Some(id.agent);
        let entry = self.reports.put(Report { row, answers: false });
        self.queue.push(time_ns, Entry::Report(entry));
        Ok(())
    }

    /// Moves an asset between venues. Meanwhile it is in transit, at no venue's disposal. `false`, and nothing
    /// moves, if the atoms are not spendable, the agent is disabled or the session over.
    pub fn transfer(&mut self, agent: i64, request: &TransferRequest) -> Result<bool> {
        let place = self.sender(agent)?;
        let from = known(&self.venues, request.from_venue, "venue")? as VenueId;
        let to = known(&self.venues, request.to_venue, "venue")? as VenueId;
        let asset = known(&self.assets, request.asset, "asset")? as u32;
        let TransferRequest { atoms, fee_atoms: fee, delay_ns, .. } = *request;
        if !(0..atoms).contains(&fee) || delay_ns < 0 {
            return KernelError::argument(format!(
                "a transfer of {atoms} atoms for a fee of {fee} in {delay_ns} ns: the fee must be less than the atoms, \
                 and nothing negative"
            ));
        }
        let arrival = later_as_asked(self.now, delay_ns)?;
        let slot = self.slot(from, asset);
        let sender = &mut self.agents[place];
        if !sender.enabled || self.closed || !sender.gateway.withdraw(slot, atoms)? {
            return Ok(false);
        }
        let agent: AgentId = Self::agent_id(place);
        let order = TransferOrder { agent, from, to, asset, atoms, fee };
        self.log.transfer(&order, self.now);
        self.post(Posting { agent, venue: self.account(from), asset, atoms: -atoms })?;
        self.post(Posting { agent: TRANSIT, venue: self.account(to), asset, atoms })?;
        let entry = self.transfers.put(order);
        self.queue.push(arrival, Entry::Transfer(entry));
        Ok(true)
    }

    pub(super) fn on_transfer(&mut self, entry: u32) -> Result<()> {
        let TransferOrder { agent, to, asset, atoms, fee, .. } = self.transfers.take(entry);
        let venue = self.account(to);
        self.post(Posting { agent: TRANSIT, venue, asset, atoms: -atoms })?;
        self.post(Posting { agent, venue, asset, atoms: atoms - fee })?;
        if fee > 0 {
            self.post(Posting { agent: FEES, venue, asset, atoms: fee })?;
        }
        let slot = self.slot(to, asset);
        let place = self.agent_place(i64::from(agent))?;
        self.agents[place].gateway.credit(slot, atoms - fee)
    }
}

fn counter_of(counter: i64) -> Result<u32> {
    match u32::try_from(counter) {
        Ok(counter) => Ok(counter),
        Err(_) => KernelError::argument(format!("order counter {counter}: new_order gives them, from 1 up")),
    }
}
