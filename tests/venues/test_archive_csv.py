"""Archive files become columns exactly as the API's pages do, or are refused."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ArchiveDamaged
from qmd_platform.model.candles import COLUMNS
from qmd_platform.model.window import instant
from qmd_platform.venues import parsing
from qmd_platform.venues.archive_csv import decoded

AT = instant("2026-10-01")
STEP = 60_000
HEADER = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    b"taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
OLD_HEADER = (
    b"Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
    b"Taker buy base asset volume,Taker buy quote asset volume,Ignore\r\n"
)


def row(at: int = AT, *numbers: str, tail: str = "1,2,3,4,5,0") -> str:
    return ",".join([str(at), *(numbers or ("1.5", "2.5", "0.5", "1.25", "1000.125")), tail])


def text(*rows: str, end: str = "\n") -> bytes:
    return "".join(one + end for one in rows).encode()


TWO = text(row(), row(AT + STEP))


@pytest.mark.parametrize(
    "body",
    [
        TWO,
        HEADER + TWO,
        OLD_HEADER + TWO,
        b"\xef\xbb\xbf" + TWO,
        b"\xef\xbb\xbf" + HEADER + TWO,
        text(row(), row(AT + STEP), end="\r\n"),
        TWO[:-1],
        text(row(AT * 1000), row((AT + STEP) * 1000)),
    ],
    ids=["plain", "header", "old header", "mark", "mark and header", "crlf", "no last line end", "microseconds"],
)
def test_all_ways_in_which_a_file_is_written_give_the_same_candles(body: bytes):
    candles = decoded("binance", "file", body)
    assert candles.open_at.tolist() == [AT, AT + STEP]
    for name, value in zip(COLUMNS[1:], (1.5, 2.5, 0.5, 1.25, 1000.125), strict=True):
        assert getattr(candles, name).tolist() == [value, value]
    assert [getattr(candles, name).dtype for name in COLUMNS] == [np.int64, *[np.float64] * 5]


def test_rows_are_sorted_and_repeats_kept():
    candles = decoded("binance", "file", text(row(AT + STEP), row(AT), row(AT + STEP)))
    assert candles.open_at.tolist() == [AT, AT + STEP, AT + STEP]


def test_the_unit_is_told_row_by_row():
    candles = decoded("binance", "file", text(row(AT), row((AT + STEP) * 1000)))
    assert candles.open_at.tolist() == [AT, AT + STEP]


NUMBERS = st.one_of(
    st.decimals(0, 10**9, places=8, allow_nan=False).map(str),
    st.floats(0, 1e300, allow_nan=False).map(repr),
    st.integers(0, 10**18).map(str),
    st.sampled_from(
        ["0", "0.00000001", "2.2250738585072011e-308", "5e-324", "9007199254740993", "0.1", "1.7976931348623157e308"]
    ),
)


@given(st.lists(st.tuples(*[NUMBERS] * 5), min_size=1, max_size=20))
def test_a_number_is_the_float_that_the_apis_decoder_makes_of_the_same_text(rows: list[tuple[str, ...]]):
    times = [AT + STEP * position for position in range(len(rows))]
    archive = decoded("binance", "file", text(*(row(at, *numbers) for at, numbers in zip(times, rows, strict=True))))
    page = [[at, *numbers, at + STEP - 1, "0", 0, "0", "0", "0"] for at, numbers in zip(times, rows, strict=True)]
    api = parsing.BINANCE("binance", msgspec.json.encode(page), parsing.exact(1.0))
    assert archive.equals(api)
    assert archive.close.tolist() == [float(numbers[3]) for numbers in rows]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "holds no candle"),
        (HEADER, "holds no candle"),
        (b"\n\n", "does not begin with candles"),
        (b"<html><body>Not from here.</body></html>", "does not begin with candles"),
        (b"\x00" * 64, "does not begin with candles"),
        (HEADER.replace(b"open,high", b"high,open") + TWO, "does not begin with candles"),
        (HEADER.replace(b",ignore", b"") + TWO, "does not begin with candles"),
        (TWO + b"1,2\n", "not rows of 12 numbers"),
        (text(row() + ",0"), "not rows of 12 numbers"),
        (text(row(AT, "", "1", "1", "1", "1")), "not rows of 12 numbers"),
        (text(row(AT, "NULL", "1", "1", "1", "1")), "not rows of 12 numbers"),
        (text(row(AT, '"1"', "1", "1", "1", "1")), "not rows of 12 numbers"),
        (text(row(AT, "1_0", "1", "1", "1", "1")), "not rows of 12 numbers"),
        (text(f"{AT}.5" + row()[13:]), "not rows of 12 numbers"),
        (TWO[:-40] + b"\n", "not rows of 12 numbers"),
        (text(row(AT, "nan", "1", "1", "1", "1")), "not a finite number"),
        (text(row(AT, "1", "1", "1", "1", "inf")), "not a finite number"),
        (text(row(AT // 1000)), "not a time"),
        (text(row(AT * 1000 + 1)), "not a time"),
        (text(row(AT * 1_000_000)), "not a time"),
        (text(row(0)), "not a time"),
        (text(row(), row(10**13)), "not a time"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong_and_in_which_file(body: bytes, words: str):
    with pytest.raises(ArchiveDamaged, match=words) as caught:
        decoded("binance", "BTCUSDT-1m-2026-10.csv", body)
    assert "BTCUSDT-1m-2026-10.csv" in str(caught.value)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_else(body: bytes):
    for prefix in (b"", b"1", HEADER, TWO):
        try:
            candles = decoded("binance", "file", prefix + body)
        except ArchiveDamaged:
            continue
        assert len(candles)
        assert (np.diff(candles.open_at) >= 0).all()
