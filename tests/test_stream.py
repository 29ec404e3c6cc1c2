import random
from statistics import fmean

import pytest

from market_sim.engine import stream_seed
from market_sim.stream import Stream

DRAWS = 40_000
GOLDEN_INTEGERS = [80, 692, 229, 198, 8]
GOLDEN_UNIFORM = 0.29042311197444104
GOLDEN_EXPONENTIAL = 1.048027092591428
GOLDEN_NORMAL = 9.907698508465359


def test_the_first_draws_of_a_stream_never_change():
    stream = Stream(stream_seed(7, "agent", "noise-1"))
    assert [stream.below(1000) for _ in range(5)] == GOLDEN_INTEGERS
    assert stream.random() == GOLDEN_UNIFORM
    assert stream.expovariate(2.0) == GOLDEN_EXPONENTIAL
    assert stream.gauss(10.0, 3.0) == GOLDEN_NORMAL


def test_streams_of_different_names_differ_and_the_same_name_repeats():
    one, again, other = (Stream(stream_seed(7, "agent", name)) for name in ("a", "a", "b"))
    first = [one.random() for _ in range(10)]
    assert first == [again.random() for _ in range(10)]
    assert first != [other.random() for _ in range(10)]


def test_the_exponential_is_an_exponential():
    stream = Stream(1)
    draws = [stream.expovariate(4.0) for _ in range(DRAWS)]
    assert fmean(draws) == pytest.approx(0.25, rel=0.02)
    assert fmean(x * x for x in draws) == pytest.approx(2 / 16, rel=0.05)
    # P(X > 3 means) = exp(-3): beyond the first whole steps of the algorithm.
    assert sum(x > 0.75 for x in draws) / DRAWS == pytest.approx(0.0498, abs=0.004)


def test_the_normal_is_a_normal():
    stream = Stream(2)
    draws = [stream.gauss() for _ in range(DRAWS)]
    assert fmean(draws) == pytest.approx(0, abs=0.02)
    assert fmean(x * x for x in draws) == pytest.approx(1, rel=0.03)
    assert fmean(x**4 for x in draws) == pytest.approx(3, rel=0.06)
    assert sum(abs(x) > 1.959964 for x in draws) / DRAWS == pytest.approx(0.05, abs=0.004)
    assert sum(abs(x) < 0.1 for x in draws) / DRAWS == pytest.approx(0.0797, abs=0.005)
    assert stream.normalvariate(5, 0) == 5


def test_only_comparisons_and_plain_arithmetic_are_used(monkeypatch):
    def forbidden(*_):
        raise AssertionError("a transcendental function was called")

    for name in ("_log", "_exp", "_cos", "_sin"):
        monkeypatch.setattr(random, name, forbidden, raising=False)
    stream = Stream(3)
    draws = [stream.expovariate, stream.gauss, stream.normalvariate, stream.random, stream.triangular]
    for _ in range(200):
        for draw in draws:
            draw()
        assert 0 <= stream.below(10) < 10
        assert 1 <= stream.uniform(1, 2) <= 2
    assert stream.portable


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("lognormvariate", (0, 1)),
        ("gammavariate", (2, 1)),
        ("betavariate", (1, 2)),
        ("paretovariate", (1,)),
        ("weibullvariate", (1, 1)),
        ("vonmisesvariate", (0, 1)),
    ],
)
def test_distributions_that_need_transcendentals_are_owned_up_to(name, arguments):
    stream = Stream(4)
    getattr(stream, name)(*arguments)
    assert not stream.portable
