"""From `package.module:Class` to the class: where code may come from, and what to say when it does not."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from market_sim.scenario.complaint import nearest

SHIPPED_PACKAGE = "agents"
_CHECKOUT = Path(__file__).resolve().parents[2]


def foreign_agents() -> Path | None:
    """The file of a package `agents` that is not ours (a widely used SDK has the name), or None."""
    try:
        found = importlib.util.find_spec(SHIPPED_PACKAGE)
        ours = found is not None and importlib.util.find_spec(f"{SHIPPED_PACKAGE}.base") is not None
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    places = [Path(place).resolve() for place in found.submodule_search_locations or ()]
    if ours and _CHECKOUT / SHIPPED_PACKAGE in places:
        return None
    return Path(found.origin) if found.origin else (places[0] if places else Path(SHIPPED_PACKAGE))


def load_kind(kind: str, folder: Path | None, shipped_only: bool = False) -> type:
    """The class a scenario names. ValueError, with the remedy, where there is none.

    `folder` is the scenario's own; it and the current folder are importable. `shipped_only` refuses all
    code but the shipped agents, before anything is imported.
    """
    module_name, colon, class_name = kind.partition(":")
    if not colon or not module_name or not class_name.isidentifier():
        raise ValueError(f"found {kind!r}; allowed: package.module:Class, as in 'agents.noise:NoiseTrader'")
    shipped = module_name.split(".")[0] == SHIPPED_PACKAGE
    if shipped:
        _refuse_foreign(kind)
    elif shipped_only:
        raise ValueError(f"{kind!r} is code of your own; only the shipped agents may run here")
    module = _import(kind, module_name, None if shipped else folder)
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not callable(getattr(found, "on_start", None)):
        traders = [name for name, item in vars(module).items() if _is_own_trader(item, module_name)]
        listed = ", ".join(traders) or "none"
        raise ValueError(
            f"{module_name} has no trader class {class_name!r}; allowed: {listed}"
            f"{nearest(class_name, traders)}"
        )
    return found


def _is_own_trader(item: Any, module_name: str) -> bool:
    return isinstance(item, type) and item.__module__ == module_name and hasattr(item, "on_start")


def _refuse_foreign(kind: str) -> None:
    foreign = foreign_agents()
    if foreign is not None:
        raise ValueError(
            f"{kind!r} means the agents of market_sim, but the package 'agents' that Python finds first is "
            f"another one, at {foreign}; uninstall it, or use an environment of its own for market_sim"
        )


def _import(kind: str, module_name: str, folder: Path | None) -> Any:
    folders = [str(place) for place in (folder, Path.cwd()) if place is not None]
    _forget_namesake(module_name, folders)
    added = [place for place in folders if place not in sys.path]
    # Behind everything installed: a scenario's folder must not replace a library by a file of the same name.
    sys.path.extend(added)
    try:
        importlib.invalidate_caches()
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ValueError(
                f"{kind!r}: importing {module_name} needs {error.name!r}, not installed"
            ) from error
        shipped = sorted(
            path.stem for path in (_CHECKOUT / SHIPPED_PACKAGE).glob("[a-z]*.py") if path.stem != "base"
        )
        names = [f"{SHIPPED_PACKAGE}.{stem}" for stem in shipped]
        raise ValueError(
            f"no module {module_name!r} among the installed packages, in the scenario's folder "
            f"({folder or 'none'}) or in the current one; shipped: {', '.join(names)}"
            f"{nearest(module_name, names)}"
        ) from error
    except Exception as error:
        raise ValueError(
            f"{kind!r}: importing {module_name} raised {type(error).__name__}: {error}"
        ) from error
    finally:
        for place in added:
            sys.path.remove(place)


def _forget_namesake(module_name: str, folders: list[str]) -> None:
    """Two folders may each have a `my_maker.py`: what Python remembers must be this scenario's."""
    top = module_name.split(".")[0]
    known = sys.modules.get(top)
    origin = getattr(known, "__file__", None)
    if origin is None:
        return
    for folder in folders:
        own = [Path(folder) / f"{top}.py", Path(folder) / top / "__init__.py"]
        if Path(origin) in own:
            return
        if any(path.is_file() for path in own) and Path(origin).name in (f"{top}.py", "__init__.py"):
            for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
                del sys.modules[name]
            return
