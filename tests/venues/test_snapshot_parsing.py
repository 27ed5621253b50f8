"""Answers about contracts as they are now and about open interest: documented and recorded ones, and what is none."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import BadPage
from qmd_platform.funding.predictions import from_accrual
from qmd_platform.venues import open_interest_parsing, snapshot_parsing
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.snapshot_parsing import State
from qmd_platform.venues.transport import Answer

DATE = {"Date": "Thu, 07 Jan 2021 12:00:01 GMT"}

PREMIUM = b"""[{"symbol": "BTCUSDT", "markPrice": "45802.81129892", "indexPrice": "45745.47701915",
    "estimatedSettlePrice": "45133.91753671", "lastFundingRate": "0.00063521", "interestRate": "0.00010000",
    "nextFundingTime": "1621267200000", "time": "1621252344001"},
    {"symbol": "BTCUSDT_210625", "markPrice": "46000.1", "indexPrice": "45745.4", "estimatedSettlePrice": "45133.9",
     "lastFundingRate": "", "interestRate": "", "nextFundingTime": 0, "time": 1621252344001}]"""
"""Of a comment of ccxt 4.5.90, and a dated future as the documentation has it."""

TICKERS = b"""{"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "list": [{"symbol": "BTCUSDT",
    "bidPrice": "19255", "askPrice": "19255.5", "lastPrice": "19255.50", "markPrice": "19255.00", "indexPrice": "19260.68",
    "openInterest": "48069.549", "fundingRate": "0.0001", "nextFundingTime": "1663689600000", "deliveryTime": "0"}]},
    "retExtInfo": null, "time": 1663670053454}"""
"""Of a comment of ccxt 4.5.90, recorded in September 2022."""

RATES = b"""{"code": "0", "data": [{"fundingRate": "0.00027815", "fundingTime": "1634256000000", "instId": "BTC-USD-SWAP",
    "instType": "SWAP", "nextFundingRate": "0.00017", "nextFundingTime": "1634284800000", "ts": "1634250000123"}], "msg": ""}"""
INTEREST = b"""{"code": "0", "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "oi": "2125419", "oiCcy": "21254.19",
    "ts": "1664005108969"}], "msg": ""}"""
MARKS = b"""{"code": "0", "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "markPx": "19255.1", "ts": "1664005108969"}]}"""
STATUS = b"""[["tBTCF0:USTF0", 1691165059000, null, 29297.851276225, 29277.5, null, 36950860.76010306, null, 1691193600000,
    0.00000527, 82, null, 0.00014548, null, null, 29278.8925, null, null, 9636.07644994, null, null, null, 0.0005, 0.0025]]"""
"""Recorded, in a comment of ccxt 4.5.90: 259 seconds into the eight hours."""

DECODERS: dict[str, tuple[Callable[[str, Answer], list[State]], bytes]] = {
    "binance": (snapshot_parsing.binance, PREMIUM),
    "bybit": (snapshot_parsing.bybit, TICKERS),
    "okx rates": (snapshot_parsing.okx_rates, RATES),
    "okx marks": (snapshot_parsing.okx_marks, MARKS),
    "okx interest": (snapshot_parsing.okx_interest, INTEREST),
    "bitfinex": (snapshot_parsing.bitfinex, STATUS),
}
HISTORIES: dict[str, tuple[open_interest_parsing.Decoder, bytes]] = {
    # Of comments of ccxt 4.5.90.
    "binance": (
        open_interest_parsing.binance,
        b"""[{"symbol": "BTCUSDT", "sumOpenInterest": "75375.61700000", "sumOpenInterestValue": "3248828883.71251440",
              "timestamp": 1642179900000}]""",
    ),
    "bybit": (
        open_interest_parsing.bybit,
        b"""{"retCode": 0, "retMsg": "OK", "result": {"symbol": "BTCUSDT", "category": "linear", "list": [
             {"openInterest": "64757.62400000", "timestamp": "1669571400000"},
             {"openInterest": "64700.5", "timestamp": "1669571100000"}], "nextPageCursor": ""}, "time": 1672053548579}""",
    ),
    "gate": (
        open_interest_parsing.gate,
        b"""[{"long_liq_size": "0", "lsr_account": "3.2808988764045", "mark_price": "0.34619", "time": "1674057000",
              "open_interest_usd": "9872386.7775", "open_interest": "2851725", "lsr_taker": "9.3765153315902"}]""",
    ),
}


def answered(body: bytes) -> Answer:
    return Answer(200, DATE, body)


def one(name: str) -> State:
    decode, body = DECODERS[name]
    return decode(name.partition(" ")[0], answered(body))[0]


def test_binance_s_last_rate_is_the_one_the_next_settlement_will_have():
    first, dated = snapshot_parsing.binance("binance", answered(PREMIUM))
    assert (first.at, first.next_at, first.rate) == (1621252344001, 1621267200000, 0.00063521)
    assert (first.mark, first.index) == (45802.81129892, 45745.47701915)
    assert dated.next_at == 0, "a dated future settles nothing"
    assert np.isnan(dated.rate)


def test_bybit_s_tickers_have_open_interest_in_base_and_older_ones_no_interval():
    found = one("bybit")
    assert (found.at, found.next_at, found.rate) == (1663670053454, 1663689600000, 0.0001)
    assert (found.mark, found.index, found.contracts) == (19255.0, 19260.68, 48069.549)
    assert np.isnan(found.hours)


def test_okx_s_interval_is_the_time_between_the_next_two_settlements():
    found = one("okx rates").beside(one("okx marks")).beside(one("okx interest"))
    assert (found.contract, found.rate, found.hours) == ("BTC-USD-SWAP", 0.00027815, 8.0)
    assert (found.at, found.counted_at, found.next_at) == (1634250000123, 1664005108969, 1634256000000)
    assert (found.mark, found.contracts, found.base) == (19255.1, 2125419.0, 21254.19)


def test_of_bitfinex_s_status_every_field_is_read_behind_the_key():
    found = one("bitfinex")
    assert (found.contract, found.at, found.next_at) == ("tBTCF0:USTF0", 1691165059000, 1691193600000)
    assert (found.accrued, found.mark, found.index, found.contracts) == (0.00000527, 29278.8925, 29277.5, 9636.07644994)
    assert np.isnan(found.rate), "neither what has accrued nor what was settled last is what comes next"


def test_the_index_is_the_coin_s_price_not_the_contract_s_own():
    found, row = one("bitfinex"), json.loads(STATUS)[0]
    assert 1e4 * (found.mark / found.index - 1) == pytest.approx(0.48, abs=0.01)
    assert 1e4 * (found.mark / row[3] - 1) == pytest.approx(-6.47, abs=0.01), "the mistake, which ccxt makes"
    theirs: Any = exchange_class("bitfinex")()
    assert theirs.safe_number(row, 3) == row[3] != found.index


@pytest.mark.parametrize(("name", "key"), [("binance", "symbol"), ("bybit", "symbol"), ("okx rates", "instId")])
def test_ccxt_reads_the_same_rate_and_the_same_next_settlement(name: str, key: str):
    body = json.loads(DECODERS[name][1])
    row = (body if isinstance(body, list) else body.get("data") or body["result"]["list"])[0]
    exchange: Any = exchange_class(name.partition(" ")[0])()
    theirs = exchange.parse_funding_rate(row)
    assert (theirs["fundingRate"], theirs["fundingTimestamp"]) == (one(name).rate, one(name).next_at)
    assert row[key] == one(name).contract


@pytest.mark.shared
def test_the_recorded_contract_of_gate_is_read_too(recordings: Path):
    text = (recordings / "docsamples_gate/GetContract.txt").read_text()
    body = b"[" + text[text.index("{") :].encode() + b"]"
    (found,) = snapshot_parsing.gate("gate", answered(body))
    assert (found.contract, found.next_at, found.rate, found.hours) == ("BTC_USDT", 1610035200000, 0.002053, 8.0)
    assert (found.mark, found.index, found.contracts) == (37985.6, 37954.92, 5223816.0)
    assert found.at == found.counted_at == 1610020801000, "of the Date header: the list has no time in it"
    with pytest.raises(BadPage, match="no Date"):
        snapshot_parsing.gate("gate", Answer(200, {}, body))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "marks", "is_young"),
    [
        ("docsamples_bitfinex/GetDerivativesStatus.txt", [0.7664], True),
        ("rest_samples_xchange/example-status-data.json", [8413.376666666667, 162.16], False),
    ],
)
def test_the_recorded_states_of_bitfinex_are_read_too(
    recordings: Path, name: str, marks: list[float], *, is_young: bool
):
    text = (recordings / name).read_text()
    found = snapshot_parsing.bitfinex("bitfinex", answered(text[text.index("[") :].encode()))
    assert [state.mark for state in found] == marks
    seen, settles = (np.array([getattr(state, at) for state in found]) for at in ("at", "next_at"))
    accrued, hours = np.array([state.accrued for state in found]), np.full(len(found), 8.0)
    expected = from_accrual(accrued, seen, settles, hours)
    assert np.isnan(expected).all() == is_young, "the documented one was taken 22 seconds after a settlement"
    assert is_young or (np.abs(expected) < 0.01).all()


