"""What a command from outside does to a market: every order goes through the person's own desk, like any
agent's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from market_sim.engine import Phase
from market_sim.errors import ScenarioError
from market_sim.runner.commands import (
    Action,
    CancelOrder,
    End,
    ReplaceOrder,
    SendOrder,
    SetVenue,
    SwitchAgents,
    TellNews,
)

if TYPE_CHECKING:
    from market_sim.market import Market

LONGEST_NEWS = 500
NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?")
"""A size or price as people write it: with an exponent a few letters would ask for a million digits."""


def act(market: Market, seats: list[str], command: Action) -> tuple[str, int | None]:
    """Carry out a command at the market's present instant: (what was done in words, the order's id if one
    was sent). Raises a MarketSimError in words for what cannot be; then nothing has happened.
    """
    market.step_to(market.now_ns)  # agents start before anybody else acts
    match command:
        case SendOrder():
            return _send(_person(market, seats, command.agent), command)
        case CancelOrder(agent, order):
            person = _person(market, seats, agent)
            _own(person, order)
            person.cancel(order)
            return f"Cancel of order {order} sent.", order
        case ReplaceOrder(agent, order, price, size):
            person = _person(market, seats, agent)
            _own(person, order)
            person.replace(order, _number(price, "price"), _number(size, "size"))
            return f"Change of order {order} sent.", order
        case TellNews(text):
            market.tell_news(text[:LONGEST_NEWS])
            return f"Everybody has heard: {text[:LONGEST_NEWS]}", None
        case SetVenue(venue, opened):
            if venue not in market.venues:
                raise ScenarioError(f"no venue {venue!r}", "market", f"There are {', '.join(market.venues)}.")
            market.set_phase(venue, Phase.CONTINUOUS if opened else Phase.SUSPENDED)
            return f"{venue} {'takes orders again' if opened else 'is suspended'}.", None
        case SwitchAgents(name, on):
            for member in market.config.members_of(name):
                market.switch(member, on)
            return f"{name} switched {'on' if on else 'off'}.", None
        case End():
            market.end_ns = market.now_ns
            market.step_to(market.now_ns)
            return "The session is over.", None


def _send(person: Any, command: SendOrder) -> tuple[str, int | None]:
    send = person.buy if command.side == "buy" else person.sell
    size, price = _number(command.size, "size"), _number(command.price, "price")
    if size is None:
        raise ScenarioError("no size is given", "order", "Say how much, in base units.")
    order = send(command.listing, size, price, tif=command.tif or None, post_only=command.post_only)
    if not order:
        raise ScenarioError("this account is switched off", command.agent, "The instructor can switch it on.")
    at = f"at {command.price}" if command.price is not None else "at the market"
    return f"Order {order} sent: {command.side} {command.size} {at} on {command.listing}.", order


def _person(market: Market, seats: list[str], name: str) -> Any:
    if name not in seats:
        raise ScenarioError(f"{name!r} is no person's account", "order", "Only people use tickets.")
    return market.trader(name)


def _number(text: str | None, what: str) -> str | None:
    if text is None or NUMBER.fullmatch(text):
        return text
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    raise ScenarioError(f"{shown} is no {what}", "order", 'Write digits and a point, as in "0.25".')


def _own(person: Any, order: int) -> None:
    if order not in person.orders:
        raise ScenarioError(f"order {order} is not open", person.name, "Choose one of the open orders.")
