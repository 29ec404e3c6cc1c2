"""What the reference pages show: every public name is described, with its units and the errors it raises."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import market_sim
from agents.base import Trader

ROOT = Path(__file__).resolve().parent.parent
HOOKS = {name for name in vars(Trader) if name.startswith("on_")}
#: Words by which a description of a number says what it counts.
UNIT = re.compile(
    r"\bseconds?\b|\bns\b|minutes?\b|\bbase units?\b|\bquote units?\b|basis points?|\bticks?\b|\blots?\b"
    r"|standard deviations?|\bshares?\b|\bper\b|\b1 /|\bnumber\b|\blooks?\b|\bnotes?\b|\blevels?\b"
    r"|\borders?\b|\bprobability\b|\brelative\b|\bmultiple\b|\bunits?\b",
    re.IGNORECASE,
)
#: A name that ends with its unit has said it.
SUFFIX = re.compile(r"_(s|ns|bps|ticks|lots)$")


def shown_modules():
    """Modules whose members the pages list."""
    pages = "\n".join(
        page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "api").glob("*.rst"))
    )
    named = re.findall(r"automodule:: ([\w.]+)\n(?!\s+:no-members:)", pages)
    return sorted({name for name in named if not name.startswith("market_sim.reference")})


def public_functions(owner, prefix):
    """(name, function, class or None) of what a module defines for others."""
    for name, found in vars(owner).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(found) and found.__module__ == prefix:
            yield f"{prefix}.{name}", found, None
            for inner, member in vars(found).items():
                function = (
                    member.fget
                    if isinstance(member, property)
                    else inspect.unwrap(member)
                    if callable(member)
                    else None
                )
                if (
                    not inner.startswith("_")
                    and inspect.isfunction(function)
                    and function.__module__ == prefix
                ):
                    yield f"{prefix}.{name}.{inner}", function, found
        elif inspect.isfunction(found) and found.__module__ == prefix:
            yield f"{prefix}.{name}", found, None


def api():
    """Every public class, function, method and property of the reference pages."""
    for name in shown_modules():
        if name != "market_sim":
            yield from public_functions(importlib.import_module(name), name)
    for name in market_sim.__all__:
        found = getattr(market_sim, name)
        if inspect.isfunction(found):
            yield f"market_sim.{name}", found, None
        elif inspect.isclass(found):
            yield from (
                entry
                for entry in public_functions(importlib.import_module(found.__module__), found.__module__)
                if f".{found.__name__}" in entry[0]
            )


SHOWN = {name: (found, owner) for name, found, owner in api()}


def raised(function):
    """Names of the exceptions that a function's own lines raise."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    return {call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}


def test_the_pages_show_what_there_is():
    assert len(SHOWN) > 200
    assert {"market_sim.run", "market_sim.replay", "market_sim.feed", "market_sim.backtest"} <= set(SHOWN)


def test_every_name_of_the_library_is_on_its_page():
    page = (ROOT / "docs" / "api" / "library.rst").read_text(encoding="utf-8")
    errors = {
        name for name in market_sim.__all__ if name.endswith("Error")
    }  # the module of errors is shown whole
    shown = set(re.findall(r"auto(?:function|class):: market_sim\.(\w+)", page)) | errors | {"ENGINE"}
    assert set(market_sim.__all__) - shown == set()


def own_words(found):
    """The docstring that stands in the source: a dataclass makes itself one, and a subclass inherits one."""
    return ast.get_docstring(ast.parse(inspect.cleandoc("\n" + inspect.getsource(found))).body[0])


def test_every_public_name_is_described():
    assert [name for name, (found, _) in SHOWN.items() if not own_words(found)] == []


#: Numbers that count nothing.
NAMES = {"seed", "agent_id"}
NUMBER = re.compile(r"(int|float|Decimal)( \| None)?")


