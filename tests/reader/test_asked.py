"""What a read is asked for: the strategy of who names none, and names and times as they are written."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.lake.store import Lake
from qmd_platform.reader import Sla, aio, candles, coverage, funding, read, read_funding
from tests.reader.worlds import HOUR, MARKET, NOW, World, span

GAP = (span("11:00", "11:20"), span("11:23", "12:00"))


@pytest.mark.parametrize("name", ["read", "candles", "aio.read", "aio.candles"])
def test_who_names_no_strategy_gets_all_there_is_whether_a_read_or_a_frame(name: str, played: World):
    function: Any = {"read": read, "candles": candles, "aio.read": aio.read, "aio.candles": aio.candles}[name]
    home = played.home(name, *GAP)
    options = {"home": home, "now": NOW, "url": played.sandbox.url}
    found = function(f"{MARKET}:1m", HOUR.start, HOUR.end, **options)
    if asyncio.iscoroutine(found):
        found = asyncio.run(found)
    told = found.provenance.document if hasattr(found, "provenance") else found.attrs["qmd"]
    assert (len(found), told["strategy"], told["reason"]) == (60, "seamless", "met")
    assert [one["source"] for one in told["ranges"]] == ["lake", "backfill", "lake"]


def test_who_names_no_strategy_of_a_past_state_gets_the_lake_alone(played: World):
    home = played.home("past", HOUR)
    played.fails()
    with Lake.open(home / "lake") as lake:
        last = lake.ledger.last_commit()
    frame = candles(f"{MARKET}:1m", HOUR.start, HOUR.end, as_of=last, home=home, now=NOW, url=played.sandbox.url)
    assert (len(frame), frame.attrs["qmd"]["strategy"], played.asked) == (60, "fail_fast", 0)


def test_funding_alone_is_fetched_where_it_lacks_too(played: World):
    home = played.folder / "settled"
    frame = funding(f"{MARKET}:USDT", "2026-03-01", "2026-03-02", home=home, now=NOW, url=played.sandbox.url)
    assert (len(frame), frame.attrs["qmd"]["strategy"]) == (3, "seamless")
    awaited = aio.funding(f"{MARKET}:USDT", "2026-03-01", "2026-03-02", home=home, now=NOW, url=played.sandbox.url)
    assert len(asyncio.run(awaited)) == 3


DAYS = ("2026-11-01", "2026-11-02")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("binance:BTC/USDT:7m", *DAYS), "unknown timeframe '7m' .*did you mean 5m.* 1m, 3m"),
        (("binance:BTC/USDT:USDT:1w", *DAYS), "unknown timeframe '1w' .*choose from 1m"),
        (("binance:BTC/USDT:1M", *DAYS), "unknown timeframe '1M'"),
        (("binance:BTC/USDT:15min", *DAYS), "unknown timeframe '15min'"),
        (("binance:BTC/USDT:7m", "1m", *DAYS), "unknown timeframe '7m'"),
        (("binance:BTC/USDT", "7m", *DAYS), "unknown timeframe '7m'"),
        (("binance:BTC/USDT", "7m", DAYS[0]), "unknown timeframe '7m'"),
        (("binance:BTC/USDT", *DAYS), "binance:BTC/USDT has no timeframe .*write binance:BTC/USDT:1m, .*5m, 15m"),
        (("binance:BTC/USDT:USDT", *DAYS), "binance:BTC/USDT:USDT has no timeframe"),
        (("binance:BTC/USDT:USDT", 1_793_491_200_000, 1_793_577_600_000), "has no timeframe"),
        (("binance:BTC/USDT:1m", "5m", *DAYS), "is a series, not a market"),
    ],
    ids=lambda one: one if isinstance(one, str) else " ".join(map(str, one)),
)
def test_a_timeframe_that_is_wrong_or_forgotten_is_what_is_blamed(asked: tuple[Any, ...], says: str):
    for function in (read, candles, coverage):
        with pytest.raises(ConfigError, match=says):
            function(*asked)


MIDNIGHT = 1_772_668_800_000
"""The day of the tests' world, in epoch ms."""