@pytest.mark.shared
def test_the_recorded_message_of_bitfinex_s_stream_is_no_state_here(recordings: Path):
    body = (recordings / "docsamples_bitfinex/GetDerivativesStatusHistory.txt").read_text()
    with pytest.raises(BadPage, match="not states"):
        snapshot_parsing.bitfinex("bitfinex", answered(body[body.index("[") :].encode()))


@pytest.mark.parametrize(
    ("venue", "size", "base", "quote"),
    [
        ("binance", "1", [75375.617], [3248828883.7125144]),
        ("bybit", "1", [64700.5, 64757.624], [np.nan, np.nan]),
        ("gate", "0.0001", [285.1725], [9872386.7775]),
    ],
)
def test_open_interest_over_time_is_sorted_and_in_base_coins(
    venue: str, size: str, base: list[float], quote: list[float]
):
    decode, body = HISTORIES[venue]
    found = decode(venue, body, Fraction(size))
    assert found.base.tolist() == base
    np.testing.assert_array_equal(found.quote, quote)
    assert (np.diff(found.at) > 0).all()


NOT_ANSWERS = [b"", b"<html>", b"null", b'"x"', b"[[]]", b"[{}]", b"[1]", b'{"code":"1","data":[]}', b'{"retCode":1}']


@pytest.mark.parametrize("body", NOT_ANSWERS)
def test_what_is_no_answer_is_refused_with_its_first_bytes(body: bytes):
    for name, (decode, _) in DECODERS.items():
        with pytest.raises(BadPage) as caught:
            decode(name.partition(" ")[0], answered(body))
        assert caught.value.sample == body
    for venue, (read, _) in HISTORIES.items():
        with pytest.raises(BadPage):
            read(venue, body, Fraction(1))


def test_a_cut_answer_is_refused_wherever_it_is_cut():
    for name, (decode, body) in DECODERS.items():
        for cut in range(1, len(body) - 2, 13):
            with pytest.raises(BadPage):
                decode(name, answered(body[:cut]))


def test_a_time_in_seconds_is_refused_and_said_to_be():
    seconds = STATUS.replace(b"1691165059000", b"1691165059")
    with pytest.raises(BadPage, match="in seconds"):
        snapshot_parsing.bitfinex("bitfinex", answered(seconds))
    with pytest.raises(BadPage, match="in seconds"):
        open_interest_parsing.binance(
            "binance", HISTORIES["binance"][1].replace(b"1642179900000", b"1642179900"), Fraction(1)
        )


def test_a_number_that_is_none_and_a_price_of_nothing_are_unsaid_and_nothing_else():
    worse = TICKERS.replace(b'"19255.00"', b'"0"').replace(b'"48069.549"', b'"-"')
    found = snapshot_parsing.bybit("bybit", answered(worse))[0]
    assert np.isnan([found.mark, found.contracts]).all()
    assert (found.rate, found.index) == (0.0001, 19260.68)
