"""Listings, delistings and renames while a lake is filled, by the sandbox's clock."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import UnknownMarket
from qmd_platform.ingest.instruments import instruments, refresh
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from tests.ingest.accounts import BITFINEX, SPOT, USDM, Played

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
        # The list says that the old name is over, though not since when: what its venue lacks after its end is no gap.
        (after,) = played.windows(NEW, State.VERIFIED_EMPTY, DAYS)
        assert (after.start, played.windows(NEW, State.MISSING, DAYS)) == (GOES, [])
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


def test_a_market_that_is_gone_stays_delisted_when_one_beside_it_is_new(tmp_path: Path):
    new, listed = of_venue("bitfinex")
    gone = {"market": str(BITFINEX), "delisted_at": GOES}
    with serving(now=COMES - MINUTE, listings=[listed, gone]) as sandbox, Lake.open(tmp_path) as lake:
        refresh(lake, "bitfinex", run_id="before", url=sandbox.url)
        sandbox.move_clock(GOES + 10 * MINUTE + 30_000)
        played = Played(lake, sandbox)
        played.fill([BITFINEX, new], DAYS)
        told = instruments(lake, "bitfinex")
        assert told[new.symbol].delisted_at is None
        assert not told[BITFINEX.symbol].active
        assert told[BITFINEX.symbol].delisted_at is not None
        assert int(played.held(BITFINEX).open_at[-1]) < GOES


def test_a_market_that_is_back_is_asked_for_a_month_it_was_thought_delisted_in(tmp_path: Path):
    gone = {"market": str(SPOT), "delisted_at": COMES}
    april = Window.of("2026-04-01", "2026-04-02")
    with serving(now=GOES, listings=[gone]) as sandbox, Lake.open(tmp_path) as lake:
        refresh(lake, "binance", run_id="gone", url=sandbox.url)
        sandbox.move_clock(april.end + 30_000)
        played = Played(lake, sandbox)
        played.fill([SPOT], april)
        assert played.windows(SPOT, State.UNLISTED, april) == [april]
    with serving(now=april.end + 30_000) as sandbox, Lake.open(tmp_path) as lake:
        refresh(lake, "binance", run_id="back", url=sandbox.url)
        played = Played(lake, sandbox)
        played.fill([SPOT], april)
        assert played.windows(SPOT, State.PRESENT, april) == [april]


def test_an_end_that_is_only_announced_proves_no_silence(tmp_path: Path):
    announced = {"market": str(USDM), "delisted_at": GOES + 7 * 1440 * MINUTE}
    silent = Window(GOES - 60 * MINUTE, GOES)
    gap = {"kind": "gap", "market": str(USDM), "start": silent.start, "end": silent.end}
    with serving(now=GOES + 30_000, listings=[announced]) as sandbox, Lake.open(tmp_path) as lake:
        sandbox.plan_faults([gap])
        played = Played(lake, sandbox)
        played.fill([USDM], Window(silent.start - 300 * MINUTE, GOES))
        assert played.windows(USDM, State.MISSING, DAYS) == [silent]
