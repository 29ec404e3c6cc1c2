"""The repository itself: what stands where, which walls hold, whether the ways to build and serve agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CORE = ROOT / "engine_rs" / "core"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {".ci", ".github", "agents", "app", "docs", "engine_rs", "lessons", "market_sim", "tests"}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def imports(path: Path) -> set[str]:
    """Every module name that a file imports, with `from a import b` as `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def rust_code(path: Path) -> str:
    """A Rust file without comments and without its own test module."""
    text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    return text.split("#[cfg(test)]")[0]


def test_folders_are_those_of_the_design():
    assert {name.split("/")[0] for name in tracked() if "/" in name} <= FOLDERS


def test_no_file_names_a_registry_or_a_place_of_one_machine():
    # Spelled in pieces, or this file would find itself.
    words = (
        "py" + "pi.org",
        "pythonhost" + "ed",
        "static.crat" + "es",
        "index.crat" + "es",
        "deb.deb" + "ian",
        "npm" + "js",
    )
    forbidden = re.compile(
        "|".join(map(re.escape, words)) + r"|/(?:ho" + r"me|ro" + r"ot|wo" + r"rk)/\w", re.IGNORECASE
    )
    hits = []
    for name in tracked():
        if name.endswith((".png", ".gz", "Cargo.lock")):
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1):
            if forbidden.search(line):
                hits.append(f"{name}:{number}: {line.strip()}")
    assert hits == []


def test_no_lock_file_with_download_addresses_is_tracked():
    assert not {"uv.lock", "poetry.lock", "Pipfile.lock"} & {name.split("/")[-1] for name in tracked()}
    assert "engine_rs/Cargo.lock" in tracked()  # without it every second `uv run` builds again


BOUNDED = r"[a-z0-9-]+>=[0-9.]+,<[0-9.]+(; sys_platform == 'linux')?"


def test_dependencies_are_bounded_on_both_sides():
    groups = PROJECT["dependency-groups"]
    names = PROJECT["project"]["dependencies"] + groups["dev"] + groups["docs"]
    names.remove("tzdata>=2025.1")  # data, not code: there is no version that could be too new
    assert [name for name in names if not re.fullmatch(BOUNDED, name)] == []


def test_wheel_holds_what_a_run_needs():
    maturin = PROJECT["tool"]["maturin"]
    assert (ROOT / maturin["manifest-path"]).is_file()
    assert maturin["module-name"] == "market_sim._engine"
    for package in maturin["python-packages"]:
        assert (ROOT / package / "__init__.py").is_file()
    scenarios = {f"market_sim/scenarios/{name}.toml" for name in ("two_venues", "triangle", "pairs")}
    assert scenarios <= set(tracked())
    manifest = tomllib.loads((ROOT / maturin["manifest-path"]).read_text())
    assert any("abi3-py311" in str(value) for value in manifest["dependencies"].values())


def test_reference_engine_imports_the_standard_library_only():
    foreign = {
        f"{path.name}: {name}"
        for path in python_files("market_sim/reference")
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("market_sim.reference", "market_sim.errors"))
    }
    assert foreign == set()


def test_only_the_switch_reaches_an_engine():
    pattern = re.compile(r"import_module\(\s*[\"']market_sim\.(_engine|reference)")
    for path in python_files("market_sim", "agents", "app"):
        if path == ROOT / "market_sim" / "engine.py" or "reference" in path.parts:
            continue
        reached = {name for name in imports(path) if re.match(r"market_sim\.(_engine|reference)\b", name)}
        assert reached == set(), path
        assert not pattern.search(path.read_text(encoding="utf-8")), path


def test_agents_do_not_reach_a_true_book():
    """What an agent may know comes from its view; the kernel's true state is not behind any name it uses."""
    inside = re.compile(r"\b(true_bbo|true_depth|queue_ahead|external_bbo|open_orders|_kernel|kernel)\b")
    for path in python_files("agents"):
        names = {
            node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
        }
        assert {name for name in names if inside.fullmatch(name)} == set(), path


def test_core_crate_depends_on_no_binding_runtime_or_clock():
    manifest = tomllib.loads((CORE / "Cargo.toml").read_text())
    assert manifest.get("dependencies", {}) == {}
    forbidden = re.compile(
        r"std::(time|fs|net|io|thread|env|process)|\b(SystemTime|Instant|RandomState|HashMap|HashSet)\b"
    )
    for path in sorted((CORE / "src").rglob("*.rs")):
        assert forbidden.findall(rust_code(path)) == [], path


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("book", "venue|kernel|latency|ledger|external|crowd"),
        ("venue", "kernel|latency|external|crowd"),
    ],
)
def test_rust_modules_know_only_what_lies_below_them(inner, outer):
    source = CORE / "src"
    files = [
        path for path in source.rglob("*.rs") if path.relative_to(source).parts[0] in (inner, f"{inner}.rs")
    ]
    assert files
    for path in files:
        assert re.findall(rf"\b(?:crate|super)::(?:\{{[^}}]*\b)?(?:{outer})\b", rust_code(path)) == [], path


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("book", "venue|kernel|latency|ledger|gateway|external"),
        ("venue", "kernel|latency|gateway|external"),
    ],
)
def test_reference_modules_know_only_what_lies_below_them(inner, outer):
    folder = ROOT / "market_sim" / "reference"
    files = [
        path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] in (inner, f"{inner}.py")
    ]
    assert files
    for path in files:
        assert [
            name for name in imports(path) if re.match(rf"market_sim\.reference\.({outer})\b", name)
        ] == [], path


def make_plan(*arguments: str, **environment: str) -> str:
    """What make would do, without doing it."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout


def test_make_serves_on_this_machine_only():
    plan = make_plan("serve", "PORT=5011")
    assert "panel serve app --address 127.0.0.1 --port 5011" in plan
    assert set(re.findall(r"--allow-websocket-origin (\S+)", plan)) == {"127.0.0.1:5011", "localhost:5011"}


def test_make_without_cargo_installs_the_dependencies_only(tmp_path):
    for program in ("make", "git", "sh", "env", "dirname"):
        found = subprocess.run(["which", program], capture_output=True, text=True, check=False).stdout.strip()
        if found:
            (tmp_path / program).symlink_to(found)
    plan = make_plan("test", PATH=str(tmp_path))
    assert "sync --quiet --no-install-project" in plan
    # No uv on this PATH either: it is fetched into the checkout.
    assert "pip install" in plan
    runs = re.findall(r"^\.tools/bin/uv run --no-sync pytest .*", plan, re.MULTILINE)
    assert [("not browser" in line, "-n 2" in line) for line in runs] == [(True, True), (False, False)]


def test_ci_runs_every_check_and_stops_at_the_first_failure():
    path = ROOT / ".ci" / "run"
    script = path.read_text()
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert "set -euo pipefail" in script
    steps = (
        "cargo fmt", "cargo clippy", "-D warnings", "cargo tree", "cargo test",
        "ruff format --check", "ruff check", "run mypy", "mypy.stubtest", "lint-imports", "directory test",
    )  # fmt: skip
    places = [script.rindex(step) for step in steps]
    assert places == sorted(places)
    assert "make --no-print-directory test" in script.splitlines()[-3]


def test_workflow_runs_the_same_script_and_builds_three_wheels():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    jobs = workflow["jobs"]
    assert any(step.get("run") == ".ci/run" for step in jobs["check"]["steps"])
    assert set(jobs["check"]["strategy"]["matrix"]["python"]) == {"3.11", "3.12", "3.13"}
    assert set(jobs["wheel"]["strategy"]["matrix"]["os"]) == {
        "ubuntu-latest",
        "macos-latest",
        "windows-latest",
    }
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert all(re.search(r"@v\d", name) for name in used)
    assert workflow["permissions"] == {"contents": "read"}


def test_container_is_built_in_stages_and_runs_without_rights():
    lines = [
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")
    ]
    stages = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) >= 2
    given = dict(re.findall(r"^ARG (\w+)=(\S+)$", "\n".join(lines), re.MULTILINE))
    images = [re.sub(r"\$\{(\w+)\}", lambda arg: given[arg[1]], lines[index].split()[1]) for index in stages]
    assert all(":" in image and not image.endswith(":latest") for image in images)
    last = "\n".join(lines[stages[-1] :])
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "cargo" not in last
    assert "gcc" not in last


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


HARDENED = {
    "init": True,
    "user": "10001:10001",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": 256,
    "mem_limit": "4g",
    "cpus": 2.0,
    "stop_grace_period": "10s",
    "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
}


@pytest.mark.parametrize("key", HARDENED)
def test_every_service_is_hardened(services, key):
    assert len(services) == 2
    assert {name: service.get(key) for name, service in services.items()} == dict.fromkeys(
        services, HARDENED[key]
    )


def test_what_services_may_write_is_small_and_runs_nothing(services):
    for service in services.values():
        (mount,) = service["tmpfs"]
        assert mount.startswith("/tmp:size=")
        assert set(mount.partition("size=")[2].split(",")[1:]) == {"nosuid", "nodev", "noexec"}
        assert not {"privileged", "volumes", "devices", "cap_add", "pid", "ipc"} & set(service)


def test_the_dashboard_is_published_on_this_machine_only_and_watched(services):
    dashboard, cli = services["dashboard"], services["cli"]
    assert dashboard["ports"] == ["127.0.0.1:5006:5006"]
    assert "/liveness" in dashboard["healthcheck"]["test"][-1]
    assert cli["network_mode"] == "none"
    assert "ports" not in cli
    assert cli["profiles"] == ["cli"]


YAML_RULES = "{extends: relaxed, rules: {line-length: {max: 120}}}"


@pytest.mark.parametrize(
    "command",
    [
        ("hadolint", "Dockerfile"),
        ("compose-lint", "docker-compose.yml"),
        ("yamllint", "-s", "-d", YAML_RULES, "docker-compose.yml", ".github"),
    ],
    ids=lambda command: command[0],
)
def test_container_files_pass_their_linters(command):
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"{command[0]} is not installed for this platform")
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_container_serves_as_make_does():
    plan = make_plan("serve", "PORT=5006")
    served = (ROOT / "Dockerfile").read_text().replace('", "', " ").replace('", \\\n     "', " ")
    for option in ("panel serve app", "--liveness", *re.findall(r"--allow-websocket-origin \S+", plan)):
        assert option in served


def test_every_shipped_agent_has_its_place_in_the_docs():
    page = (ROOT / "docs" / "api" / "shelf.rst").read_text()
    shown = set(re.findall(r"automodule:: agents\.(\w+)", page))
    assert shown == {path.stem for path in python_files("agents")} - {"__init__", "base", "human"}


def test_architecture_names_places_that_exist():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = re.findall(r"`((?:engine_rs|market_sim|agents|app|docs|tests)(?:/[\w/.]*)?)`", page)
    assert len(places) >= 10
    assert [place for place in places if not (ROOT / place).exists()] == []
