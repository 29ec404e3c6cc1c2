"""Prints the tables that the lessons kept of their last run: python lessons/verdicts.py [--forget]

`--forget` throws them away instead, so that what is printed after a run is of that run.
"""

import sys
from pathlib import Path

from market_sim.experiments.verdict import Verdict
from market_sim.teaching import last_verdicts, verdict_folder

LESSONS = sorted(path.stem for path in Path(__file__).resolve().parent.glob("[0-9]*.py"))


def told(lesson: str) -> tuple[bool, list[str]]:
    """Whether a lesson's numbers came out, and the lines to print."""
    kept = last_verdicts(lesson)
    if kept is None:
        return False, [f"{lesson}: did not come to its table"]
    rows = [Verdict(*(row[name] for name in Verdict.__slots__)) for row in kept["rows"]]
    passed = sum(row.passed for row in rows)
    head = (
        f"{lesson}: {passed} of {len(rows)} numbers came out ({kept['engine']} engine, {kept['mode']} form)"
    )
    return passed == len(rows), [head, *(f"  {row}" for row in rows)]


def main(arguments: list[str]) -> int:
    """0 if every lesson has a table and every number in it came out."""
    if arguments == ["--forget"]:
        for lesson in LESSONS:
            (verdict_folder() / f"{lesson}.json").unlink(missing_ok=True)
        return 0
    found = [told(lesson) for lesson in LESSONS]
    sys.stdout.write("\n".join(line for _, lines in found for line in lines) + "\n")
    return 0 if all(well for well, _ in found) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
