"""Candles as WebSockets say them are those that the market has at that instant, whatever befalls it."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.events import Events, Restatement, Silence, Terms
from qmd_platform.sandbox.market import trading
from qmd_platform.sandbox.streams.candles import Candle, CandlesNow
from qmd_platform.sandbox.universe import Listing, listings

_START = instant("2026-11-20T12:00:00Z")
_FIELDS = ("open_at", "open", "high", "low", "close", "volume", "quote", "trades", "taker", "taker_quote")
_LISTED = {str(one.market): one for one in listings()}
_QUIET = Window(_START + 3 * MINUTE, _START + 5 * MINUTE)


def _numbers(candle: Candle | None) -> list[int] | None:
    return None if candle is None else [getattr(candle, name) for name in _FIELDS]


def _shown(listing: Listing, timeframe: Timeframe, at: int) -> list[int] | None:
    open_at = at // timeframe.step * timeframe.step
    rows = trading(listing, timeframe.step, open_at, open_at + 1, at)
    return [int(getattr(rows, name)[0]) for name in _FIELDS] if len(rows) else None


@pytest.mark.parametrize(
    "listing",
    [
        _LISTED["binance:BTC/USDT"],
        _LISTED["bitfinex:ETH/USDT:USDT"],
        _LISTED["kraken:BTC/USD"],
        replace(_LISTED["gate:BTC/USDT"], listed_at=_START + 90_000),
        replace(_LISTED["okx:BTC/USDT"], events=Events(delisted_at=_START + 4 * MINUTE)),
        replace(_LISTED["bybit:BTC/USDT"], events=Events(silences=(Silence(_QUIET),))),
        replace(_LISTED["binance:BTC/USDT"], events=Events(restatements=(Restatement(_QUIET, 5, _START + 270_500),))),
    ],
    ids=["busy", "omitting", "flat", "born", "gone", "silent", "restated"],
)
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, Timeframe.H1])
def test_a_candle_in_progress_is_the_one_of_the_market(listing: Listing, timeframe: Timeframe) -> None:
    candles = CandlesNow()
    instants = [*range(_START, _START + 8 * MINUTE, 7_000), _START + 61_234]
    said = {at: _numbers(candles.at(listing, timeframe, at)) for at in instants}
    assert said == {at: _shown(listing, timeframe, at) for at in instants}
    assert any(said.values())


@pytest.mark.parametrize("name", ["binance:BTC/USDT", "bitfinex:ETH/USDT:USDT"])
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5])
def test_a_closed_candle_is_the_one_of_the_market(name: str, timeframe: Timeframe) -> None:
    listing, candles = _LISTED[name], CandlesNow()
    ends = range(_START + timeframe.step, _START + 90 * MINUTE, timeframe.step)
    said = [_numbers(candles.closed(listing, timeframe, end)) for end in ends]
    rows = trading(listing, timeframe.step, _START, ends[-1], ends[-1])
    columns = [getattr(rows, one).tolist() for one in _FIELDS]
    assert [one for one in said if one is not None] == [list(row) for row in zip(*columns, strict=True)]


def test_contracts_of_another_size_are_counted_in_their_own() -> None:
    listing = _LISTED["gate:BTC/USDT:USDT"]
    smaller = Terms(_START + MINUTE, contract_size=listing.contract_size / Decimal(10))
    changed = replace(listing, events=Events(terms=(smaller,)))
    candles, plain = CandlesNow(), CandlesNow()
    for end, many in ((_START + MINUTE, 1), (_START + 2 * MINUTE, 10)):
        now, before = candles.closed(changed, Timeframe.M1, end), plain.closed(listing, Timeframe.M1, end)
        assert now is not None
        assert before is not None
        assert (now.volume, now.close) == (before.volume * many, before.close)


def test_the_newest_candles_end_with_the_one_in_progress() -> None:
    listing = _LISTED["bitfinex:BTC/USD"]
    newest = CandlesNow().newest(listing, Timeframe.M1, 30, _START + 90_500)
    opens = np.array([candle.open_at for candle in newest])
    assert opens[-1] == _START + MINUTE
    assert (np.diff(opens) >= MINUTE).all()
    assert opens[0] >= _START - 28 * MINUTE
    assert _numbers(newest[-1]) == _shown(listing, Timeframe.M1, _START + 90_500)
