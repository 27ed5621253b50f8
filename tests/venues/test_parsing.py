"""Our decoders against the plain reading of the same bytes: json, then float of each text."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import BadPage
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.venues import parsing

ONE = Fraction(1)
TEN_THOUSANDTH = parsing.exact(0.0001)

Row = tuple[int, str, str, str, str, str]
"""Open time in ms and five numbers as text: open, high, low, close, volume."""

amounts = st.one_of(
    st.decimals(0, 10**9, places=8, allow_nan=False).map(lambda d: f"{d:f}"),
    st.integers(0, 10**12).map(str),
    st.floats(1e-12, 1e15, allow_nan=False).map(lambda x: f"{x:.17g}" if x < 1e15 else f"{x:.1f}"),
)
rows = st.lists(st.tuples(st.integers(0, 4 * 10**9).map(lambda s: s * 1000), *[amounts] * 5), max_size=30)


def binance(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [at, o, h, l, c, v, at + 59_999, "1.5", 7, "0.5", "0.25", "0"]


def gate_spot(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [str(at // 1000), "9.9", c, h, l, o, v, "true" if at % 7000 else "false"]


def gate_contract(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return {"t": at // 1000, "v": json.loads(v), "c": c, "h": h, "l": l, "o": o, "sum": "3580"}


class Literal(float):
    """A number printed exactly as it was written."""

    def __new__(cls, text: str) -> Self:
        literal = super().__new__(cls, text)
        literal.text = text  # type: ignore[attr-defined]  # a float that carries its text
        return literal

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]  # a float that carries its text


def bitfinex(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [at, *(Literal(text) for text in (o, c, h, l, v))]


def okx(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [str(at), o, h, l, c, v, "2.5", "9.9", "1" if at % 7000 else "0"]


def okx_swap(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [str(at), o, h, l, c, "628", v, "9.9", "1"]


def bybit(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [str(at), o, h, l, c, v, "15.74462667"]


def kraken(row: Row) -> object:
    at, o, h, l, c, v = row  # noqa: E741 - open, high, low, close as venues write them
    return [at // 1000, o, h, l, c, "3.5", v, 7]


SHAPES: dict[str, tuple[parsing.Decoder, Callable[[Row], object]]] = {
    "binance": (parsing.BINANCE, binance),
    "gate spot": (parsing.GATE_SPOT, gate_spot),
    "gate contracts": (parsing.gate_contracts, gate_contract),
    "bitfinex": (parsing.BITFINEX, bitfinex),
    "okx spot": (parsing.OKX_SPOT, okx),
    "okx swap": (parsing.OKX_SWAP, okx_swap),
    "bybit": (parsing.BYBIT, bybit),
    "kraken": (parsing.KRAKEN, kraken),
}
AROUND = {
    "okx spot": '{"code":"0","msg":"","data":%s}',
    "okx swap": '{"msg":"","data":%s,"code":"0"}',
    "bybit": '{"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSD","list":%s},"retExtInfo":{},"time":1672025956592}',
    "kraken": '{"error":[],"result":{"XXBTZUSD":%s,"last":1688672160}}',
}
"""What the venue writes around the list of rows; nothing for the others."""
shapes = pytest.mark.parametrize("shape", SHAPES)
lists = pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"gate contracts"}))


def body_of(shape: str, page: list[Row]) -> bytes:
    return around(shape, [SHAPES[shape][1](row) for row in page])


def around(shape: str, rows: object) -> bytes:
    return (AROUND.get(shape, "%s") % json.dumps(rows, separators=(",", ":"))).encode()


def list_in(shape: str, body: bytes) -> Any:
    decoded = json.loads(body)
    for key in {"okx spot": ["data"], "okx swap": ["data"], "bybit": ["result", "list"]}.get(shape, []):
        decoded = decoded[key]
    return decoded["result"]["XXBTZUSD"] if shape == "kraken" else decoded


def plainly(page: list[Row]) -> Candles:
    ordered = sorted(page, key=lambda row: row[0])
    columns = [np.array([float(row[i]) for row in ordered], np.float64) for i in range(1, 6)]
    return Candles(np.array([row[0] for row in ordered], np.int64), *columns)


@shapes
@given(page=rows)
def test_a_decoded_page_is_what_float_makes_of_each_text(shape: str, page: list[Row]):
    decode, _ = SHAPES[shape]
    assert decode("venue", body_of(shape, page), ONE).equals(plainly(page))


GOOD: list[Row] = [
    (1_700_000_040_000, "10.5", "12.25", "9.125", "11", "3.7"),
    (1_700_000_100_000, "11", "11", "11", "11", "0"),
    (1_700_000_160_000, "11", "13", "10.00000001", "12.5", "97151"),
]


@shapes
def test_columns_are_contiguous_so_that_arrow_need_not_copy(shape: str):
    candles = SHAPES[shape][0]("venue", body_of(shape, GOOD), ONE)
    assert all(getattr(candles, name).flags.c_contiguous for name in COLUMNS)


@shapes
def test_an_answer_cut_anywhere_is_refused_and_never_an_empty_or_shorter_page(shape: str):
    body = body_of(shape, GOOD)
    for length in range(len(body)):
        with pytest.raises(BadPage):
            SHAPES[shape][0]("venue", body[:length], ONE)


@shapes
def test_an_empty_list_is_an_empty_page(shape: str):
    assert len(SHAPES[shape][0]("venue", around(shape, []), ONE)) == 0


@shapes
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><title>Just a moment...</title>",
        b"",
        b"null",
        b"7",
        b'"[]"',
        b"{}",
        b'{"code":-1121,"msg":"Invalid symbol."}',
        b'{"code":"50011","msg":"Too Many Requests","data":[]}',
        b'{"retCode":10006,"retMsg":"Too many visits!","result":{"list":[]}}',
        b'{"error":["EService:Unavailable"]}',
        b'{"error":["EService:Unavailable"],"result":{"XXBTZUSD":[],"last":0}}',
        b'{"error":[],"result":{"last":0}}',
        b'{"error":[],"result":{"XXBTZUSD":[],"XETHZUSD":[],"last":0}}',
        b"[[]]",
        b"[[],[]]",
        b"[{}]",
        b"[null]",
        b"[1]",
        b'["error",10020,"limit: invalid"]',
        b"[[1700000000000]]",
        b"\xff\xfe[]",
    ],
)
def test_what_is_not_a_page_is_refused_with_its_first_bytes(shape: str, body: bytes):
    with pytest.raises(BadPage, match="venue: ") as caught:
        SHAPES[shape][0]("venue", body, ONE)
    assert caught.value.sample == body[:200]


@shapes
@pytest.mark.parametrize("value", [b"null", b"true", b'"abc"', b'""', b'"1,2"', b"[1]", b'"NaN"', b'"inf"', b'"1e999"'])
def test_a_price_that_is_no_number_costs_its_candle_and_no_other(shape: str, value: bytes):
    body = body_of(shape, GOOD)
    spelled = next(spelled for spelled in (b'"12.25"', b"12.25") if spelled in body)
    good = SHAPES[shape][0]("venue", body, ONE)
    read = SHAPES[shape][0]("venue", body.replace(spelled, value, 1), ONE)
    assert np.array_equal(read.open_at, good.open_at)
    differing = [
        row for row in range(len(good)) if any(getattr(read, name)[row] != getattr(good, name)[row] for name in COLUMNS)
    ]
    assert len(differing) == 1
    values = [getattr(read, name)[differing[0]] for name in COLUMNS[1:]]
    assert not np.isfinite(values).all(), "no rule lets it in"


@lists
def test_a_row_too_long_next_to_one_too_short_is_refused_although_the_sum_fits(shape: str):
    decoded = list_in(shape, body_of(shape, GOOD))
    decoded[0].append(decoded[1].pop())
    with pytest.raises(BadPage, match="elements each"):
        SHAPES[shape][0]("venue", around(shape, decoded), ONE)


@lists
def test_rows_of_another_width_are_refused(shape: str):
    decoded = list_in(shape, body_of(shape, GOOD))
    for wrong in ([row[:-1] for row in decoded], [[*row, 1] for row in decoded], decoded[0], [decoded]):
        with pytest.raises(BadPage):
            SHAPES[shape][0]("venue", around(shape, wrong), ONE)


def test_quotes_where_none_were_promised_are_refused():
    quoted = [[str(value) for value in row] for row in json.loads(body_of("bitfinex", GOOD))]
    with pytest.raises(BadPage, match="quoted"):
        parsing.BITFINEX("bitfinex", json.dumps(quoted).encode(), ONE)


def test_a_contract_row_without_its_volume_is_refused():
    decoded = json.loads(body_of("gate contracts", GOOD))
    del decoded[1]["v"]
    with pytest.raises(BadPage, match="missing required field `v`"):
        parsing.gate_contracts("gate", json.dumps(decoded).encode(), ONE)


@pytest.mark.parametrize("time", ["-60000", "1700000040000.5", "99999999999999999"])
def test_an_open_time_that_is_no_time_is_refused(time: str):
    with pytest.raises(BadPage, match="not a time"):
        parsing.BINANCE("binance", body_of("binance", GOOD).replace(b"[1700000040000,", f"[{time},".encode()), ONE)


@shapes
def test_rows_come_out_sorted_with_repeats_and_strangers_kept(shape: str):
    page = [GOOD[2], GOOD[0], GOOD[0], (60_000, "1", "1", "1", "1", "1"), GOOD[1]]
    candles = SHAPES[shape][0]("venue", body_of(shape, page), ONE)
    times = [60_000, GOOD[0][0], GOOD[0][0], GOOD[1][0], GOOD[2][0]]
    assert candles.open_at.tolist() == times


@given(
    st.integers(0, 2**53 // 10**6),
    st.sampled_from(["0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1000", "0.00001", "0.05", "2.5"]),
)
def test_contracts_become_base_coins_as_exactly_as_a_float_can(contracts: int, size: str):
    page: list[Row] = [(60_000, "1", "1", "1", "1", str(contracts))]
    candles = parsing.gate_contracts("gate", body_of("gate contracts", page), parsing.exact(float(size)))
    assert candles.volume[0] == float(Decimal(contracts) * Decimal(size))


def test_contracts_become_what_multiplying_floats_would_miss():
    page: list[Row] = [(60_000, "1", "1", "1", "1", "23724")]
    candles = parsing.gate_contracts("gate", body_of("gate contracts", page), TEN_THOUSANDTH)
    assert candles.volume[0] == 2.3724
    assert 23724 * 0.0001 != 2.3724


@pytest.mark.shared
def test_recorded_bitfinex_answers_decode_to_what_json_reads_in_them(recordings: Path):
    pages = sorted((recordings / "bitfinex_rest_pages").rglob("*.json"))
    count = empty = 0
    for page in pages:
        body = page.read_bytes()
        candles = parsing.BITFINEX("bitfinex", body, ONE)
        ordered = sorted(json.loads(body))
        plain = [(row[0], float(row[1]), float(row[3]), float(row[4]), float(row[2]), float(row[5])) for row in ordered]
        assert list(zip(*(getattr(candles, name).tolist() for name in COLUMNS), strict=True)) == plain
        count += len(candles)
        empty += not len(candles)
    assert (len(pages), empty, count) == (408, 93, 19_507 + 4_320)


@pytest.mark.shared
def test_recorded_gate_candles_come_back_from_contracts_as_true_decimals(recordings: Path):
    import pyarrow as pa
    from pyarrow import feather

    table = feather.read_table(recordings / "gate_perp_2023" / "BTC_USDT_USDT-5m-futures.feather").slice(0, 2000)
    times = table.column("date").cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    frame = {name: table.column(name).to_pylist() for name in COLUMNS[1:]} | {"open_at": times.to_pylist()}
    page: list[Row] = [
        (at, repr(o), repr(h), repr(lo), repr(c), str(int(v)))
        for at, o, h, lo, c, v in zip(*(frame[name] for name in COLUMNS), strict=True)
    ]
    candles = parsing.gate_contracts("gate", body_of("gate contracts", page), TEN_THOUSANDTH)
    assert candles.close.tolist() == frame["close"]
    exact = [float(Decimal(int(contracts)) / 10_000) for contracts in frame["volume"]]
    assert candles.volume.tolist() == exact
