//! Who owns what: integer balances per (agent, venue, asset).
//!
//! A trade moves money by postings that cancel out, so per asset everything sums to what was deposited.
//! `imbalance` checks that by a full scan, apart from the postings it checks.

use std::fmt;

use crate::types::{AgentId, AssetId, Atoms, FEES, Side, VenueId};

/// One movement on one balance; `atoms` may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    pub agent: AgentId,
    pub venue: VenueId,
    pub asset: AssetId,
    pub atoms: Atoms,
}

/// A posting that cannot be made; the balance is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The balance would leave 64 bits.
    Overflow { posting: Posting, balance: Atoms },
    /// The ledger was never told of such an agent, venue or asset.
    UnknownAccount { posting: Posting },
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow { posting: Posting { agent, venue, asset, atoms }, balance } => write!(
                f,
                "ledger overflow: agent {agent} at venue {venue} holds {balance} atoms of asset {asset}, {atoms} more \
                 leave 64 bits; give the asset fewer decimals or the agents smaller endowments"
            ),
            Self::UnknownAccount { posting: Posting { agent, venue, asset, .. } } => {
                write!(f, "ledger: no account of agent {agent} at venue {venue} in asset {asset}")
            }
        }
    }
}

impl std::error::Error for LedgerError {}

/// All balances. Pooled accounts keep everything at venue 0, as one prime broker would.
#[derive(Clone, Debug)]
pub struct Ledger {
    pooled: bool,
    agents: usize,
    venues: usize,
    assets: usize,
    /// By agent, then venue, then asset.
    balances: Vec<Atoms>,
    deposited: Vec<Atoms>,
}

impl Ledger {
    pub fn new(pooled: bool) -> Self {
        Self { pooled, agents: 0, venues: 0, assets: 0, balances: Vec::new(), deposited: Vec::new() }
    }

    /// Makes room for so many agents, venues and assets; what is there stays. For set-up, not for a run.
    pub fn grow(&mut self, agents: usize, venues: usize, assets: usize) {
        let mut grown = Self::new(self.pooled);
        grown.agents = self.agents.max(agents);
        grown.venues = self.venues.max(if self.pooled { venues.min(1) } else { venues });
        grown.assets = self.assets.max(assets);
        grown.balances = vec![0; grown.agents * grown.venues * grown.assets];
        for (place, &atoms) in self.balances.iter().enumerate() {
            let (rest, asset) = (place / self.assets, place % self.assets);
            let (agent, venue) = (rest / self.venues, rest % self.venues);
            grown.balances[(agent * grown.venues + venue) * grown.assets + asset] = atoms;
        }
        grown.deposited = std::mem::take(&mut self.deposited);
        grown.deposited.resize(grown.assets, 0);
        *self = grown;
    }

    /// Atoms an agent holds; 0 of what the ledger does not know.
    pub fn balance(&self, agent: AgentId, venue: VenueId, asset: AssetId) -> Atoms {
        self.place(agent, venue, asset).map_or(0, |place| self.balances[place])
    }

    /// Atoms brought in from outside, over all agents and venues.
    pub fn deposited(&self, asset: AssetId) -> Atoms {
        self.deposited.get(asset as usize).copied().unwrap_or(0)
    }

    /// Moves one balance; gives the new one.
    #[inline]
    pub fn post(&mut self, posting: Posting) -> Result<Atoms, LedgerError> {
        let place = self
            .place(posting.agent, posting.venue, posting.asset)
            .ok_or(LedgerError::UnknownAccount { posting })?;
        let balance = self.balances[place];
        let moved = balance.checked_add(posting.atoms).ok_or(LedgerError::Overflow { posting, balance })?;
        self.balances[place] = moved;
        Ok(moved)
    }

    /// Brings atoms in from outside: the only posting without a counterpart.
    pub fn deposit(&mut self, posting: Posting) -> Result<Atoms, LedgerError> {
        let balance = self.deposited(posting.asset);
        let all = balance.checked_add(posting.atoms).ok_or(LedgerError::Overflow { posting, balance })?;
        let moved = self.post(posting)?;
        self.deposited[posting.asset as usize] = all;
        Ok(moved)
    }

    /// Sum of all balances of an asset less its deposits: anything but 0 is a lost or invented atom.
    pub fn imbalance(&self, asset: AssetId) -> i128 {
        let asset_balances = self.balances.iter().skip(asset as usize).step_by(self.assets.max(1));
        let held: i128 = if (asset as usize) < self.assets {
            asset_balances.map(|&atoms| i128::from(atoms)).sum()
        } else {
            0
        };
        held - i128::from(self.deposited(asset))
    }

    #[inline]
    fn place(&self, agent: AgentId, venue: VenueId, asset: AssetId) -> Option<usize> {
        let venue = if self.pooled { 0 } else { venue as usize };
        let known = (agent as usize) < self.agents && venue < self.venues && (asset as usize) < self.assets;
        known.then(|| (agent as usize * self.venues + venue) * self.assets + asset as usize)
    }
}

