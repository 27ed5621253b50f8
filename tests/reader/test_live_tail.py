"""Seamless means: as fresh as what was heard, filled by the venue where nothing was, closed candles alone, nothing twice."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import Unmet, WrongWorld
from qmd_platform.lake.store import Lake
from qmd_platform.live.log import Log
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.window import Window, instant
from qmd_platform.reader import Range, Read, Reason, Sla, Source, clocks, filling, read, tail
from qmd_platform.venues.streams.records import HeardCandle
from tests.reader.uis import ui
from tests.reader.worlds import HOUR, NEVER, NOW, OUTAGE, SERIES, World, at, span

BITFINEX = Market("bitfinex", "BTC/USD")
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
        HeardCandle(
            SERIES,
            at_,
            open_ - lower,
            high - lower,
            low - lower,
            close - lower,
            volume,
            True,
            at_ + 60_000,
            at_ + 60_050,
        )
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


def test_what_was_heard_after_the_time_that_is_given_is_not_read(played: World):
    home = played.home("looked ahead", span("11:00", "11:20"))
    listened(home, played, span("11:20", "12:00"))
    found = reading(home, played, now="2026-03-05T11:30:05Z")
    assert found.rows.equals(played.truth(span("11:00", "11:30")))


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


def test_what_was_heard_wrong_is_not_there_and_says_why(played: World):
    home = played.home("heard wrong", span("11:00", "11:58"))
    log = Log(home / "live", world="sandbox")
    good = said(played.truth(span("11:58", "12:00")))
    log.append([replace(good[0], high=good[0].low - 1), good[1]])
    played.fails(OUTAGE)
    with pytest.raises(Unmet, match=r"1 of the candles asked for are not there: \[2026-03-05T11:58") as told:
        reading(home, played)
    found = told.value.read
    assert isinstance(found, Read)
    (refused,) = (run for run in found.provenance.runs if run.state is State.QUARANTINED)
    assert (refused.window, refused.cause[:19]) == (span("11:58", "11:59"), "heard, and refused:")
    assert len(found) == 59
    played.fails()
    assert reading(home, played).rows.equals(played.truth(HOUR)), "the venue has it right"


def test_an_omitting_venue_may_be_silent_for_a_while_but_what_it_sent_wrong_is_missing(played: World):
    home = played.home("sent wrong", span("11:00", "11:59"), market=BITFINEX)
    played.fails([{"kind": "bad_values", "value": "low_above_high", "venue": "bitfinex"}])
    with pytest.raises(Unmet, match="1 of the candles") as told:
        read(f"{BITFINEX}:1m", start=HOUR.start, end=HOUR.end, home=home, now=NOW, url=played.sandbox.url)
    assert told.value.reason == "coverage"


@pytest.mark.parametrize(("since", "is_met"), [("11:40", True), ("02:00", False)])
def test_silence_is_undecided_for_a_page_and_a_gap_when_it_is_longer(since: str, played: World, *, is_met: bool):
    hole = {"kind": "hole", "market": str(BITFINEX), "timeframe": "1m"}
    played.fails([hole | {"start": f"2026-03-05T{since}:00Z", "end": "2026-03-05T13:00:00Z"}])
    options: Any = {"home": played.folder / f"silent since {since}", "now": NOW, "url": played.sandbox.url}
    sla = Sla(on_violation="partial")
    found = read(f"{BITFINEX}:1m", start=at("01:00"), end=HOUR.end, sla=sla, **options)
    outcome = found.provenance.outcome
    assert outcome.reason is (Reason.MET if is_met else Reason.COVERAGE)
    assert outcome.coverage <= 1 - (20 if is_met else 600) / 660, "nobody knows of them, whatever follows from it"


def test_what_dagster_was_never_answered_for_is_a_gap(played: World, monkeypatch: pytest.MonkeyPatch):
    done = {"__typename": "PartitionBackfill", "status": "COMPLETED_SUCCESS", "error": None}
    with ui({"__typename": "LaunchBackfillSuccess", "backfillId": "a"}, done) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        with pytest.raises(Unmet) as told:
            read(f"{BITFINEX}:1m", start=HOUR.start, end=HOUR.end, home=played.folder / "did nothing", now=NOW)
    assert told.value.reason == "coverage"


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
    monkeypatch.setattr(clocks, "now", clock.now)
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


def test_the_log_is_heard_within_the_deadline_the_second_time_too(played: World, monkeypatch: pytest.MonkeyPatch):
    over, looks = threading.Event(), []
    look, filled, step = tail.heard, filling.fill, 60_000

    def hanging(*given: Any) -> Candles:
        looks.append(given)
        if len(looks) == 2:
            assert over.wait(NEVER)
        return look(*given)

    def slowly(*given: Any) -> list[str]:
        failures = filled(*given)
        monkeypatch.setattr(clocks, "now", lambda: instant(NOW) + 2 * step)
        return failures

    monkeypatch.setattr(clocks, "now", lambda: instant(NOW))
    monkeypatch.setattr(filling, "fill", slowly)
    monkeypatch.setattr(tail, "heard", hanging)
    (played.folder / "hung log" / "live").mkdir(parents=True)
    options: Any = {"home": played.folder / "hung log", "url": played.sandbox.url}
    try:
        found = read(SERIES, start=HOUR.start, end=at("12:10"), sla=Sla(live_s=3, on_violation="partial"), **options)
    finally:
        over.set()
    assert len(looks) == 2
    assert found.provenance.outcome.reason is Reason.LIVE_LATE
    assert len(found) == 60


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
