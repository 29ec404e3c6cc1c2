"""What the container may do, key by key, beside tests/test_repository.py; and how to cite the project."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
LAST_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


@pytest.mark.parametrize(
    "setting",
    ["PYTHONSAFEPATH=1", "PYTHONPATH=/srv", "MARKET_SIM_ENGINE=rust", "PYTHONUNBUFFERED=1", "HOME=/tmp"],
)
def test_the_image_sets(setting):
    assert setting in re.search(r"^ENV (.*)$", LAST_STAGE, re.MULTILINE)[1].split()


def test_the_last_stage_installs_what_was_built_and_nothing_from_elsewhere():
    assert "--no-index --find-links /wheels" in LAST_STAGE
    assert not re.search(r"apt-get|curl|wget|git clone|ADD |maturin|rustup", LAST_STAGE)
    assert "COPY . " not in DOCKERFILE


def test_images_can_be_given_by_digest():
    given = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert set(given) == {"PYTHON_IMAGE", "RUST_IMAGE"}
    assert all(f"${{{name}}}" in DOCKERFILE for name in given)
    assert "@sha256:" in DOCKERFILE.split("ARG ")[0]


@pytest.mark.parametrize(
    ("option", "value"), [("interval", "30s"), ("timeout", "5s"), ("start_period", "30s"), ("retries", 3)]
)
def test_image_and_service_ask_for_health_alike(option, value):
    flag = f"--{option.replace('_', '-')}={value}"
    assert COMPOSE["services"]["dashboard"]["healthcheck"][option] == value
    assert flag in LAST_STAGE
    asked = "urllib.request.urlopen('http://127.0.0.1:5006/liveness', timeout=4)"
    assert asked in LAST_STAGE
    assert asked in COMPOSE["services"]["dashboard"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("limit", ["MARKET_SIM_MAX_SESSIONS", "MARKET_SIM_MARKET_MB"])
def test_the_dashboard_has_a_cap_on(limit):
    assert int(COMPOSE["services"]["dashboard"]["environment"][limit]) > 0


@pytest.mark.parametrize(
    "flag", ["--websocket-max-message-size", "--unused-session-lifetime", "--check-unused-sessions"]
)
def test_the_server_bounds(flag):
    value = re.search(rf'"{flag}", (?:\\\n\s*)?"(\d+)"', LAST_STAGE)
    assert value is not None
    assert 0 < int(value[1]) <= 8 * 2**20


def test_no_origin_is_open_to_everybody():
    origins = re.findall(r'"--allow-websocket-origin", "([^"]+)"', LAST_STAGE)
    assert origins
    assert not [origin for origin in origins if "*" in origin]


def test_every_service_has_an_image_with_a_tag_and_a_policy_to_restart():
    services = COMPOSE["services"]
    assert {service["image"] for service in services.values()} == {"market-sim:local"}
    assert (services["dashboard"]["restart"], services["cli"]["restart"]) == ("unless-stopped", "no")
    assert "docker.sock" not in str(COMPOSE)


def test_the_build_sees_only_what_it_needs():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    assert {name for group in copied for name in group.split()} == allowed


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "type"} <= set(cited)
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
