"""Files of strangers: the first thing that is wrong is named, with its line, before anybody reads further."""

import gzip
from pathlib import Path

import pytest

from market_sim.errors import DataError
from market_sim.replaying.vetting import FORMS, FileLimits, vet
from market_sim.samples import SAMPLES, sample

CLOSES = "date,KO,PEP\n2020-01-02,54.9,135.8\n2020-01-03,54.6,135.6\n"


@pytest.fixture
def looked(tmp_path: Path):
    def look(content: str | bytes, **limits: int):
        file = tmp_path / "anything"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return vet(file, "prices.csv", FileLimits(**limits))

    return look


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_taken_as_text_and_says_what_it_is(looked, name: str) -> None:
    text = gzip.decompress(sample(name).read_bytes())
    seen = looked(text)
    assert seen.form == (name if name in FORMS else "quotes")
    assert seen.rows == text.count(b"\n") - 1
    assert len(seen.symbols) == {"pairs": 2, "triangle": 3, "closes": 2, "bars": 0}.get(name, 1)
    assert seen.last_ns > seen.first_ns


def test_closes_name_their_symbols_and_their_pace(looked) -> None:
    seen = looked(CLOSES)
    assert (seen.form, seen.symbols, seen.rows, seen.step_s) == ("closes", ("KO", "PEP"), 2, 86_400.0)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "the file is empty"),
        (b"PK\x03\x04rest", None, "ZIP archive"),
        (gzip.compress(CLOSES.encode(), mtime=0), None, "packed by gzip"),
        (b"\x80\x04\x95pickled", None, "Python pickle"),
        (b"\x93NUMPY\x01", None, "numpy file"),
        (CLOSES.encode() + b"2020-01-06,54\0,1\n", 4, "zero byte"),
        (CLOSES.encode() + b"2020-01-06,54.\xff,1\n", 4, "byte 15 is no UTF-8"),
        (CLOSES + "2020-01-06," + "1" * 3000 + ",1\n", 4, "too long for a line"),
        (CLOSES + "2020-01-06,nan,1\n", 4, "KO is 'nan'"),
        (CLOSES + "2020-01-06,1,inf\n", 4, "PEP is 'inf'"),
        (CLOSES + "2020-01-06,1,1e309\n", 4, "PEP is '1e309'"),
        (CLOSES + "2020-01-06,1,1e300\n", 4, "more than 1e+12"),
        (CLOSES + "2020-01-06,1,-3\n", 4, "PEP is '-3'"),
        (CLOSES + "2020-01-06,1,=1+1\n", 4, "PEP is '=1+1'"),
        (CLOSES + "2020-01-06,1\n", 4, "2 columns, where 3 are expected"),
        (CLOSES + "2020-01-06,1,2,3\n", 4, "4 columns, where 3 are expected"),
        (CLOSES + "yesterday,1,2\n", 4, "'yesterday' is no time"),
        (CLOSES + "2019-01-06,1,2\n", 4, "before the row above"),
        (CLOSES + '2020-01-06,"1",2\n', 4, "quotation marks"),
        ("date,KO,KO\n2020-01-02,1,2\n", 1, "column 'ko' is there twice"),
        ("date,,KO\n2020-01-02,1,2\n", 1, "column 2 has no name"),
        ("date,KO\n", 1, "there is a header, and no row"),
        ("name,colour\nrose,red\n", 1, "no known form"),
        ("time,symbol,price,funding_rate\n1,A,1,1\n", None, "derivatives"),
        ("time,symbol,bid,ask\n" + "".join(f"2020-01-02,S{k},1,2\n" for k in range(20)), 2, "20 symbols"),
        ("date," + ",".join(f"S{k}" for k in range(60)) + "\n", 1, "61 columns"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(looked, content, line: int | None, words: str) -> None:
    with pytest.raises(DataError) as error:
        looked(content)
    assert words in error.value.what
    assert error.value.line == line
    assert str(error.value).startswith("prices.csv")


def test_limits_of_size_and_rows_are_named(looked) -> None:
    with pytest.raises(DataError, match=r"0.0 MB are too many. Up to 0.0 MB"):
        looked(CLOSES, size_bytes=10)
    with pytest.raises(DataError, match="more than 2 rows"):
        looked(CLOSES + "2020-01-06,1,2\n2020-01-07,1,2\n", rows=2)


def test_a_path_is_never_told(looked, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        looked(CLOSES + "2020-01-06,x,2\n")
    assert str(tmp_path) not in str(error.value)
