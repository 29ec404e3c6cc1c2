"""What a trader handed over in code asks for: its parameters and what an [[agents]] table would say about
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from market_sim.errors import ScenarioError
from market_sim.scenario import read_parameters

TABLE_KEYS = ("listings", "endowment", "latency", "credit", "short_selling", "stp", "decision", "limits")


@dataclass(frozen=True)
class Seat:
    """A trader's wishes before it has a market. `table` holds the keys of an [[agents]] table that were
    given.
    """

    name: str | None
    parameters: Mapping[str, Any]
    given: Mapping[str, Any]
    table: Mapping[str, Any]

    @classmethod
    def read(cls, kind: type, name: str | None, settings: Mapping[str, Any]) -> Self:
        """Sort keywords into parameters of the class and table keys; ScenarioError for unknown names or wrong
        types.
        """
        table = {key: value for key, value in settings.items() if key in TABLE_KEYS}
        given = {key: value for key, value in settings.items() if key not in TABLE_KEYS}
        parameters, problems = read_parameters(kind, given)
        if problems:
            (what, sentence), *_ = problems
            raise ScenarioError(sentence, f"{kind.__name__}({what}=...)")
        return cls(name, parameters, given, table)
