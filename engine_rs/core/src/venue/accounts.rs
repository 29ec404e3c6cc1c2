//! What a venue knows of its participants.

use crate::book::Owners;
use crate::types::AgentId;

#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    pub owners: Owners,
    exempt: Vec<AgentId>,
}

impl Accounts {
    pub fn exempt(&mut self, agent: AgentId) {
        if !self.exempt.contains(&agent) {
            self.exempt.push(agent);
        }
    }

    /// Whether the agent's flow is recorded fact: its fees were paid elsewhere and no size is too small.
    /// A venue has at most the external participant's two accounts of this kind.
    #[inline]
    pub fn is_exempt(&self, agent: AgentId) -> bool {
        self.exempt.contains(&agent)
    }
}
