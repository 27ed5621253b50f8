"""A week of 60 markets on six venues: every candle accounted for, with hardly a request more than it takes."""

import itertools
import time
from collections.abc import Iterator

import pytest

from qmd_platform.coverage.causes import AGREED
from qmd_platform.ingest.instruments import instruments
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.acceptance import week
from tests.acceptance.week import HOUR, MARKETS, STEP, TAIL, WEEK, Lived, beginning
from tests.acceptance.week_reckoned import accounted, known_from, least
from tests.conformance import figures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("simulated week")]

MOST = 1.05
"""So many times the least number of requests may be made."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """The week, lived through once for all tests."""
    with beginning(tmp_path_factory.mktemp("week")) as lived:
        began = time.monotonic()
        lived.live()
        lived.seconds = time.monotonic() - began
        yield lived


def runs(lived: Lived, market: Market, window: Window) -> list[Run]:
    return lived.lake.coverage(Series.candles(market, Timeframe.M1), window)


def asks(lived: Lived, market: Market, window: Window) -> set[int]:
    """How often what is not there of ``window`` was asked for."""
    return {one.asks for one in lived.lake.attempts(Series.candles(market, Timeframe.M1), window)}


def test_every_candle_is_accounted_for_and_hardly_a_request_was_too_many(lived: Lived):
    markets = [market for of_venue in MARKETS.values() for market in of_venue]
    assert (len(MARKETS), len(set(markets))) == (6, 60)
    account, need = accounted(lived), least()
    made = len(lived.sandbox.requests())
    figures.record(
        "simulated week",
        "sqlite+disk",
        trials=1,
        lost=len(account.wrong),
        markets=len(markets),
        candles=account.candles,
        requests=made,
        minimum=need.total(),
        seconds=round(lived.seconds),
    )
    assert account.wrong == []
    assert account.candles == len(markets) * WEEK.steps(STEP)
    assert not {"missing", "quarantined"} & account.states.keys()
    assert need.total() <= made <= MOST * need.total(), (made, need)


def test_a_hole_that_is_never_filled_is_looked_at_with_longer_and_longer_waits(lived: Lived):
    (run,) = runs(lived, week.NEVER_FILLED, week.HOLE)
    assert (run.state, run.cause) == (State.VERIFIED_EMPTY, AGREED)
    looks = sorted(
        {
            line["at"]
            for line in lived.sandbox.requests()
            if line.get("market") == str(week.NEVER_FILLED)
            and line["start"] <= week.HOLE.start
            and week.HOLE.end <= line["end"]
        }
    )
    assert asks(lived, week.NEVER_FILLED, week.HOLE) == {len(looks)}
    waits = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert all(wait >= HOUR << 2 * number for number, wait in enumerate(waits))
    assert len(looks) == 1 + 4, "first as a part of a page; the fifth look is due after the week"


def test_a_hole_that_is_filled_days_later_is_in_the_lake_at_the_next_look(lived: Lived):
    (run,) = runs(lived, week.FILLED_LATER, week.LATER_HOLE)
    assert run.state is State.PRESENT
    assert asks(lived, week.FILLED_LATER, week.LATER_HOLE) == set()


def test_a_venue_that_is_down_for_hours_leaves_nothing_behind_but_failed_runs(lived: Lived):
    assert lived.down >= 1
    for market in MARKETS[week.DOWN]:
        (run,) = runs(lived, market, week.OUTAGE.snapped(STEP) or WEEK)
        assert run.state is State.PRESENT


def test_minutes_without_trades_that_a_venue_prints_are_candles(lived: Lived):
    series = Series.candles(week.FLAT, Timeframe.M1)
    flat = lived.lake.candles(series, week.FLAT_WINDOW)
    assert len(flat) == week.FLAT_WINDOW.steps(STEP)
    assert not flat.volume.any()


def test_candles_that_the_venue_corrects_a_little_later_are_revised(lived: Lived):
    revised = [one for one in lived.lake.ledger.revisions() if one.partition.series.market == week.CORRECTED]
    assert [one.open_at for one in revised] == list(range(week.CORRECTION.start, week.CORRECTION.end, STEP))
    assert len(revised) <= TAIL


@pytest.mark.parametrize("market", [week.GONE, week.OLD_NAME], ids=str)
def test_after_a_market_ended_its_candles_are_verified_empty_and_then_unlisted(lived: Lived, market: Market):
    ended = week.DELISTED_AT if market == week.GONE else week.RENAMED_AT
    known = known_from(ended)
    instrument = instruments(lived.lake, market.venue)[market.symbol]
    assert not instrument.active
    assert instrument.delisted_at == known
    states = [(run.window, run.state) for run in runs(lived, market, Window(ended, WEEK.end))]
    assert states[0] == (Window(ended, known), State.VERIFIED_EMPTY)
    assert {state for _, state in states[1:]} == {State.UNLISTED}


@pytest.mark.parametrize("market", [week.NEW, week.NEW_NAME], ids=str)
def test_a_market_that_is_listed_in_the_week_is_held_from_its_first_candle(lived: Lived, market: Market):
    listed = week.LISTED_AT if market == week.NEW else week.RENAMED_AT
    assert {run.state for run in runs(lived, market, Window(WEEK.start, listed))} == {State.UNLISTED}
    assert {run.state for run in runs(lived, market, Window(listed, WEEK.end))} == {State.PRESENT}
