"""What builds the native engine on this machine, and what there is known to go wrong: a part of `doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

#: What Python and Rust call the same processor.
_PROCESSORS = {"arm64": "aarch64", "amd64": "x86_64"}
_C_COMPILERS = ("cc", "gcc", "clang", "cl")

Trouble = tuple[str, str]
"""(what stands in the way, the remedy)."""


def rust_host() -> str | None:
    """The platform that rustc builds for, as in `aarch64-apple-darwin`; None where there is no rustc."""
    found = shutil.which("rustc")
    if found is None:
        return None
    try:
        done = subprocess.run([found, "-vV"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next((line[6:] for line in done.stdout.splitlines() if line.startswith("host: ")), None)


def c_compiler() -> str | None:
    """The name of a C compiler on the path, which Rust links with; None without."""
    return next((name for name in _C_COMPILERS if shutil.which(name)), None)


def build_troubles(host: str | None) -> list[Trouble]:
    """What would keep `maturin develop` or pip from a working engine. `host` as `rust_host` gives it."""
    found: list[Trouble] = []
    named = os.environ.get("PYO3_PYTHON")
    if named and not _is_this_python(named):
        what = f"PYO3_PYTHON names {named}, which is another interpreter than this one"
        found.append((what, "Unset it; maturin finds the interpreter of the environment it runs in."))
    if host is None:
        return found
    machine = platform.machine().lower()
    if _PROCESSORS.get(machine, machine) != host.partition("-")[0]:
        what = f"Rust builds for {host}, this Python runs on {platform.machine()}"
        found.append((what, "Use a Python and a Rust of one processor, or the engine cannot be loaded."))
    if c_compiler() is None:
        what = "Rust is there, but no C compiler to link with"
        found.append((what, "Install one: gcc, Xcode's command line tools, or Visual Studio's build tools."))
    here = Path.cwd()
    workspace = next((folder for folder in (here, *here.parents) if folder.name == "engine_rs"), None)
    if workspace is not None and (workspace / "Cargo.toml").is_file():
        what = "the current folder lies in engine_rs, where maturin does not find pyproject.toml"
        found.append((what, f"Run it in {workspace.parent}."))
    return found


def _is_this_python(named: str) -> bool:
    """Whether a program is this interpreter, under whichever name or link."""
    program = shutil.which(named)
    if program is None:
        return False
    # Links stay: those of an environment's folder lead to an interpreter that many environments share.
    own = Path(sys.executable)
    return Path(program).absolute() == own.absolute() or (
        Path(program).absolute().parent == own.absolute().parent and Path(program).samefile(own)
    )
