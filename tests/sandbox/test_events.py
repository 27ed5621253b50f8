"""What befalls markets: gaps, holes, restatements, listings, delistings, renames; and that all of it is consistent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant, iso
from qmd_platform.sandbox.server import running, serving
from qmd_platform.sandbox.state import State

Get = Callable[..., Any]
NOW = "2026-11-20T12:34:56Z"
SPOT = Market("binance", "BTC/USDT")
BITFINEX = Market("bitfinex", "BTC/USD")
DAY = Window.of("2026-11-20", "2026-11-20T12:00:00Z")


def truth(state: State, market: Market, timeframe: Timeframe = Timeframe.M1, window: Window = DAY) -> Any:
    return state.truth(market, timeframe, window)


def state_of(*faults: dict[str, object], **options: Any) -> State:
    return State({"now": NOW, "faults": faults, **options})  # type: ignore[typeddict-item]  # options of State


def gap(market: Market, first: int, last: int, **more: object) -> dict[str, object]:
    start = DAY.start
    return {"kind": "gap", "market": str(market), "start": start + first * MINUTE, "end": start + last * MINUTE, **more}


@given(first=st.integers(-5, 700), length=st.integers(1, 200), step=st.sampled_from(["5m", "1h", "4h"]))
def test_longer_candles_of_a_gap_are_made_of_the_minutes_that_are_left(first: int, length: int, step: str):
    timeframe = Timeframe(step)
    state = state_of(gap(SPOT, first, first + length))
    whole, left = truth(state_of(), SPOT), truth(state, SPOT)
    minutes = (whole.open_at - DAY.start) // MINUTE
    kept = (minutes < first) | (minutes >= first + length)
    assert left.equals(whole.take(kept))
    longer = truth(state, SPOT, timeframe)
    buckets = left.open_at // timeframe.step * timeframe.step
    assert longer.open_at.tolist() == sorted(set(buckets.tolist()))
    for at, high, low in zip(longer.open_at, longer.high, longer.low, strict=True):
        assert high == left.high[buckets == at].max()
        assert low == left.low[buckets == at].min()


def test_a_flat_gap_stands_at_the_last_close_with_volume_nothing():
    whole, flat = truth(state_of(), SPOT), truth(state_of(gap(SPOT, 100, 160, flat=True)), SPOT)
    assert flat.open_at.tolist() == whole.open_at.tolist()
    inside = slice(100, 160)
    for name in ("open", "high", "low", "close"):
        assert set(getattr(flat, name)[inside].tolist()) == {float(whole.close[99])}
    assert set(flat.volume[inside].tolist()) == {0.0}
    assert flat.take(slice(160, None)).equals(whole.take(slice(160, None)))


def test_a_gap_over_the_listing_itself_stands_at_the_first_price():
    late = Market("binance", "LATE/USDT")
    born = instant("2026-10-15T08:37:00Z")
    window = Window(born - 60 * MINUTE, born + 60 * MINUTE)
    flat = [{"kind": "gap", "market": str(late), "start": window.start, "end": born + 30 * MINUTE, "flat": True}]
    whole = truth(state_of(), late, window=window)
    found = truth(state_of(*flat), late, window=window)
    assert found.open_at.tolist() == whole.open_at.tolist()
    assert set(found.close[:30].tolist()) == {float(whole.open[0])}


def test_a_hole_is_of_one_timeframe():
    hole = gap(SPOT, 60, 180) | {"kind": "hole", "timeframe": "1h"}
    assert truth(state_of(hole), SPOT).equals(truth(state_of(), SPOT))
    assert len(truth(state_of(hole), SPOT, Timeframe.H1)) == 10


@pytest.mark.parametrize("market", [SPOT, BITFINEX])
def test_a_restatement_holds_from_its_time_on_and_in_every_timeframe(market: Market):
    restated = gap(market, 60, 180) | {"kind": "restated", "ticks": 7, "since": "2026-11-20T12:40:00Z"}
    state = state_of(restated)
    before = truth(state_of(), market)
    assert truth(state, market).equals(before)
    state.move_clock("2026-11-20T12:40:00Z")
    after = truth(state, market)
    changed = np.flatnonzero(after.close != before.close)
    minutes = (before.open_at[changed] - DAY.start) // MINUTE
    assert set(minutes.tolist()) == {int(m) for m in (before.open_at - DAY.start) // MINUTE if 60 <= m < 180}
    assert len(set(np.round(after.close[changed] - before.close[changed], 9).tolist())) == 1
    hours = truth(state, market, Timeframe.H1)
    assert np.flatnonzero(hours.close != truth(state_of(), market, Timeframe.H1).close).tolist() == [1, 2]


def test_a_restatement_may_wait_for_a_request(get: Get):
    query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": DAY.start, "limit": 3}
    restated = gap(SPOT, 0, 2) | {"kind": "restated", "from_request": 3}
    with running(now=NOW, faults=[restated]) as url:
        closes = [[row[4] for row in get(url, "/api/v3/klines", **query).json()] for _ in range(4)]
        get(url, "/__sandbox/reset", method="POST")
        assert [row[4] for row in get(url, "/api/v3/klines", **query).json()] == closes[0]
    assert closes[0] == closes[1] != closes[2] == closes[3]
    assert closes[0][2] == closes[2][2]


LISTED = {"market": "binance:NEW/USDT", "like": "binance:LINK/USDT"}
COMES, GOES = "2026-11-20T06:00:00Z", "2026-11-20T09:00:00Z"
RENAMED = LISTED | {"listed_at": COMES, "delisted_at": GOES, "renamed_to": "binance:NEWER/USDT"}


def symbols(get: Get, url: str) -> dict[str, str]:
    listed = get(url, "/api/v3/exchangeInfo").json()["symbols"]
    return {one["symbol"]: one["status"] for one in listed if one["symbol"].startswith("NEW")}


def test_a_market_is_listed_delisted_and_renamed_by_the_sandboxs_clock(get: Get):
    with serving(now="2026-11-20T05:59:59Z", listings=[RENAMED]) as sandbox:
        assert symbols(get, sandbox.url) == {}
        sandbox.move_clock(COMES)
        assert symbols(get, sandbox.url) == {"NEWUSDT": "TRADING"}
        sandbox.move_clock(GOES)
        assert symbols(get, sandbox.url) == {"NEWUSDT": "BREAK", "NEWERUSDT": "TRADING"}
        query = {"interval": "1h", "startTime": DAY.start, "limit": 1000}
        sandbox.move_clock(NOW)
        old = get(sandbox.url, "/api/v3/klines", symbol="NEWUSDT", **query).json()
        new = get(sandbox.url, "/api/v3/klines", symbol="NEWERUSDT", **query).json()
    assert [iso(row[0])[11:13] for row in old] == ["06", "07", "08"]
    assert [iso(row[0])[11:13] for row in new] == ["09", "10", "11", "12"]
    # Its prices go on: an open is the last close, give or take a tick.
    assert abs(float(old[-1][4]) - float(new[0][1])) < 0.011


@pytest.mark.parametrize(
    ("market", "path", "shown"),
    [
        ("binance:ETH/USDT:USDT", "/fapi/v1/exchangeInfo", "SETTLING"),
        ("gate:ETH/USDT", "/api/v4/spot/currency_pairs", "untradable"),
        ("gate:ETH/USDT:USDT", "/api/v4/futures/usdt/contracts", '"in_delisting":true'),
        ("bitfinex:ETH/USD", "/v2/conf/pub:info:pair", None),
    ],
)
def test_a_delisted_market_is_shown_as_its_venue_does(get: Get, market: str, path: str, shown: str | None):
    with serving(now=NOW) as sandbox:
        before = get(sandbox.url, path).body.decode()
        got = get(
            sandbox.url,
            "/__sandbox/listings",
            method="POST",
            body=f'[[listing]]\nmarket = "{market}"\ndelisted_at = "{GOES}"',
        )
        assert got.status == 200
        after = get(sandbox.url, path).body.decode()
        day = sandbox.truth(Market.parse(market), Timeframe.H1, DAY)
    assert int(day.open_at[-1]) == instant(GOES) - Timeframe.H1.step
    if shown is None:
        assert len(after) < len(before)
    else:
        assert shown not in before
        assert after.count(shown) == 1


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"market": "binance:NO/SUCH"}, "lists no market binance:NO/SUCH.*like = "),
        ({"market": "binance:NO/SUCH", "like": "binance:NOR/THIS"}, "makes no prices of binance:NOR/THIS"),
        ({"market": str(SPOT), "delisted_at": "2010-01-01"}, "delisted_at must be after listed_at"),
        ({"market": str(SPOT), "renamed_to": "binance:XBT/USDT"}, "renamed_to needs delisted_at"),
        ({"market": str(SPOT), "delisted_at": GOES, "renamed_to": "binance:ETH/USDT"}, "is listed already"),
        ({"market": str(SPOT), "delisted_at": GOES, "renamed_to": "gate:XBT/USDT"}, "not of the venue and kind"),
        ({"market": str(SPOT), "listed": GOES}, "unknown key 'listed'.*listed_at"),
        ({"market": str(SPOT), "listed_at": "2026-11-20T09:00:00"}, "has no time zone"),
    ],
)
def test_a_wrong_listing_is_refused_with_its_place(tmp_path: Path, entry: dict[str, str], says: str):
    with pytest.raises(ConfigError, match=f"listings: listing 1: .*{says}"):
        State({"listings": [entry]})
    file = tmp_path / "listings.toml"
    file.write_text("[[listing]]\n" + "\n".join(f'{key} = "{value}"' for key, value in entry.items()))
    with pytest.raises(ConfigError, match=str(file)):
        State({"listings": file})