@pytest.mark.parametrize(
    "given",
    [
        np.int64(MIDNIGHT),
        np.datetime64("2026-03-05"),
        np.datetime64("2026-03-05T00:00:00.000000000"),
        date(2026, 3, 5),
        datetime(2026, 3, 5, tzinfo=UTC),
        pd.Timestamp("2026-03-05", tz="Europe/Berlin") + pd.Timedelta("1h"),
        pd.Series(pd.to_datetime(["2026-03-05"], utc=True)).to_numpy(dtype="datetime64[ms]")[0],
    ],
    ids=lambda one: f"{type(one).__module__}.{type(one).__name__}",
)
def test_times_as_frames_give_them_back_are_times(given: Any, played: World):
    home = played.folder / "times"
    if not home.exists():
        played.home("times", span("00:00", "00:02"))
    found = read(
        f"{MARKET}:1m", given, np.int64(MIDNIGHT + 60_000), home=home, now=NOW, as_of=np.int64(1), on_missing="allow"
    )
    assert found.provenance.window == span("00:00", "00:01")
    assert coverage(f"{MARKET}:1m", given, MIDNIGHT + 60_000, home=home, now=given).window is None, "none is closed"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (pd.NaT, "start NaT is not a time"),
        (np.datetime64("NaT"), "is not a time"),
        (np.float64(MIDNIGHT), "is not a time .*epoch ms"),
        (np.True_, "is not a time"),
        (True, "start True is not a time"),
        (pd.Timestamp("2026-03-05"), "no time zone"),
        (np.int64(MIDNIGHT // 1000), "looks like seconds"),
        (np.int64(MIDNIGHT * 1_000_000), "not micro- or nanoseconds"),
        ([MIDNIGHT], "is not a time"),
    ],
    ids=str,
)
def test_what_is_no_time_is_refused_in_words(given: Any, says: str):
    with pytest.raises(ConfigError, match=says):
        read(f"{MARKET}:1m", given, NOW)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"total_s": "5s"}, "total_s is '5s' .*seconds above 0"),
        ({"storage_s": True}, "storage_s is True"),
        ({"backfill_s": [5]}, r"backfill_s is \[5\]"),
        ({"live_s": float("nan")}, "live_s is nan"),
        ({"max_staleness_s": 0}, "max_staleness_s is 0"),
        ({"min_coverage": "0.9"}, "min_coverage is '0.9' .*share from 0 to 1"),
        ({"min_coverage": 99}, "min_coverage is 99"),
        ({"on_violation": ["hold"]}, "cannot .*hold.* choose from raise"),
    ],
    ids=str,
)
def test_an_sla_that_cannot_be_meant_is_refused_in_words(wrong: Any, says: str):
    with pytest.raises(ConfigError, match=says):
        Sla(**wrong)
    assert Sla(total_s=np.float64(5), min_coverage=np.float32(0.5)).limit  # numbers of numpy are numbers


def test_a_window_that_is_all_in_the_future_says_so(played: World):
    home = played.home("future", HOUR)
    played.fails()
    options: Any = {"home": home, "now": NOW, "url": played.sandbox.url}
    for found in (
        read(f"{MARKET}:1m", "2036-03-05", "2036-03-06", **options),
        read_funding(f"{MARKET}:USDT", "2036-03-05", "2036-03-06", **options),
    ):
        outcome = found.provenance.outcome
        assert (len(found), outcome.is_met, played.asked) == (0, True, 0)
        assert outcome.note == "nothing of [2036-03-05T00:00:00Z, 2036-03-06T00:00:00Z) is closed yet"
        assert outcome.note in repr(found)
        assert found.frame.attrs["qmd"]["note"] == outcome.note
    then = read(f"{MARKET}:1m", "2036-03-05", "2036-03-06", as_of=1, **options)
    assert then.provenance.outcome.note.endswith("was closed when that state was made")
    told = coverage(f"{MARKET}:1m", "2036-03-05", "2036-03-06", home=home, now=NOW)
    assert repr(told) == "Coverage(binance:BTC/USDT:1m: no candle is closed yet, so none is expected)"
    held = read(f"{MARKET}:1m", HOUR.start, HOUR.end, **options)
    assert held.provenance.outcome.note == held.frame.attrs["qmd"]["note"] == ""