def test_every_number_of_a_function_has_its_unit():
    """Arguments and what comes back: by the name's ending, or in the words of the function or its class."""
    bare = set()
    for name, (found, owner) in SHOWN.items():
        if inspect.isclass(found):
            continue
        told = (found.__doc__ or "") + ((owner.__doc__ or "") if owner else "")
        signature = inspect.signature(found)
        numbers = {found.__name__: signature.return_annotation}
        numbers |= {part.name: part.annotation for part in signature.parameters.values()}
        for part, kind in numbers.items():
            if NUMBER.fullmatch(str(kind)) and part not in NAMES and not SUFFIX.search(part):
                bare |= set() if UNIT.search(told) else {f"{name}: {part}"}
    assert bare == set()


def test_descriptions_name_the_errors():
    """A hook's error reaches nobody but the market, which says AgentError for all of them."""
    silent = {}
    for name, (found, owner) in SHOWN.items():
        if inspect.isclass(found) or found.__name__ in HOOKS:
            continue
        told = (found.__doc__ or "") + ((owner.__doc__ or "") if owner else "")
        missing = {error for error in raised(found) if error not in told}
        if missing:
            silent[name] = missing
    assert silent == {}


def parameters():
    """(name, type as written, description) of every parameter of a shipped agent."""
    for path in sorted((ROOT / "agents").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or path.stem in ("__init__", "base"):
                continue
            for line, after in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(line, ast.AnnAssign) or "ClassVar" in ast.unparse(line.annotation):
                    continue
                name = line.target.id
                said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if not name.startswith("_") and not node.name.startswith("_") and line.value is not None:
                    yield (
                        f"{node.name}.{name}",
                        ast.unparse(line.annotation),
                        after.value.value if said else "",
                    )


PARAMETERS = {name: (kind, text) for name, kind, text in parameters()}


def test_every_parameter_of_an_agent_is_described():
    assert len(PARAMETERS) > 100
    assert [name for name, (_, text) in PARAMETERS.items() if not text] == []


def test_every_number_of_an_agent_has_its_unit():
    numbers = {name: text for name, (kind, text) in PARAMETERS.items() if kind in ("float", "int", "Decimal")}
    assert len(numbers) > 80
    assert {
        name: text for name, text in numbers.items() if not (UNIT.search(text) or SUFFIX.search(name))
    } == {}


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_the_page_on_agents_names_every_hook(hook):
    assert f"`{hook}`" in (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")


WORDS = ("notice", "tape", "view", "gateway", "external participant", "capture", "event-log hash")


@pytest.mark.parametrize("word", WORDS)
def test_the_glossary_has_the_words_that_are_used_everywhere(word):
    page = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    assert re.search(rf"^{word}\n: \S", page.split("## Glossary")[1], re.MULTILINE | re.IGNORECASE)


def test_pages_name_files_that_exist():
    """Places in the checkout; `my_kind` and `NAME` are the reader's own."""
    pages = [
        *(ROOT / "docs").glob("*.md"),
        ROOT / "CONTRIBUTING.md",
        ROOT / "README.md",
        ROOT / "SECURITY.md",
    ]
    bases = [ROOT, ROOT / "app", ROOT / "market_sim" / "reference", ROOT / "engine_rs" / "core" / "src"]
    gone = set()
    for page in pages:
        for place in re.findall(
            r"`([a-z_]+(?:/[\w.]+)+\.(?:py|rs|toml|md))`", page.read_text(encoding="utf-8")
        ):
            if (
                "my_" not in place
                and "NAME" not in place
                and not any((base / place).exists() for base in bases)
            ):
                gone.add((page.name, place))
    assert gone == set()


#: What the troubleshooting page has to answer, by words of the trouble.
TROUBLES = {
    "pyo3": "PYO3_PYTHON",
    "macOS linker": "symbol(s) not found: _Py",
    "macOS architecture": "arm64",
    "maturin's workspace": "workspace",
    "stale container": "--no-cache",
    "busy port": "PORT=5007",
    "no Chromium": "MARKET_SIM_CHROMIUM",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_troubleshooting_answers(trouble):
    assert TROUBLES[trouble] in (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def test_issue_templates_ask_for_the_doctor_s_report():
    bug = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    assert re.search(r"market-sim doctor.*?required: true", bug, re.DOTALL)
