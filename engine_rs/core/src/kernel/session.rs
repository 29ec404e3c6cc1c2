//! Phases, agents on and off, and the end of the session.

use super::Kernel;
use super::error::{KernelError, Result};
use super::setup::known;
use crate::event::CancelReason;
use crate::types::{Phase, VenueId};

impl Kernel {
    /// Suspends, resumes or closes a venue now. Resting orders stay.
    pub fn set_phase(&mut self, venue: i64, phase: Phase) -> Result<()> {
        self.after_start()?;
        let venue = known(&self.venues, venue, "venue")? as VenueId;
        if self.closed {
            return KernelError::engine("the session is over", "set_phase", "Change phases before close().");
        }
        self.change_phase(venue, phase)
    }

    fn change_phase(&mut self, venue: VenueId, phase: Phase) -> Result<()> {
        self.operate(venue, |venue, now, rows| venue.set_phase(now, phase, rows))
    }

    /// Lets an agent's orders end when its connection does, at every venue, or stay.
    pub fn set_cancel_on_disconnect(&mut self, agent: i64, on: bool) -> Result<()> {
        let agent = Self::agent_id(self.agent_place(agent)?);
        for slot in &mut self.venues {
            slot.venue.set_cancel_on_disconnect(agent, on);
        }
        Ok(())
    }

    /// The agent's connections break now: its orders end wherever it asked for that. What it has sent already is
    /// under way, and its reports still reach it.
    pub fn disconnect(&mut self, agent: i64) -> Result<()> {
        self.after_start()?;
        let agent = Self::agent_id(self.agent_place(agent)?);
        for venue in 0..self.venues.len() {
            self.operate(venue as VenueId, |venue, now, rows| venue.disconnect(now, agent, rows))?;
        }
        Ok(())
    }

    /// Cancels an agent's live orders now. Until it is enabled again it hears nothing and what it sends is
    /// ignored.
    pub fn disable_agent(&mut self, agent: i64) -> Result<()> {
        self.after_start()?;
        let place = self.agent_place(agent)?;
        if !std::mem::replace(&mut self.agents[place].enabled, false) {
            return Ok(());
        }
        self.expire_orders(CancelReason::AgentDisabled, Some(Self::agent_id(place)))
    }

    /// Lets notices flow again.
    pub fn enable_agent(&mut self, agent: i64) -> Result<()> {
        self.after_start()?;
        let place = self.agent_place(agent)?;
        self.agents[place].enabled = true;
        Ok(())
    }

    /// Ends the session: venues close and live orders are cancelled. What is under way still arrives, for the
    /// caller to drain; wakes and recorded flow no longer count, and no order is taken any more.
    pub fn close(&mut self) -> Result<()> {
        self.after_start()?;
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        for venue in 0..self.venues.len() {
            self.change_phase(venue as VenueId, Phase::Closed)?;
        }
        self.expire_orders(CancelReason::SessionEnd, None)
    }
}
