//! Who stands behind an agent: the identity self-trade prevention compares.

use std::collections::BTreeMap;

use crate::types::AgentId;

/// Agents below this are looked up by place; a table must not be as long as the largest number sent.
const TABLE: AgentId = 1 << 17;

/// Owner of every agent; an agent of which nothing was said owns itself.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    table: Vec<AgentId>,
    beyond: BTreeMap<AgentId, AgentId>,
}

impl Owners {
    pub fn set(&mut self, agent: AgentId, owner: AgentId) {
        if agent >= TABLE {
            self.beyond.insert(agent, owner);
            return;
        }
        let known = self.table.len() as AgentId;
        self.table.extend(known..=agent);
        self.table[agent as usize] = owner;
    }

    #[inline]
    pub fn of(&self, agent: AgentId) -> AgentId {
        match self.table.get(agent as usize) {
            Some(&owner) => owner,
            None if self.beyond.is_empty() => agent,
            None => self.beyond.get(&agent).copied().unwrap_or(agent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_owns_itself_until_told_otherwise() {
        let mut owners = Owners::default();
        owners.set(2, 1);
        owners.set(u32::MAX, 7);
        let seen = [0, 1, 2, 3, u32::MAX - 1, u32::MAX].map(|agent| owners.of(agent));
        assert_eq!(seen, [0, 1, 1, 3, u32::MAX - 1, 7]);
    }
}
