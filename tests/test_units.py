from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_sim.units import (
    UnitsError,
    duration_ns,
    exact_decimal,
    format_duration,
    format_time,
    from_atoms,
    parse_duration,
    to_atoms,
)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("3ns", 3),
        ("50us", 50_000),
        ("50µs", 50_000),
        ("250ms", 250_000_000),
        ("2s", 2_000_000_000),
        ("10m", 600_000_000_000),
        ("1h", 3_600_000_000_000),
        ("1d", 86_400_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5s", 1_500_000_000),
        ("0.1us", 100),
        (" 7 ms ", 7_000_000),
        ("0s", 0),
    ],
)
def test_durations_are_read_to_the_nanosecond(text, ns):
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    "text", ["", "5", "ms", "5 parsecs", "-1s", "1s2", "0.1ns", "1.0000000001s", "200000d"]
)
def test_what_is_no_duration_is_refused_with_its_text(text):
    with pytest.raises(UnitsError) as raised:
        parse_duration(text)
    assert repr(text) in str(raised.value)
    assert raised.value.remedy


@given(st.integers(0, 2**62))
def test_a_written_duration_is_read_back(ns):
    assert parse_duration(format_duration(ns)) == ns


def test_a_duration_without_unit_must_be_a_whole_number_of_nanoseconds():
    assert duration_ns(17) == 17
    for value in (0.5, True, None):
        with pytest.raises(UnitsError, match="is no duration"):
            duration_ns(value)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "00:00:00"),
        (3_661_000_000_000, "01:01:01"),
        (1_500_000_000, "00:00:01.500"),
        (1, "00:00:00.000000001"),
    ],
)
def test_simulated_time_for_people(ns, text):
    assert format_time(ns) == text


def test_a_float_means_the_decimal_it_prints():
    assert exact_decimal(0.1) == Decimal("0.1")
    assert exact_decimal("0.10") == Decimal("0.1")
    assert exact_decimal(7) == 7
    for bad in ("ten", True, float("nan"), float("inf"), None):
        with pytest.raises(UnitsError):
            exact_decimal(bad)


@given(st.integers(-(10**18), 10**18), st.integers(0, 18))
def test_atoms_and_amounts_convert_exactly(atoms, decimals):
    assert to_atoms(Decimal(atoms).scaleb(-decimals), decimals) == atoms
    assert from_atoms(atoms, decimals) == float(Decimal(atoms).scaleb(-decimals))


def test_an_amount_finer_than_an_atom_is_refused():
    with pytest.raises(UnitsError, match=r"0\.001 USD is no whole number of atoms.*2 decimals"):
        to_atoms("0.001", 2, "USD")
