"""Listings, delistings and renames while a lake is filled, by the sandbox's clock."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import UnknownMarket
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from tests.ingest.accounts import Played

NEW = Market("binance", "NEW/USDT")
NEWER = Market("binance", "NEWER/USDT")
COMES, GOES = instant("2026-03-04T08:37:00Z"), instant("2026-03-05T03:00:00Z")
LISTED = {"market": str(NEW), "like": "binance:LINK/USDT", "listed_at": COMES}
RENAMED = LISTED | {"delisted_at": GOES, "renamed_to": str(NEWER)}
DAYS = Window.of("2026-03-04", "2026-03-06")


def of_venue(venue: str) -> tuple[Market, dict[str, object]]:
    market = Market(venue, "NEW/USD" if venue == "bitfinex" else "NEW/USDT")
    like = f"{venue}:ETH/USD" if venue == "bitfinex" else f"{venue}:ETH/USDT"
    return market, {"market": str(market), "like": like, "listed_at": COMES}


@pytest.mark.parametrize("venue", ["binance", "gate", "bitfinex"])
def test_a_window_that_starts_before_the_listing_brings_every_candle_since(tmp_path: Path, venue: str):
    market, listed = of_venue(venue)
    with serving(now=instant("2026-03-05T12:00:30Z"), listings=[listed]) as sandbox, Lake.open(tmp_path) as lake:
        played = Played(lake, sandbox)
        played.fill([market], DAYS)
        true = played.truth(market, DAYS)
        assert int(true.open_at[0]) == COMES
        assert played.held(market).equals(true)
        assert played.windows(market, State.UNLISTED, DAYS) == [Window(DAYS.start, COMES)]
        assert played.windows(market, State.MISSING, DAYS) == []
        played.assert_conserved([market])


def test_a_market_that_is_not_listed_yet_is_unknown_until_it_is(tmp_path: Path):
    with serving(now=COMES - MINUTE, listings=[LISTED]) as sandbox, Lake.open(tmp_path) as lake:
        played = Played(lake, sandbox)
        with pytest.raises(UnknownMarket):
            played.fill([NEW], DAYS)
        sandbox.move_clock(COMES + 10 * MINUTE + 30_000)
        played.fill([NEW], DAYS)
        assert played.held(NEW).open_at.tolist() == [COMES + n * MINUTE for n in range(10)]


def test_a_renamed_market_is_held_under_both_names_each_for_its_time_and_its_prices_go_on(tmp_path: Path):
    with serving(now=GOES - MINUTE + 30_000, listings=[RENAMED]) as sandbox, Lake.open(tmp_path) as lake:
        played = Played(lake, sandbox)
        played.fill([NEW], DAYS)
        sandbox.move_clock(GOES + 600 * MINUTE + 30_000)
        played.fill([NEW, NEWER], DAYS)
        old, new = played.held(NEW), played.held(NEWER)
        assert old.equals(played.truth(NEW, DAYS))
        assert new.equals(played.truth(NEWER, DAYS))
        assert (int(old.open_at[-1]), int(new.open_at[0])) == (GOES - MINUTE, GOES)
        assert np.isclose(old.close[-1], new.open[0], atol=0.011)
        assert played.windows(NEWER, State.UNLISTED, DAYS) == [Window(DAYS.start, GOES)]
        assert played.windows(NEW, State.VERIFIED_EMPTY, DAYS) == []
        played.assert_conserved([NEW, NEWER])


@pytest.mark.parametrize("name", ["binance:NEW/USDT:USDT", "gate:NEW/USDT", "gate:NEW/USDT:USDT"])
def test_after_a_delisting_whose_date_the_venue_states_there_is_nothing_to_look_for(tmp_path: Path, name: str):
    market = Market.parse(name)
    like = name.replace("NEW", "ETH")
    listed = {"market": name, "like": like, "listed_at": COMES, "delisted_at": GOES}
    with serving(now=GOES + 600 * MINUTE + 30_000, listings=[listed]) as sandbox, Lake.open(tmp_path) as lake:
        played = Played(lake, sandbox)
        (receipt,) = played.fill([market], DAYS)
        true = played.truth(market, DAYS)
        assert (int(true.open_at[0]), int(true.open_at[-1])) == (COMES, GOES - MINUTE)
        assert played.held(market).equals(true)
        assert receipt.is_complete
        assert played.windows(market, State.MISSING, DAYS) == []
        before, after = played.windows(market, State.UNLISTED, DAYS)
        assert (before, after.start) == (Window(DAYS.start, COMES), GOES)
        played.assert_conserved([market])
        asked = len(played.pages(market))
        played.fill([market], DAYS)
        assert len(played.pages(market)) == asked
