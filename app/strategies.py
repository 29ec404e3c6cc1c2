"""The shipped strategies that a visitor may let loose in a market, with their parameters."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import agents
from agents.base import Trader
from agents.human import Human
from market_sim.runner import Parameters
from market_sim.scenario import parameters_of

CLOSED = (bool, int, float, str)
"""Types of parameters that a form can hold; others keep their defaults."""


@dataclass(frozen=True)
class Strategy:
    """One class: its name, the `module:Class` that names it, what it does, and its parameters' defaults."""

    name: str
    kind: str
    sentence: str
    defaults: Mapping[str, bool | int | float | str]

    def parameters(self, given: Iterable[tuple[str, str]]) -> Parameters:
        """Texts as values of the defaults' types, sorted by name; ValueError in words."""
        return tuple(sorted((name, self._read(name, text)) for name, text in given))

    def _read(self, name: str, text: str) -> bool | int | float | str:
        default = self.defaults.get(name)
        if default is None:
            known = ", ".join(self.defaults) or "none"
            raise ValueError(f"{self.name} has no parameter {name[:40]!r}; it has {known}.")
        try:
            if isinstance(default, bool):
                return {"True": True, "False": False, "true": True, "false": False}[text]
            return type(default)(text)
        except (KeyError, ValueError):
            kind = "true or false" if isinstance(default, bool) else f"a number like {default!r}"
            raise ValueError(f"{self.name}'s {name} is {text[:40]!r}: give {kind}.") from None


@cache
def strategies() -> dict[str, Strategy]:
    """Every shipped trader but people, by the name of its class."""
    found = {}
    for module in pkgutil.iter_modules(agents.__path__):
        home = importlib.import_module(f"agents.{module.name}")
        for item in vars(home).values():
            if _is_strategy(item, home.__name__):
                found[item.__name__] = _strategy(item)
    return dict(sorted(found.items()))


def _is_strategy(item: object, module: str) -> bool:
    if not (isinstance(item, type) and issubclass(item, Trader) and item.__module__ == module):
        return False
    return item not in (Trader, Human) and not item.__name__.startswith("_")


def _strategy(kind: type) -> Strategy:
    defaults = {
        name: parameter.default
        for name, parameter in parameters_of(kind).items()
        if type(parameter.default) in CLOSED
    }
    sentence = (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    return Strategy(kind.__name__, f"{kind.__module__}:{kind.__name__}", " ".join(sentence.split()), defaults)
