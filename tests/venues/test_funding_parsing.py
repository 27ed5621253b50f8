"""Answers about funding: what the venues print as samples, what others recorded, and what is no page at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import BadPage
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox import dispatch, universe
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.funding import settlements_truth
from qmd_platform.venues import funding_dialects, funding_paging
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.funding_dialects import TABLE, stated_intervals
from qmd_platform.venues.funding_parsing import FundingRows
from qmd_platform.venues.funding_snapshots import collapsed
from qmd_platform.venues.terms import funding_interval

SAMPLES: dict[str, bytes] = {
    # developers.binance.com, GET /fapi/v1/fundingRate
    "binance": b"""[
        {"symbol": "BTCUSDT", "fundingRate": "-0.03750000", "fundingTime": 1570608000000, "markPrice": "34287.54619963"},
        {"symbol": "BTCUSDT", "fundingRate": "0.00010000", "fundingTime": 1570636800000, "markPrice": "34287.54619963"}
    ]""",
    # bybit-exchange.github.io/docs/v5/market/history-fund-rate
    "bybit": b"""{"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "list": [
        {"symbol": "ETHPERP", "fundingRate": "0.0001", "fundingRateTimestamp": "1672041600000"}
    ]}, "retExtInfo": {}, "time": 1672051897447}""",
    # the history of a contract's rates at gate.com/docs/developers/apiv4
    "gate": b'[{"t": 1543968000, "r": "0.000157"}]',
    # okx.com/docs-v5, Get funding rate history: what was predicted and what was paid
    "okx": b"""{"code": "0", "msg": "", "data": [
        {"instType": "SWAP", "instId": "BTC-USD-SWAP", "fundingRate": "0.018", "realizedRate": "0.017",
         "fundingTime": "1597026383085"}
    ]}""",
    # recorded, in a comment of ccxt 4.5.90
    "bitfinex": b"""[[1691165494000, null, 29278.95838065, 29260.5, null, 36950860.76010305, null, 1691193600000,
        0.00001449, 222, null, 0.00014548, null, null, 29260.005, null, null, 9635.86484562, null, null, null, 0.0005,
        0.0025]]""",
}
READ = {
    "binance": [(1570608000000, -0.0375, 34287.54619963), (1570636800000, 0.0001, 34287.54619963)],
    "bybit": [(1672041600000, 0.0001, None)],
    "gate": [(1543968000000, 0.000157, None)],
    "okx": [(1597026383085, 0.017, None)],
    "bitfinex": [(1691165494000, 0.00014548, 29260.005)],
}


def rows_of(rows: FundingRows) -> list[tuple[int, float, float | None]]:
    marks = [None if np.isnan(mark) else mark for mark in rows.mark.tolist()]
    return list(zip(rows.at.tolist(), rows.rate.tolist(), marks, strict=True))


@pytest.mark.parametrize("venue", SAMPLES)
def test_the_documented_samples_are_read_position_by_position(venue: str):
    rows = TABLE[venue].decode(venue, SAMPLES[venue])
    assert rows_of(rows) == READ[venue]
    assert rows.next_at.tolist() == ([1691193600000] if venue == "bitfinex" else [0] * len(rows))


@pytest.mark.parametrize("venue", SAMPLES)
def test_ccxt_reads_the_same_rates_in_the_samples(venue: str):
    exchange: Any = exchange_class(venue)()
    body = json.loads(SAMPLES[venue])
    rows = body if isinstance(body, list) else body.get("data") or body["result"]["list"]
    if venue in {"binance", "bitfinex"}:
        theirs = [exchange.parse_funding_rate_history(row)["fundingRate"] for row in rows]
    else:  # the others read a row inside the request
        key = {"gate": "r", "okx": "realizedRate", "bybit": "fundingRate"}[venue]
        theirs = [exchange.safe_number(row, key) for row in rows]
    assert [rate for _, rate, _ in READ[venue]] == theirs


@pytest.mark.shared
def test_the_recorded_samples_are_read_too(recordings: Path):
    def sample(name: str) -> bytes:
        text = (recordings / name).read_text()
        return text[text.index("[") :].encode()

    gate = TABLE["gate"].decode("gate", sample("docsamples_gate/GetFundingRateHistory.txt"))
    assert rows_of(gate) == [(1543968000000, 0.000157, None)]
    snapshot = TABLE["bitfinex"].decode("bitfinex", sample("docsamples_bitfinex/GetDerivativesStatusHistory.txt"))
    assert rows_of(snapshot) == [(1570578776000, 0.0, 8192.823333333334)]
    assert snapshot.next_at.tolist() == [1570579200000]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("venue", "folder", "rows", "jumps"),
    [
        ("bybit", "bybit_perp_2024/TRB_USDT_USDT-8h-funding_rate.json", 399, {4: 397, 16: 1}),
        ("bybit", "bybit_perp_2024/BTC_USDT_USDT-8h-funding_rate.json", 300, {8: 299}),
    ],
)
def test_recorded_settlements_come_back_as_they_were_and_no_interval_is_made_up(
    recordings: Path, venue: str, folder: str, rows: int, jumps: dict[int, int]
):
    """TRB settles every four hours though its file says eight; three settlements are missing, and stay so."""
    stored = json.loads((recordings / folder).read_bytes())
    page = [{"fundingRateTimestamp": str(int(at)), "fundingRate": repr(rate)} for at, rate, *_ in reversed(stored)]
    body = json.dumps({"retCode": 0, "retMsg": "OK", "result": {"list": page}}).encode()
    whole = Window(int(stored[0][0]), int(stored[-1][0]) + 1)
    found = funding_paging.settlements_of(venue, TABLE[venue].decode(venue, body), whole)
    assert len(found) == rows
    assert found.settled_at.tolist() == [int(row[0]) for row in stored]
    assert found.rate.tolist() == [row[1] for row in stored]
    hours, counts = np.unique(np.diff(found.settled_at) // 3_600_000, return_counts=True)
    assert dict(zip(hours.tolist(), counts.tolist(), strict=True)) == jumps


@pytest.mark.shared
def test_recorded_stamps_some_milliseconds_late_are_the_minute_they_belong_to(recordings: Path):
    lines = (
        recordings / "funding_multi_venue" / "BTC-USDT_binance_2020-01-01_2024-01-01_funding_history.csv"
    ).read_text()
    recorded = [line.split(",") for line in lines.splitlines()[1:]]
    # The file's clock is three hours ahead of UTC, as its README says.
    at = [int(np.datetime64(when.replace(" ", "T"), "ms").astype(np.int64)) - 3 * 3_600_000 for _, when, _ in recorded]
    body = json.dumps([{"fundingTime": t, "fundingRate": row[2]} for t, row in zip(at, recorded, strict=True)]).encode()
    rows = TABLE["binance"].decode("binance", body)
    found = funding_paging.settlements_of("binance", rows, Window(min(at) - 60_000, max(at) + 60_000))
    assert len(found) == 4383
    assert (np.diff(found.settled_at) == 8 * 3_600_000).all()
    assert found.rate.tolist() == [float(row[2]) for row in recorded]


@pytest.mark.parametrize(("coin", "hours"), [("BTC", 8), ("SOL", 4), ("DOGE", 1)])
def test_of_a_page_of_snapshots_each_settlement_comes_once_with_what_was_paid(coin: str, hours: int):
    now = instant("2026-11-20T12:34:56Z")
    query = {"start": str(now - 5 * 86_400_000), "limit": "5000", "sort": "1"}
    body = dispatch.answer(Exchange(universe.listings()), f"/v2/status/deriv/t{coin}F0:USTF0/hist", query, now).body
    found = collapsed(TABLE["bitfinex"].decode("bitfinex", body))
    paid = settlements_truth(Market("bitfinex", f"{coin}/USDT:USDT"), Window(now - 5 * 86_400_000, now), now)
    assert len(found) == 5 * 24 // hours
    assert found.settled_at.tolist() == paid.settled_at.tolist()
    assert found.rate.tolist() == paid.rate.tolist()


WHOLE = {venue: body.decode() for venue, body in SAMPLES.items()}


@pytest.mark.parametrize("venue", SAMPLES)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"{}", b'"x"', b"[[]]", b"[{}]", b"[1]", b'{"code":"1","data":[]}', b'{"retCode":1}'],
)
def test_what_is_no_page_is_refused_with_its_first_bytes_and_never_an_empty_page(venue: str, body: bytes):
    with pytest.raises(BadPage) as caught:
        TABLE[venue].decode(venue, body)
    assert caught.value.sample == body


@pytest.mark.parametrize("venue", SAMPLES)
def test_a_cut_answer_is_refused_wherever_it_is_cut(venue: str):
    for cut in range(1, len(SAMPLES[venue]) - 1, 7):
        with pytest.raises(BadPage):
            TABLE[venue].decode(venue, SAMPLES[venue][:cut])


@pytest.mark.parametrize(
    ("venue", "instead"),
    [
        ("binance", ("1570608000000", "1570608000")),
        ("bybit", ("1672041600000", "1672041600")),
        ("gate", ("1543968000", "1543968000000")),
        ("okx", ("1597026383085", "-1")),
        ("bitfinex", ("1691165494000", "1691165494")),
        ("bitfinex", ("1691193600000", "null")),
        ("bitfinex", ("1691165494000", "1691165494000.5")),
    ],
)
def test_seconds_where_there_are_milliseconds_are_no_time(venue: str, instead: tuple[str, str]):
    with pytest.raises(BadPage):
        TABLE[venue].decode(venue, WHOLE[venue].replace(*instead).encode())


@pytest.mark.parametrize("venue", SAMPLES)
def test_no_rows_are_no_rows(venue: str):
    empty = {"okx": b'{"code":"0","data":[],"msg":""}', "bybit": b'{"retCode":0,"result":{"list":[]}}'}
    assert len(TABLE[venue].decode(venue, empty.get(venue, b"[]"))) == 0


@pytest.mark.parametrize(
    ("text", "rate"),
    [('"-0.0375"', -0.0375), ("0.5", 0.5), ('"1e-7"', 1e-7), ('""', None), ("null", None), ("true", None)],
)
def test_a_rate_that_is_no_number_is_nan_and_costs_its_row_alone(text: str, rate: float | None):
    body = b'[{"t":1543968000,"r":"0.1"},{"t":1543996800,"r":%s}]' % text.encode()
    found = TABLE["gate"].decode("gate", body).rate
    assert found[0] == 0.1
    assert np.isnan(found[1]) if rate is None else found[1] == rate


def test_the_oldest_rows_of_binance_have_no_mark():
    body = b'[{"fundingTime":1570608000000,"fundingRate":"0.1","markPrice":""},{"fundingTime":1570636800000,"fundingRate":"0.1"}]'
    assert np.isnan(TABLE["binance"].decode("binance", body).mark).all()


@pytest.mark.parametrize(
    ("venue", "info", "hours"),
    [
        ("gate", {"funding_interval": 14400}, 4.0),
        ("gate", {"funding_interval": "28800"}, 8.0),
        ("bybit", {"fundingInterval": "60"}, 1.0),
        ("bybit", {"fundingInterval": 0}, None),
        ("bybit", {"fundingInterval": "x"}, None),
        ("gate", {}, None),
        ("binance", {"fundingInterval": 60}, None),
    ],
)
def test_an_interval_is_read_where_the_list_of_contracts_states_it(
    venue: str, info: dict[str, Any], hours: float | None
):
    assert funding_interval(venue, {"swap": True, "info": info}) == hours
    assert funding_interval(venue, {"swap": False, "info": info}) is None
    assert funding_interval(venue, {"swap": True}) is None


def test_an_interval_is_read_where_the_venue_states_it_elsewhere():
    body = b'[{"symbol":"BLZUSDT","adjustedFundingRateCap":"0.025","fundingIntervalHours":4,"disclaimer":false}]'
    assert stated_intervals("binance", body) == {"BLZUSDT": 4.0}
    body = b'{"code":"0","data":[{"instId":"A-USDT-SWAP","fundingTime":"1700000000000","nextFundingTime":"1700007200000"}]}'
    assert stated_intervals("okx", body) == {"A-USDT-SWAP": 2.0}
    for venue in funding_dialects.INTERVALS:
        with pytest.raises(BadPage, match="does not state intervals"):
            stated_intervals(venue, b"<html>")
