//! The event-log hash: one number that stands for everything that happened.

use crate::command::CommandEx;
use crate::event::{Event, EventKind};
use crate::hash::Fnv;
use crate::ledger::Posting;
use crate::order::Command;
use crate::types::{AgentId, AssetId, Atoms, ListingId, Nanos, VenueId};

/// First word of every log; a change of what is folded in, or how, changes it.
pub const ENCODING_VERSION: u64 = 1;

/// Agents go in by the hash of their name, so that a log does not depend on how agents are numbered.
pub struct EventLog {
    hash: Fnv,
    names: Vec<u64>,
}

/// What a transfer was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOrder {
    pub agent: AgentId,
    pub from: VenueId,
    pub to: VenueId,
    pub asset: AssetId,
    pub atoms: Atoms,
    pub fee: Atoms,
}

impl Default for EventLog {
    fn default() -> Self {
        let mut hash = Fnv::new();
        hash.word(ENCODING_VERSION);
        Self { hash, names: Vec::new() }
    }
}

impl EventLog {
    /// Agents are named in the order of their ids.
    pub fn name_agent(&mut self, name_hash: u64) {
        self.names.push(name_hash);
    }

    pub fn value(&self) -> u64 {
        self.hash.value()
    }

    /// An accepted command, before its rows; `listing` is the kernel's.
    #[inline]
    pub fn command(
        &mut self,
        command: &Command,
        with_terms: Option<&CommandEx>,
        listing: ListingId,
        time: Nanos,
    ) {
        let name = self.names[command.id().agent as usize];
        match with_terms {
            None => command.fold(&mut self.hash, name, listing, time),
            Some(command) => command.fold(&mut self.hash, name, listing, time),
        }
    }

    /// A row whose listing is already the kernel's (of a PHASE: the venue).
    #[inline]
    pub fn row(&mut self, event: &Event) {
        let names = &self.names;
        // Public rows of no order: nobody's name belongs there, and agent 0 has one.
        let public = !event.kind.is_report() && event.kind != EventKind::Trade;
        event.fold(&mut self.hash, |agent| if public { 0 } else { names[agent as usize] });
    }

    #[inline]
    pub fn posting(&mut self, posting: Posting, time: Nanos) {
        let Posting { agent, venue, asset, atoms } = posting;
        let name = self.names[agent as usize];
        self.hash.words(&[10, name, u64::from(venue), u64::from(asset), atoms as u64, time as u64]);
    }

    pub fn transfer(&mut self, order: &TransferOrder, time: Nanos) {
        self.hash.words(&[
            23,
            self.names[order.agent as usize],
            u64::from(order.from),
            u64::from(order.to),
            u64::from(order.asset),
            order.atoms as u64,
            order.fee as u64,
            time as u64,
        ]);
    }
}
