"""The agenda of a real lake and a universe: what is wanted, cut by delisting, and what the ledger knows of it."""

from pathlib import Path

import numpy as np

from qmd_platform.config import Universe, VenueUniverse
from qmd_platform.coverage.agenda import Lacking, Verdict
from qmd_platform.coverage.causes import AGREED, DELISTED, OMITTED, UNPROVEN
from qmd_platform.ingest.agenda import YOUNG_MS, YOUNG_OMITTED_MS, lacking, planned
from qmd_platform.ingest.instruments import keep
from qmd_platform.ingest.survey import surveyed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.venues.port import Instrument

HOUR = 60 * MINUTE
START = instant("2026-11-01")
NOW = instant("2026-11-03T00:00:30Z")
AAA, BBB = Market("binance", "AAA/USDT"), Market("binance", "BBB/USDT")
HOURS = Partition(Series.candles(AAA, Timeframe.H1), "2026-11")
LONG = Partition(Series.candles(AAA, Timeframe.H4), "2026-11")


def universe(*markets: Market, derived: tuple[Timeframe, ...] = ()) -> Universe:
    (venue,) = {market.venue for market in markets}
    return Universe(START, {venue: VenueUniverse(venue, markets, Timeframe.H1, (), derived)}, Path("universe.toml"))


def hours(start: int, length: int) -> Window:
    return Window(START + start * HOUR, START + (start + length) * HOUR)


def put(lake: Lake, asked: Window, *absent: Run, partition: Partition = HOURS, at: int = NOW) -> None:
    """Commit an answer to ``asked``: all is there but what is ``absent``."""
    step = partition.series.timeframe.step
    open_at = np.arange(asked.start, asked.end, step)
    for run in absent:
        open_at = open_at[(open_at < run.window.start) | (open_at >= run.window.end)]
    flat = np.full(len(open_at), 10.0)
    rows = Candles(open_at, flat, flat, flat, flat, flat).to_arrow()
    said = (Answered(asked, at, "publicGetKlines", "00" * 32, len(open_at)),)
    write = Write(partition, rows, asked=(asked,), explained=absent, evidence=said)
    lake.commit([write], run_id="r", source="live:binance")


def instrument(market: Market, **said: object) -> Instrument:
    base = market.symbol.partition("/")[0]
    return Instrument(market.symbol, base, "spot", base, "USDT", "", True, 1.0, 0.1, None, None, "{}", **said)


def windows(found: Lacking) -> list[Window]:
    return [gap.window for gap in found.gaps]


def test_of_an_empty_lake_all_is_wanted_but_what_closed_just_now(lake: Lake):
    (found,) = lacking(lake, universe(AAA), now=NOW)
    assert windows(found) == [hours(0, 47)]
    (fresh,) = lacking(lake, universe(AAA), now=NOW, fresh=True)
    assert windows(fresh) == [hours(0, 48)]
    assert windows(lacking(lake, universe(AAA), now=NOW + YOUNG_MS)[0]) == [hours(0, 48)]


def test_where_candles_without_trades_are_left_out_the_tail_has_longer(lake: Lake):
    market = Market("bitfinex", "AAA/USD")
    assert windows(lacking(lake, universe(market), now=NOW + YOUNG_MS)[0]) == [hours(0, 47)]
    assert windows(lacking(lake, universe(market), now=NOW + YOUNG_OMITTED_MS)[0]) == [hours(0, 48)]


def test_the_venues_clock_says_what_is_closed_and_this_machines_what_is_due(lake: Lake):
    put(lake, hours(0, 10), Run(hours(4, 1), State.MISSING, UNPROVEN), at=NOW)
    (found,) = lacking(lake, universe(AAA), now=NOW + 30_000, venue_time=START + 12 * HOUR + 30_000, fresh=True)
    assert [(gap.window, gap.due_at) for gap in found.gaps] == [
        (hours(4, 1), NOW + MINUTE),
        (hours(10, 2), NOW + 30_000),
    ]


