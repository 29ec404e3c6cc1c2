"""Kyle's insider: trades on what it knows, slowly enough that the price does not tell."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Phase, PhaseChange, Trader
from market_sim.theory.kyle import equilibrium

SECOND_NS = 1_000_000_000
CALLS = (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)


class KyleInsider(Trader):
    """Knows the value and demands, at every auction, a published share of its distance from the price.

    Model: Kyle (1985), Econometrica 53:1315-1335, theorem 2: in auction n of `auctions` the demand is beta_n
    dt (v - p), p the price before it; beta_n rises towards the last auction, when there is nothing left to
    hide for. It follows from how much noise traders trade (`noise_size`) and how much is unknown
    (`value_deviation`). An auction is a call phase of the venue; with `interval_s` above 0 it demands at that
    rhythm in continuous trading instead, as if a stream of auctions were one.

    Units: `value` and `value_deviation` in quote units, `noise_size` and demands in base units.

    Simplifications: p is the mid of its view, else the last trade; demands are rounded down to the lot; what
    an order does not get is not asked for again; the first listing.
    """

    depth: ClassVar[int] = 1

    value: float = 0.0
    """What it knows the instrument to be worth, in quote units; 0: the fundamental value of the moment."""
    auctions: int = 20
    """Number of auctions over which it trades."""
    noise_size: float = 10.0
    """Standard deviation of the noise traders' total over all auctions, in base units."""
    value_deviation: float = 1.0
    """Standard deviation of the value, as others see it at the start, in quote units."""
    interval_s: float = 0.0
    """Seconds between demands in continuous trading; 0: at the venue's call auctions."""
    protection_bps: int = 1000
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Solve the equilibrium."""
        self._game = equilibrium(self.auctions, self.value_deviation**2, self.noise_size**2)
        self._listing = self.listings[0]
        if not self.value and self.fundamental(self._listing.instrument) is None:
            raise ValueError(
                f"{self.name} knows nothing: give it a value, or {self._listing.instrument} a fundamental"
            )
        #: Auctions over so far.
        self.held = 0
        self._calling = False
        if self.interval_s > 0:
            self.wake_in(int(self.interval_s * SECOND_NS))

    def on_phase(self, phase: PhaseChange) -> None:
        """A call begins, or is over: one demand a call, whatever it is named."""
        if self.interval_s > 0 or phase.venue != self._listing.venue:
            return
        calls = phase.phase in CALLS
        if calls and not self._calling:
            self._demand()
        self._calling = calls

    def on_wake(self) -> None:
        """The next demand in continuous trading."""
        self._demand()
        if self.held < self.auctions:
            self.wake_in(int(self.interval_s * SECOND_NS))

    def _demand(self) -> None:
        if self.held >= self.auctions:
            return
        view = self.view(self._listing)
        price = view.mid if view.mid is not None else view.last_price
        value = self.value or self.fundamental(self._listing.instrument)
        auction = self._game.auctions[self.held]
        self.held += 1
        if price is None or value is None:
            return
        wanted = auction.demand * (value - price)
        size = self._listing.round_size(abs(wanted))
        if size > 0:
            send = self.buy if wanted > 0 else self.sell
            send(self._listing, size, protection_bps=self.protection_bps, tif=self._tif())

    def _tif(self) -> str:
        """A call takes orders that may wait for its end, continuous trading those that do not."""
        return "IOC" if self.interval_s > 0 else "GTC"
