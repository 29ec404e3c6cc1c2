"""The recordings that a page may open: those under the folder that MARKET_SIM_DATA names, and no other file.

A name in a link is looked up in this list and never used as a path, so a link cannot learn what else lies on
the machine.
"""

import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

SUFFIXES = (".gz", ".jsonl", ".log", ".msfeed", ".txt", ".zst")
FILES_LISTED = 500
NAMES_SHOWN = 6

NO_FOLDER = (
    "No folder of recordings is configured: start the server with MARKET_SIM_DATA=FOLDER to replay what lies "
    "in it."
)

Captures = Mapping[str, tuple[Path, ...]]


def captures() -> Captures:
    """Name, relative to the folder, of every recording there is: single files, and folders of consecutive
    ones. Empty where no folder is configured.
    """
    root = os.environ.get("MARKET_SIM_DATA")
    if not root:
        return {}
    home = Path(root)
    found = (path for path in sorted(home.rglob("*")) if path.suffix in SUFFIXES and path.is_file())
    files = list(islice(found, FILES_LISTED))
    folders: dict[str, list[Path]] = {}
    for file in files:
        if file.parent != home and file.suffix == ".gz":
            folders.setdefault(file.parent.relative_to(home).as_posix(), []).append(file)
    together = {f"{name}/": tuple(members) for name, members in folders.items() if len(members) > 1}
    return together | {file.relative_to(home).as_posix(): (file,) for file in files}


def capture_files(name: str) -> tuple[Path, ...]:
    """The files of a recording; ValueError in words, the same for every name that is not in the list."""
    known = captures()
    if not known:
        raise ValueError(NO_FOLDER)
    if name not in known:
        shown = repr(name if len(name) <= 80 else name[:80] + "…")
        names = ", ".join(islice(known, NAMES_SHOWN))
        more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
        raise ValueError(f"There is no recording {shown}: choose one of {names}{more}.")
    return known[name]