def test_asking_in_vain_makes_the_next_question_wait_longer(lake: Lake):
    waits = []
    at = NOW
    for _ in range(4):
        put(lake, hours(0, 47), Run(hours(4, 1), State.MISSING, UNPROVEN), at=at)
        (gap,) = lacking(lake, universe(AAA), now=NOW)[0].gaps
        assert gap.due_at is not None
        waits.append((gap.due_at - at) // MINUTE)
        at = gap.due_at
    assert waits == [1, 4, 16, 64]


def test_a_hole_in_the_middle_is_the_only_thing_on_the_agenda_until_it_is_filled(lake: Lake):
    put(lake, hours(0, 20))
    put(lake, hours(30, 17))
    found = planned(lake, universe(AAA), now=NOW, budget=10)
    assert [one.windows for one in found.ranges] == [{HOURS.series: [hours(20, 10)]}]
    put(lake, hours(20, 10))
    done = planned(lake, universe(AAA), now=NOW, budget=10)
    assert (done.ranges, done.left) == ([], [])


def test_what_the_venue_leaves_out_by_habit_is_not_on_it_and_what_two_answers_deny_is_looked_at_again(lake: Lake):
    put(
        lake,
        hours(0, 47),
        Run(hours(3, 1), State.VERIFIED_EMPTY, OMITTED),
        Run(hours(9, 1), State.VERIFIED_EMPTY, AGREED),
    )
    (found,) = lacking(lake, universe(AAA), now=NOW)
    assert [(gap.window, gap.due_at) for gap in found.gaps] == [(hours(9, 1), NOW + HOUR)]


def test_a_delisted_market_is_wanted_up_to_its_end_and_again_once_it_is_back(lake: Lake):
    every = [instrument(Market("binance", f"{base}/USDT")) for base in ("AAA", "BBB", "CCC")]
    keep(every, "binance", lake, run_id="r", source="live:binance", at=START)
    gone = hours(10, 1).start + 1
    keep(every[1:], "binance", lake, run_id="r", source="live:binance", at=gone)
    put(lake, hours(0, 5))
    assert windows(lacking(lake, universe(AAA), now=NOW)[0]) == [hours(5, 6)]
    put(lake, hours(5, 42), Run(hours(11, 36), State.UNLISTED, DELISTED))
    assert windows(lacking(lake, universe(AAA), now=NOW)[0]) == []
    keep(every, "binance", lake, run_id="r", source="live:binance", at=NOW)
    assert windows(lacking(lake, universe(AAA), now=NOW)[0]) == [hours(11, 36)]


def test_longer_candles_are_made_where_the_shorter_ones_are_all_settled(lake: Lake):
    wanted = universe(AAA, derived=(Timeframe.H4,))
    put(lake, hours(0, 20), Run(hours(6, 1), State.MISSING, UNPROVEN))
    _, made = lacking(lake, wanted, now=NOW)
    assert (windows(made), made.page_limit) == ([hours(0, 4), hours(8, 12)], 0)
    put(lake, hours(0, 4), partition=LONG)
    assert windows(lacking(lake, wanted, now=NOW)[1]) == [hours(8, 12)]
    found = planned(lake, wanted, now=NOW, budget=1)
    assert {one.table: one.requests for one in found.ranges} == {"candles_1h": 1, "candles_4h": 0}


def test_longer_candles_of_a_market_that_is_back_wait_for_the_shorter_ones(lake: Lake):
    gone = Run(hours(12, 36), State.UNLISTED, DELISTED)
    for partition in (HOURS, LONG):
        put(lake, hours(0, 48), gone, partition=partition)
    shorter, longer = lacking(lake, universe(AAA, derived=(Timeframe.H4,)), now=NOW, fresh=True)
    assert windows(shorter) == [gone.window]
    assert windows(longer) == []


def test_markets_an_orchestrator_has_no_partition_of_are_left_out(lake: Lake):
    found = planned(lake, universe(AAA, BBB), now=NOW, budget=10, order=[BBB])
    assert [one.markets for one in found.ranges] == [(BBB,)]


def test_what_a_run_is_at_is_not_asked_for(lake: Lake):
    found = planned(lake, universe(AAA), now=NOW, budget=10, in_flight={HOURS})
    assert found.ranges == []
    assert [one.verdict for one in found.left] == [Verdict.IN_FLIGHT]


def test_a_month_that_an_archive_has_costs_a_file_and_not_its_pages(lake: Lake):
    minutes = Universe(
        instant("2026-09-01"), {"binance": VenueUniverse("binance", (AAA,), Timeframe.M1, (), ())}, Path("u")
    )
    found = planned(lake, minutes, now=NOW, budget=1000).ranges
    assert sum(one.requests for one in found) == 3 + 3 + 3


def test_the_survey_is_of_the_universe_and_of_what_is_held_besides(lake: Lake):
    other = Partition(Series.candles(BBB, Timeframe.D1), "2026-11")
    put(lake, hours(0, 20))
    put(lake, hours(24, 24), partition=other)
    put(lake, hours(0, 4), partition=LONG)
    lines = surveyed(lake, universe(AAA, derived=(Timeframe.H4,)), now=NOW)
    assert [(line.series, line.total.wanted, line.total.settled) for line in lines] == [
        (HOURS.series, 48, 20),
        (other.series, 1, 1),
    ]
    assert surveyed(lake, universe(AAA), now=NOW, venues={"gate"}) == []
