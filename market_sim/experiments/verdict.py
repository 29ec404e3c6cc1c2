"""A published number beside the one that came out, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of a lesson's last table. All numbers in the unit that `what` names.

    `standard_error` is that of `simulated`; `tolerance` is how far it may lie from `published`, stated before
    the run.
    """

    what: str
    published: float
    simulated: float
    standard_error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """True if the two differ by no more than the tolerance."""
        # Numbers of numpy would make a bool of numpy, which JSON does not know.
        return bool(abs(self.simulated - self.published) <= self.tolerance)

    def within(self, errors: float, cap: float, rounding: float = 0.0) -> Verdict:
        """The same line for a short run: as tolerance so many standard errors, and half a unit of the printed
        figure's last digit (`rounding`), but never more than `cap`.
        """
        tolerance = min(errors * self.standard_error + rounding, cap)
        return Verdict(self.what, self.published, self.simulated, self.standard_error, tolerance)

    def __str__(self) -> str:
        return (
            f"{'pass' if self.passed else 'FAIL'}  {self.what}: published {self.published:.6g}, "
            f"simulated {self.simulated:.6g} (se {self.standard_error:.2g}, tolerance {self.tolerance:.3g})"
        )


def table(verdicts: Iterable[Verdict]) -> pl.DataFrame:
    """Columns what, published, simulated, standard_error, tolerance, verdict ("pass" or "FAIL")."""
    rows = list(verdicts)
    columns = {
        name: [float(getattr(row, name)) for row in rows]
        for name in ("published", "simulated", "standard_error", "tolerance")
    }
    said = ["pass" if row.passed else "FAIL" for row in rows]
    return pl.DataFrame({"what": [row.what for row in rows], **columns, "verdict": said})
