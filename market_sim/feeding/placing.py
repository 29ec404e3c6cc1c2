"""Where live books stand in a scenario: at listings that name them, or in the place of a recorded market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from market_sim.errors import ScenarioError
from market_sim.feeding.subscriptions import Subscription, Wanted
from market_sim.replaying.grid import decimals_of
from market_sim.scenario import ListingTable, Scenario, load

ATOM_DECIMALS = 8
Numbers = dict[str, Any]


def lists_all(plan: Scenario, books: Iterable[Subscription | Wanted]) -> bool:
    """Whether the scenario's own listings name every book (`external`, at the venue in capitals)."""
    listed = {(table.venue, table.external) for table in plan.listings}
    return all((book.place, book.symbol) in listed for book in books)


def placed(plan: Scenario, books: Sequence[Subscription]) -> Scenario:
    """The scenario with these books in it.

    One that lists them all is taken as it is. Of one with a single recorded listing (`paper_maker`), every
    book takes that listing's place: its agents come once for each book, with its amounts in the book's own
    assets. Raises ScenarioError for any other.
    """
    if lists_all(plan, books):
        return plan
    recorded = [table for table in plan.listings if table.external is not None]
    if len(recorded) != 1:
        names = ", ".join(f'{book.place} with external = "{book.symbol}"' for book in books)
        raise ScenarioError(
            "its listings do not name these books, and no single recorded listing gives them its place",
            plan.name,
            f"List {names}.",
        )
    return load(_table(plan, recorded[0], books), folder=plan.folder)


def _table(plan: Scenario, model: ListingTable, books: Sequence[Subscription]) -> Numbers:
    table = plan.resolved()
    old = plan.instruments[model.instrument]
    listing = next(entry for entry in table["listings"] if entry.get("external") == model.external)
    table["listings"].remove(listing)
    venue = table["venues"].pop(model.venue)
    if not any(entry["instrument"] == model.instrument for entry in table["listings"]):
        del table["instruments"][model.instrument]
    agents = table["agents"]
    table["agents"] = [group for group in agents if model.name not in group["listings"]]
    for number, book in enumerate(books):
        table["venues"].setdefault(book.place, venue)
        table["instruments"][book.instrument] = {"base": book.base, "quote": book.quote}
        for asset, step in ((book.base, book.lot), (book.quote, book.tick * book.lot)):
            entry = table["assets"].setdefault(asset, {"decimals": ATOM_DECIMALS})
            entry["decimals"] = max(entry["decimals"], decimals_of(step))
        place = {"venue": book.place, "instrument": book.instrument, "external": book.symbol}
        table["listings"].append({**listing, **place, "tick": f"{book.tick:f}", "lot": f"{book.lot:f}"})
        names = {model.venue: book.place, model.name: f"{book.place}:{book.instrument}"}
        assets = {old.base: book.base, old.quote: book.quote}
        for group in agents:
            if model.name in group["listings"]:
                named = group["name"] if len(books) == 1 else f"{group['name']}-{book.venue}-{number + 1}"
                table["agents"].append(_moved(group, named, names, assets))
    if table["numeraire"] == old.quote:
        table["numeraire"] = books[0].quote
    _drop_unused(table)
    return table


def _moved(group: Numbers, name: str, names: dict[str, str], assets: dict[str, str]) -> Numbers:
    endowment = {
        names.get(venue, venue): {assets.get(asset, asset): amount for asset, amount in amounts.items()}
        for venue, amounts in group["endowment"].items()
    }
    listings = [names.get(listing, listing) for listing in group["listings"]]
    return {**group, "name": name, "listings": listings, "endowment": endowment}


def _drop_unused(table: Numbers) -> None:
    used = {asset for entry in table["instruments"].values() for asset in (entry["base"], entry["quote"])}
    for asset in [name for name in table["assets"] if name not in used]:
        del table["assets"][asset]
    table["replay"] = {"clock": "local"}
    table["description"] = f"{table['description']} (in the place of it: live books)"
