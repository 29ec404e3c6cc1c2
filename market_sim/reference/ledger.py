"""Who owns what: integer balances per (agent, venue, asset).

A trade moves money by postings that cancel out, so per asset everything always sums to what was
deposited. `imbalance` checks that with a full scan, apart from the postings it checks.
"""

from __future__ import annotations

from typing import NamedTuple

from market_sim.errors import EngineError
from market_sim.reference.types import FEES, INT64_MAX, INT64_MIN, AgentId, Atoms, Side, VenueId

AssetId = int


class Posting(NamedTuple):
    """One movement on one balance; `atoms` may be negative."""

    agent: AgentId
    venue: VenueId
    asset: AssetId
    atoms: Atoms


def fee_atoms(notional: Atoms, rate_e8: int) -> Atoms:
    """Fee of a fill: a charge rounds up to a whole atom, a rebate (negative) rounds down towards zero.

    Rounding never favours the participant, so no order can be cut up to save its fees.
    """
    if rate_e8 >= 0:
        return -(-notional * rate_e8 // 10**8)
    return -(notional * -rate_e8 // 10**8)


def trade_postings(
    venue: VenueId,
    base: AssetId,
    quote: AssetId,
    aggressor: int,
    maker: tuple[AgentId, Atoms],
    taker: tuple[AgentId, Atoms],
    base_atoms: Atoms,
    notional: Atoms,
) -> list[Posting]:
    """The postings of one match in their order; `maker` and `taker` are (agent, fee in quote atoms)."""
    (maker_agent, maker_fee), (taker_agent, taker_fee) = maker, taker
    buyer, seller = (taker_agent, maker_agent) if aggressor == Side.BUY else (maker_agent, taker_agent)
    postings = (
        Posting(buyer, venue, quote, -notional),
        Posting(seller, venue, quote, notional),
        Posting(seller, venue, base, -base_atoms),
        Posting(buyer, venue, base, base_atoms),
        Posting(taker_agent, venue, quote, -taker_fee),
        Posting(FEES, venue, quote, taker_fee),
        Posting(maker_agent, venue, quote, -maker_fee),
        Posting(FEES, venue, quote, maker_fee),
    )
    return [posting for posting in postings if posting.atoms]


class Ledger:
    """All balances. Pooled accounts keep everything at venue 0, as one prime broker would."""

    def __init__(self) -> None:
        self.balances: dict[tuple[AgentId, VenueId, AssetId], Atoms] = {}
        self.deposited: dict[AssetId, Atoms] = {}

    def balance(self, agent: AgentId, venue: VenueId, asset: AssetId) -> Atoms:
        """Atoms of an asset that an agent holds at a venue."""
        return self.balances.get((agent, venue, asset), 0)

    def deposit(self, posting: Posting) -> None:
        """Bring atoms in from outside: the only posting without a counterpart."""
        self.post(posting)
        self.deposited[posting.asset] = self.deposited.get(posting.asset, 0) + posting.atoms

    def post(self, posting: Posting) -> None:
        """Move one balance. EngineError when it would leave 64 bits: money never wraps."""
        agent, venue, asset, atoms = posting
        key = (agent, venue, asset)
        balance = self.balances.get(key, 0) + atoms
        if not INT64_MIN <= balance <= INT64_MAX:
            raise EngineError(
                f"ledger overflow: agent {agent} would hold {balance} atoms of asset {asset}",
                f"venue {venue}",
                "Give the asset fewer decimals or the agents smaller endowments.",
            )
        self.balances[key] = balance

    def imbalance(self, asset: AssetId) -> Atoms:
        """Sum of all balances of an asset less its deposits; anything but 0 is a lost or invented atom."""
        held = sum(atoms for (_, _, held_asset), atoms in self.balances.items() if held_asset == asset)
        return held - self.deposited.get(asset, 0)