/// What a match moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub venue: VenueId,
    pub base: AssetId,
    pub quote: AssetId,
    pub aggressor: Side,
    pub maker: AgentId,
    pub taker: AgentId,
    /// Quote atoms of the match.
    pub notional: Atoms,
    /// Base atoms of the match.
    pub base_atoms: Atoms,
    /// Quote atoms, negative for a rebate.
    pub maker_fee: Atoms,
    pub taker_fee: Atoms,
}

impl Settlement {
    /// The postings in their order; those of nothing are left out.
    pub fn postings(&self) -> impl Iterator<Item = Posting> {
        let Self { venue, base, quote, maker, taker, notional, base_atoms, maker_fee, taker_fee, .. } = *self;
        let (buyer, seller) = match self.aggressor {
            Side::Buy => (taker, maker),
            Side::Sell => (maker, taker),
        };
        [
            (buyer, quote, -notional),
            (seller, quote, notional),
            (seller, base, -base_atoms),
            (buyer, base, base_atoms),
            (taker, quote, -taker_fee),
            (FEES, quote, taker_fee),
            (maker, quote, -maker_fee),
            (FEES, quote, maker_fee),
        ]
        .into_iter()
        .filter(|&(_, _, atoms)| atoms != 0)
        .map(move |(agent, asset, atoms)| Posting { agent, venue, asset, atoms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USD: AssetId = 0;
    const BTC: AssetId = 1;

    fn posting(agent: AgentId, venue: VenueId, asset: AssetId, atoms: Atoms) -> Posting {
        Posting { agent, venue, asset, atoms }
    }

    fn funded(pooled: bool) -> Ledger {
        let mut ledger = Ledger::new(pooled);
        ledger.grow(8, 2, 2);
        ledger.deposit(posting(5, 0, USD, 1_000)).unwrap();
        ledger.deposit(posting(6, 0, BTC, 50)).unwrap();
        ledger
    }

    fn sale() -> Settlement {
        Settlement {
            venue: 0,
            base: BTC,
            quote: USD,
            aggressor: Side::Sell,
            maker: 5,
            taker: 6,
            notional: 300,
            base_atoms: 3,
            maker_fee: -1,
            taker_fee: 2,
        }
    }

    #[test]
    fn a_trade_moves_money_goods_and_fees() {
        let mut ledger = funded(false);
        for posting in sale().postings() {
            ledger.post(posting).unwrap();
        }
        let held = |agent| (ledger.balance(agent, 0, USD), ledger.balance(agent, 0, BTC));
        assert_eq!((held(5), held(6), held(FEES)), ((701, 3), (298, 47), (1, 0)));
        assert_eq!((ledger.imbalance(USD), ledger.imbalance(BTC)), (0, 0));
    }

    #[test]
    fn postings_of_nothing_are_left_out_and_the_order_stays() {
        let free = Settlement { maker_fee: 0, aggressor: Side::Buy, ..sale() };
        let moved: Vec<_> =
            free.postings().map(|posting| (posting.agent, posting.asset, posting.atoms)).collect();
        assert_eq!(
            moved,
            [(6, USD, -300), (5, USD, 300), (5, BTC, -3), (6, BTC, 3), (6, USD, -2), (FEES, USD, 2)]
        );
    }

    #[test]
    fn a_lost_atom_is_seen() {
        let mut ledger = funded(false);
        ledger.post(posting(5, 1, USD, -1)).unwrap();
        assert_eq!((ledger.imbalance(USD), ledger.imbalance(BTC)), (-1, 0));
    }

    #[test]
    fn an_overflow_is_an_error_and_changes_nothing() {
        let mut ledger = funded(false);
        let error = ledger.post(posting(5, 0, USD, i64::MAX)).unwrap_err();
        assert!(error.to_string().starts_with("ledger overflow: agent 5 at venue 0 holds 1000"));
        assert!(ledger.deposit(posting(6, 0, USD, i64::MAX)).is_err());
        assert!(
            ledger.post(posting(8, 0, USD, 1)).unwrap_err().to_string().contains("no account of agent 8")
        );
        assert_eq!((ledger.balance(5, 0, USD), ledger.balance(6, 0, USD)), (1_000, 0));
        assert_eq!(ledger.imbalance(USD), 0);
    }

    #[test]
    fn pooled_accounts_are_one_whatever_the_venue() {
        let mut ledger = funded(true);
        ledger.post(posting(5, 1, USD, -400)).unwrap();
        assert_eq!((ledger.balance(5, 0, USD), ledger.balance(5, 1, USD)), (600, 600));
        let mut apart = funded(false);
        apart.post(posting(5, 1, USD, -400)).unwrap();
        assert_eq!((apart.balance(5, 0, USD), apart.balance(5, 1, USD)), (1_000, -400));
    }

    #[test]
    fn growing_keeps_every_balance() {
        let mut ledger = funded(false);
        ledger.post(posting(7, 1, BTC, 9)).unwrap();
        ledger.grow(9, 3, 4);
        assert_eq!(ledger.balance(5, 0, USD), 1_000);
        assert_eq!(ledger.balance(7, 1, BTC), 9);
        assert_eq!((ledger.balance(8, 2, 3), ledger.imbalance(BTC)), (0, 9));
        assert_eq!((ledger.imbalance(3), ledger.imbalance(99)), (0, 0));
    }
}
