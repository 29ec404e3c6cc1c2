//! What a venue knows of its participants.

use std::collections::BTreeSet;

use crate::book::Owners;
use crate::types::{AgentId, FIRST_USER_AGENT};

#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    pub owners: Owners,
    /// Of the kernel's own accounts, by number.
    exempt: [bool; FIRST_USER_AGENT as usize],
    /// Agents whose orders are to end when their connection does.
    pub until_disconnect: BTreeSet<AgentId>,
}

impl Accounts {
    /// Exempts one of the kernel's own accounts; no agent of a scenario trades for nothing.
    pub fn exempt(&mut self, agent: AgentId) {
        assert!(
            agent < FIRST_USER_AGENT,
            "agent {agent} cannot be exempt: only accounts below {FIRST_USER_AGENT} can"
        );
        self.exempt[agent as usize] = true;
    }

    /// Whether the agent's flow is recorded fact: its fees were paid elsewhere and no size is too small.
    #[inline]
    pub fn is_exempt(&self, agent: AgentId) -> bool {
        self.exempt.get(agent as usize).is_some_and(|&exempt| exempt)
    }
}
