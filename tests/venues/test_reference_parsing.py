"""Answers about mark, index and premium as the venues' documentation prints them, read field by field."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.basis import Prices, basis
from qmd_platform.errors import BadPage
from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.quality.reference_rules import kept_out
from qmd_platform.venues import reference_parsing
from qmd_platform.venues.reference_dialects import TABLE
from qmd_platform.venues.reference_parsing import Decoder
from qmd_platform.venues.reference_snapshots import Snapshots, candles, decoded
from tests.acceptance.recordings import recorded_candles

BINANCE = b"""[[1591256460000, "9653.29201333", "9654.56401333", "9653.07367333", "9653.07367333", "0 ", 1591256519999, "0",
 60, "0", "0", "0"]]"""
PREMIUM = b"""[[1691603820000, "-0.00042931", "-0.00023641", "-0.00059406", "-0.00043659", "0", 1691603879999, "0", 12, "0",
 "0", "0"]]"""
BYBIT = b"""{"retCode": 0, "retMsg": "OK", "result": {"symbol": "BTCUSDT", "category": "linear", "list": [["1670608800000",
 "17164.16", "17164.16", "17121.5", "17131.64"]]}, "retExtInfo": {}, "time": 1672026361839}"""
OKX = b"""{"code": "0", "msg": "", "data": [["1597026383085", "3.721", "3.743", "3.677", "3.708", "1"],
 ["1597026383000", "3.731", "3.799", "3.494", "3.72", "1"]]}"""
GATE = b'[{"t": 1539852480, "c": "1.032", "h": "1.04", "l": "1.02", "o": "1.03"}]'
GATE_TRADED = b'[{"t": 1539852480, "v": 97151, "c": "1.032", "h": "1.04", "l": "1.02", "o": "1.03", "sum": "3580"}]'

READ: list[tuple[Decoder, bytes, list[float]]] = [
    (reference_parsing.binance, BINANCE, [1591256460000, 9653.29201333, 9654.56401333, 9653.07367333, 9653.07367333]),
    (reference_parsing.binance, PREMIUM, [1691603820000, -0.00042931, -0.00023641, -0.00059406, -0.00043659]),
    (reference_parsing.bybit, BYBIT, [1670608800000, 17164.16, 17164.16, 17121.5, 17131.64]),
    (reference_parsing.okx, OKX, [1597026383000, 3.731, 3.799, 3.494, 3.72]),
    (reference_parsing.gate, GATE, [1539852480000, 1.03, 1.04, 1.02, 1.032]),
    (reference_parsing.gate, GATE_TRADED, [1539852480000, 1.03, 1.04, 1.02, 1.032]),
]
EMPTY: list[tuple[Decoder, bytes]] = [
    (reference_parsing.binance, b"[]"),
    (reference_parsing.bybit, b'{"retCode": 0, "result": {"list": []}}'),
    (reference_parsing.okx, b'{"code": "0", "data": []}'),
    (reference_parsing.gate, b"[]"),
]
WRONG = [b"", b"{}", b"<html>", b"[[1]]", b'[{"t": 1}]', b'{"code": "1", "data": []}', b'{"retCode": 1, "result": {}}']


@pytest.mark.parametrize(("decode", "body", "first"), READ)
def test_a_documented_answer_is_read_field_by_field_and_has_no_volume(decode: Decoder, body: bytes, first: list[float]):
    found = decode("venue", body)
    assert [float(getattr(found, name)[0]) for name in ("open_at", *PRICES)] == first
    assert (found.volume == 0).all()
    assert (np.diff(found.open_at) > 0).all()


@pytest.mark.parametrize(("decode", "body"), EMPTY)
def test_an_empty_list_is_an_empty_page(decode: Decoder, body: bytes):
    assert len(decode("venue", body)) == 0


@pytest.mark.parametrize("body", WRONG)
@pytest.mark.parametrize("decode", sorted({one.decode for one in TABLE.values()}, key=lambda one: one.__name__))
def test_anything_else_is_refused_and_never_an_empty_page(decode: Decoder, body: bytes):
    with pytest.raises(BadPage):
        decode("venue", body)


@pytest.mark.parametrize(("decode", "body", "first"), READ)
def test_a_value_that_is_no_number_costs_its_candle_and_not_the_page(decode: Decoder, body: bytes, first: list[float]):
    found = decode("venue", body.replace(str(first[4]).encode(), b"n/a"))
    assert np.isnan(found.close[0])
    assert found.open[0] == first[1]


HISTORY = """[[1570578776000, null, 8194.95, 8196.95, null, 101120.80328179, null, 1570579200000, 0.00021817, 9379, null, 0,
 null, null, 8192.823333333334, null, null, 5174.01444474, null, null, null, 0.0005, 0.0025]]"""


def test_bitfinex_s_mark_and_index_are_at_their_places_and_not_what_the_contract_traded_at():
    for wanted, price in ((Reference.MARK, 8192.823333333334), (Reference.INDEX, 8196.95)):
        found = decoded("bitfinex", HISTORY.encode(), wanted)
        assert (found.at.tolist(), found.price.tolist()) == ([1570578776000], [price])


def test_the_documented_history_of_bitfinex_is_read_the_same(shared_data: Path):
    text = (shared_data / "docsamples_bitfinex" / "GetDerivativesStatusHistory.txt").read_text()
    body = text[text.index("[") :].encode()
    assert decoded("bitfinex", body, Reference.MARK).price.tolist() == [8192.823333333334]


@pytest.mark.parametrize("body", [*WRONG, HISTORY.replace("1570578776000", "1570578776").encode()])
def test_what_is_no_page_of_snapshots_is_refused(body: bytes):
    with pytest.raises(BadPage):
        decoded("bitfinex", body, Reference.MARK)


AT = 1_700_000_000_000 // STEP.step * STEP.step


def taken(*minutes: float) -> Snapshots:
    at = np.array([AT + round(minute * MINUTE) for minute in minutes], np.int64)
    return Snapshots(at, 100 + np.arange(len(minutes), dtype=np.float64))


def test_an_hour_with_enough_snapshots_is_a_candle_of_them():
    found = candles(taken(1, 15, 29, 44, 59))
    assert [float(getattr(found, name)[0]) for name in ("open_at", *PRICES)] == [AT, 100, 104, 100, 104]


@pytest.mark.parametrize("minutes", [(16, 29, 44, 59), (1, 15, 29, 44), (1, 15, 44, 59), (30,), ()])
def test_an_hour_with_more_than_a_quarter_of_an_hour_unseen_is_none(minutes: tuple[float, ...]):
    assert len(candles(taken(*minutes))) == 0


def test_a_snapshot_without_a_price_is_none():
    seen = taken(1, 15, 29, 44, 59)
    seen.price[2] = np.nan
    assert len(candles(seen)) == 0


def as_binance(recorded: Candles) -> bytes:
    rows = zip(*(getattr(recorded, name).tolist() for name in ("open_at", *PRICES)), strict=True)
    return json.dumps(
        [[at, *map(repr, prices), "0", at + STEP.step - 1, "0", 3600, "0", "0", "0"] for at, *prices in rows]
    ).encode()


def as_bybit(recorded: Candles) -> bytes:
    rows = zip(*(getattr(recorded, name).tolist() for name in ("open_at", *PRICES)), strict=True)
    listed = [[str(at), *map(repr, prices)] for at, *prices in rows]
    return json.dumps({"retCode": 0, "result": {"list": listed[::-1]}}).encode()


WRITTEN: list[tuple[str, Callable[[Candles], bytes], Decoder]] = [
    ("freqtrade_testdata/futures/XRP_USDT_USDT-1h-mark.feather", as_binance, reference_parsing.binance),
    ("bybit_perp_2024/BTC_USDT_USDT-4h-mark.json", as_bybit, reference_parsing.bybit),
]


@pytest.mark.parametrize(("file", "wire", "decode"), WRITTEN)
def test_recorded_marks_come_back_bit_for_bit_and_break_no_rule(
    file: str, wire: Callable[[Candles], bytes], decode: Decoder, shared_data: Path
):
    recorded = recorded_candles(shared_data / file)
    found = decode("venue", wire(recorded))
    for name in ("open_at", *PRICES):
        assert getattr(found, name).tolist() == getattr(recorded, name).tolist()
    assert (found.volume == 0).all()
    assert not kept_out(found, Reference.MARK)


def test_recorded_marks_are_within_twenty_basis_points_of_what_was_traded(shared_data: Path):
    folder = shared_data / "freqtrade_testdata" / "futures"
    mark = recorded_candles(folder / "XRP_USDT_USDT-1h-mark.feather")
    traded = recorded_candles(folder / "XRP_USDT_USDT-1h-futures.feather")
    found = basis(Prices(traded, Candles.empty(), mark, Candles.empty()), STEP.step).price_index_bps
    known = found[np.isfinite(found)]
    assert len(known) == 57, "hours that both files have"
    assert 0 < np.abs(known).max() < 20
