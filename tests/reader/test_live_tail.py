"""Seamless means: as fresh as what was heard, filled by the venue where nothing was, closed candles alone, nothing twice."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import WrongWorld
from qmd_platform.lake.store import Lake
from qmd_platform.live.log import Log
from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Window, instant
from qmd_platform.reader import Range, Read, Source, filling, read, strategies
from qmd_platform.venues.streams.records import HeardCandle
from tests.reader.worlds import HOUR, NOW, SERIES, World, at, span

EDGE = span("11:00", "11:55")


def reading(home: Path, played: World, **options: Any) -> Read:
    given = {"start": HOUR.start, "end": at("12:10"), "home": home, "now": NOW, "url": played.sandbox.url}
    return read(SERIES, **(given | options))


def said(candles: Candles, *, lower: float = 0.0) -> list[HeardCandle]:
    """What a collector would have written down of ``candles``."""
    rows = zip(
        *(getattr(candles, name).tolist() for name in ("open_at", "open", "high", "low", "close", "volume")),
        strict=True,
    )
    return [
        HeardCandle(SERIES, at_, open_ - lower, high, low, close, volume, True, at_ + 60_000, at_ + 60_050)
        for at_, open_, high, low, close, volume in rows
    ]


def listened(home: Path, played: World, *windows: Window, world: str = "sandbox", lower: float = 0.0) -> None:
    log = Log(home / "live", world=world)
    for window in windows:
        log.append(said(played.truth(window), lower=lower))


def test_what_a_collector_has_heard_is_read_and_nobody_is_asked(played: World):
    home = played.home("heard", EDGE)
    listened(home, played, span("11:50", "12:00"))
    played.fails()
    found = reading(home, played)
    assert found.rows.equals(played.truth(HOUR))
    assert played.asked == 0
    assert found.provenance.ranges == (
        Range(EDGE, Source.LAKE, 55, version=1),
        Range(span("11:55", "12:00"), Source.LIVE, 5, detail="log"),
    )
    assert found.provenance.outcome.is_met
    with Lake.open(home / "lake") as lake:
        assert len(lake.candles(SERIES)) == 55, "a read does not take the log into the lake"


def test_what_the_collector_missed_is_fetched_and_nothing_is_there_twice(played: World):
    home = played.home("half heard", EDGE)
    listened(home, played, span("11:54", "11:57"), span("11:58", "11:59"))
    played.fails()
    found = reading(home, played)
    assert found.rows.equals(played.truth(HOUR))
    assert played.asked == 2
    # The page that brings what was missed brings what was heard too, and so it is in the lake now.
    (live,) = (one for one in found.provenance.ranges if one.source is Source.LIVE)
    assert live == Range(span("11:55", "12:00"), Source.LIVE, 5, detail="venue")


def test_the_lake_has_the_say_where_it_and_the_log_both_have_a_candle(played: World):
    home = played.home("contradicted", EDGE)
    listened(home, played, span("11:50", "12:00"), lower=1.0)
    found = reading(home, played)
    true = played.truth(HOUR)
    assert found.rows.within(EDGE).equals(true.within(EDGE))
    assert (found.rows.open[55:] == true.open[55:] - 1.0).all()


def test_a_candle_that_was_heard_as_closed_counts_before_our_clock_says_so(played: World):
    home = played.home("early", span("11:00", "11:59"))
    listened(home, played, span("11:59", "12:00"))
    found = reading(home, played, now="2026-03-05T12:00:00.300Z")
    assert found.rows.open_at.tolist()[-1] == at("11:59")
    assert found.provenance.outcome.staleness_s == pytest.approx(0.3)


def test_other_strategies_read_the_lake_alone(played: World):
    home = played.home("lake alone", EDGE)
    listened(home, played, span("11:50", "12:00"))
    found = reading(home, played, strategy="fail_fast", on_missing="allow")
    assert len(found) == 55


def test_a_log_of_the_other_world_is_not_mixed_in(played: World):
    home = played.home("other world", EDGE)
    listened(home, played, span("11:50", "12:00"), world="live")
    with pytest.raises(WrongWorld, match="live candles"):
        reading(home, played)


def test_a_venue_that_omits_silent_minutes_may_leave_the_newest_ones_open(played: World):
    home = played.folder / "omitting"
    window = Window(at("08:00"), at("12:10"))
    found = read("bitfinex:SOL/USD:1m", window.start, window.end, home=home, now=NOW, url=played.sandbox.url)
    assert found.provenance.outcome.is_met
    assert {run.state.value for run in found.provenance.runs} <= {"present", "verified_empty", "missing"}
    again = read("bitfinex:SOL/USD:1m", window.start, window.end, home=home, now=NOW, url=played.sandbox.url)
    assert again.rows.equals(found.rows)
    assert again.provenance.data_version == found.provenance.data_version


def test_what_closes_while_a_backfill_takes_its_time_is_read_too(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.folder / "long"
    played.fails()
    clock = played.sandbox.clock
    monkeypatch.setattr(strategies, "_now", clock.now)
    filled = filling.fill

    def slowly(*given: Any) -> list[str]:
        failures = filled(*given)
        if clock.now() == instant(NOW):
            played.sandbox.move_clock("2026-03-05T12:02:30Z")
        return failures

    monkeypatch.setattr(filling, "fill", slowly)
    try:
        found = read(SERIES, start=HOUR.start, end=at("12:10"), home=home, url=played.sandbox.url)
        assert found.rows.equals(played.truth(span("11:00", "12:02")))
        assert [(one.window, one.source) for one in found.provenance.ranges] == [
            (HOUR, Source.BACKFILL),
            (span("12:00", "12:02"), Source.LIVE),
        ]
    finally:
        played.sandbox.move_clock(NOW)


def test_two_readers_of_one_gap_ask_for_it_once(played: World):
    home = played.home("two", span("11:00", "11:20"), span("11:23", "12:00"))
    played.fails()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: reading(home, played), range(2)))
    assert all(one.rows.equals(played.truth(HOUR)) for one in found)
    pages = [line for line in played.sandbox.requests() if line["endpoint"] == "/api/v3/klines"]
    assert len(pages) == 1


def test_what_was_read_can_be_sent_to_another_process(played: World):
    found = reading(played.home("sent", HOUR), played)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own bytes
    assert again.rows.equals(found.rows)
    assert again.provenance == found.provenance
    assert again.provenance.data_version == found.provenance.data_version
