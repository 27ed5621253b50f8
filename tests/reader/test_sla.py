"""What a read must meet is held to while it waits: whoever hangs is cut off, and the reason is a code."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, Unmet
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.reader import Read, Reason, Sla, Source, filling, judging, read, strategies
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.sla import Phase
from qmd_platform.reader.stored import Stored
from qmd_platform.reader.waiting import Countdown, CutOff
from tests.reader.worlds import HANG, HOUR, MARKET, NEVER, NOW, SERIES, World, at, span

INNER = (span("11:00", "11:20"), span("11:23", "12:00"))
EDGE = (span("11:00", "11:57"),)
SOON = NEVER / 2
"""Whatever is cut off is back well before the venue answers, however busy the machine."""


def reading(home: Path, played: World, **options: Any) -> Read:
    given = {"start": HOUR.start, "end": HOUR.end, "home": home, "now": NOW, "url": played.sandbox.url}
    return read(SERIES, **(given | options))


@pytest.mark.parametrize(
    ("held", "limits", "reason"),
    [
        (INNER, {"backfill_s": 0.5}, Reason.BACKFILL_LATE),
        (EDGE, {"live_s": 0.5}, Reason.LIVE_LATE),
        (INNER, {"total_s": 4}, Reason.TOTAL_LATE),
        (INNER, {"backfill_s": 30, "total_s": 4}, Reason.TOTAL_LATE),
    ],
)
def test_a_venue_that_hangs_is_cut_off_and_the_code_says_which_deadline_came_first(
    held: Any, limits: dict[str, float], reason: Reason, played: World
):
    home = played.home(f"late-{reason}-{len(limits)}", *held)
    played.fails(HANG)
    began = time.monotonic()
    with pytest.raises(Unmet) as told:
        reading(home, played, sla=Sla(**limits))
    assert time.monotonic() - began < SOON
    assert told.value.reason == reason.value
    assert told.value.message.count(reason.sentence) == 1
    assert told.value.exit_code == 5
    found = told.value.read
    assert isinstance(found, Read)
    assert len(found) == 57
    if len(limits) == 1:  # the same ends otherwise
        found = reading(home, played, sla=Sla(**limits, on_violation="partial"))
    assert len(found) == 57
    assert found.provenance.outcome.failures == (reason.sentence,)
    assert found.provenance.outcome.reason is reason
    assert not found.provenance.outcome.is_met


def test_a_lake_that_hangs_is_cut_off(played: World):
    home = played.home("stuck", HOUR)
    played.fails()
    (segment,) = (home / "lake" / "data" / "table=candles_1m").rglob("*.parquet")
    segment.unlink()
    os.mkfifo(segment)  # whoever opens it waits until somebody writes
    sla = Sla(storage_s=0.5, on_violation="partial")
    try:
        began = time.monotonic()
        found = reading(home, played, sla=sla)
        assert time.monotonic() - began < SOON
        assert (len(found), found.provenance.outcome.reason) == (0, Reason.STORAGE_LATE)
        with pytest.raises(Unmet, match="not read within the deadline of the storage phase") as told:
            reading(home, played, strategy="fail_fast", sla=Sla(storage_s=0.5))
        assert told.value.reason == "storage_late"
        for options in ({"sla": Sla(total_s=0.5, min_coverage=0)}, {"sla": Sla(total_s=0.5), "on_missing": "allow"}):
            with pytest.raises(Unmet, match="the deadline of the whole read came first") as told:
                reading(home, played, strategy="fail_fast", **options)
            assert "nobody knows what is there" in told.value.message
            assert told.value.reason == "total_late", "of a lake nobody has looked into nothing is known"
        assert played.asked == 0
    finally:
        let_go(segment)


def let_go(fifo: Path) -> None:
    """End the threads that wait for ``fifo``: each reads nothing, and finds the file damaged."""
    while any(thread.name.startswith("qmd-read") for thread in threading.enumerate()):
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody waits at this moment
            time.sleep(0.01)


def test_who_says_how_much_will_do_is_content_with_it_whatever_came_in_the_way(played: World):
    home = played.home("enough", *INNER)
    played.fails(HANG)
    found = reading(home, played, sla=Sla(backfill_s=0.5, min_coverage=0.95))
    assert (len(found), found.provenance.outcome.reason) == (57, Reason.MET)
    assert found.provenance.outcome.coverage == 57 / 60
    with pytest.raises(Unmet) as told:
        reading(home, played, strategy="fail_fast", sla=Sla(min_coverage=0.96))
    assert told.value.reason == "coverage"


@pytest.mark.parametrize(("end", "is_stale"), [("12:00", True), ("11:50", False)])
def test_the_newest_candle_may_be_too_old_but_history_may_not(end: str, played: World, *, is_stale: bool):
    home = played.home(f"stale-{end}", *EDGE)
    window = span("11:00", end)
    sla = Sla(min_coverage=0.5, max_staleness_s=209)
    options = {"start": window.start, "end": window.end, "strategy": "fail_fast", "sla": sla}
    if not is_stale:
        assert reading(home, played, **options).provenance.outcome.staleness_s is None
        return
    with pytest.raises(Unmet, match="3 of the candles asked for are not there") as told:
        reading(home, played, **options)
    assert told.value.reason == "stale"
    found = told.value.read
    assert isinstance(found, Read)
    assert found.provenance.outcome.staleness_s == 210  # 11:57 until 12:00:30
    sla = Sla(min_coverage=0.5, max_staleness_s=211)
    assert reading(home, played, **(options | {"sla": sla})).provenance.outcome.is_met


def test_a_read_that_holds_waits_until_somebody_has_filled_the_lake(played: World):
    home = played.home("held", *INNER)
    played.fails()

    def fill() -> None:
        time.sleep(0.3)
        with Lake.open(home / "lake") as lake:
            backfill(lake, [MARKET], Timeframe.M1, HOUR, run_id="another", url=played.sandbox.url)

    filler = threading.Thread(target=fill, daemon=True)
    filler.start()
    found = reading(home, played, strategy="fail_fast", sla=Sla(total_s=SOON, on_violation="hold"))
    filler.join()
    assert len(found) == 60
    assert {one.source for one in found.provenance.ranges} == {Source.LAKE}


def test_a_read_that_holds_ends_with_its_total_deadline(played: World):
    home = played.home("held in vain", *INNER)
    began = time.monotonic()
    with pytest.raises(Unmet) as told:
        reading(home, played, strategy="fail_fast", sla=Sla(total_s=3, on_violation="hold"))
    assert 2 <= time.monotonic() - began < SOON
    assert told.value.reason == "coverage", "the end of all is no news to who holds: what was lacking is"
    assert isinstance(told.value.read, Read)
    assert len(told.value.read) == 57


def test_a_read_that_holds_keeps_what_it_has_seen_when_the_lake_hangs_at_last(
    played: World, monkeypatch: pytest.MonkeyPatch
):
    home = played.home("held, then hung", *INNER)
    looks: list[Asked] = []
    look, over = strategies.stored, threading.Event()

    def hanging(asked: Asked, run_id: str | None = None) -> Stored:
        looks.append(asked)
        if len(looks) > 1:
            over.wait(NEVER)
        return look(asked, run_id)

    monkeypatch.setattr(strategies, "stored", hanging)
    with pytest.raises(Unmet, match="3 of the candles") as told:
        reading(home, played, strategy="fail_fast", sla=Sla(total_s=3, on_violation="hold"))
    over.set()
    assert len(looks) == 2
    assert (told.value.reason, len(told.value.read)) == ("coverage", 57)  # type: ignore[arg-type]  # the field is wide


def test_what_a_backfill_has_committed_is_read_though_it_hangs_until_the_end(
    played: World, monkeypatch: pytest.MonkeyPatch
):
    filled, over = filling.fill, threading.Event()

    def hanging(errand: filling.Errand, _: float | None, on_venue_time: Any) -> list[str]:
        failures = filled(errand, None, on_venue_time)
        over.wait(NEVER)
        return failures

    monkeypatch.setattr(filling, "fill", hanging)
    played.fails()
    home = played.home("committed, then hung", *INNER)
    found = reading(home, played, strategy="auto_backfill", sla=Sla(total_s=6))
    over.set()
    assert (len(found), found.provenance.outcome.reason) == (60, Reason.MET)
    assert found.provenance.outcome.failures == (Reason.TOTAL_LATE.sentence,)


def test_who_allows_gaps_needs_nothing_though_a_deadline_came_first(played: World):
    home = played.home("allowed", *INNER)
    played.fails(HANG)
    found = reading(home, played, on_missing="allow", sla=Sla(backfill_s=0.5))
    assert (len(found), found.provenance.outcome.reason) == (57, Reason.MET)
    assert found.provenance.outcome.failures == (Reason.BACKFILL_LATE.sentence,)


def test_what_a_thread_says_after_it_was_cut_off_is_of_no_read(played: World, monkeypatch: pytest.MonkeyPatch):
    said = threading.Event()

    def late(_: filling.Errand, __: float | None, on_venue_time: Any) -> list[str]:
        time.sleep(1.5)
        on_venue_time(at("11:40"))
        said.set()
        return ["late words"]

    judged = judging.ranges

    def slow(got: Any) -> Any:
        ranges = judged(got)
        assert said.wait(60)
        return ranges

    monkeypatch.setattr(filling, "fill", late)
    monkeypatch.setattr(judging, "ranges", slow)
    home = played.home("cut off", *INNER)
    found = reading(home, played, sla=Sla(backfill_s=0.3, on_violation="partial"))
    told = found.provenance
    assert told.runs[-1].window.end == told.ranges[-1].window.end == HOUR.end
    assert told.outcome.failures == (Reason.BACKFILL_LATE.sentence,)


def test_a_phase_that_comes_twice_has_its_time_once():
    clock, over = Countdown(Sla(live_s=0.5)), threading.Event()
    clock.phase(Phase.LIVE, lambda _: time.sleep(0.3))
    with pytest.raises(CutOff) as told:
        clock.phase(Phase.LIVE, lambda _: over.wait(NEVER))
    over.set()
    assert told.value.reason is Reason.LIVE_LATE
    assert clock.seconds["live"] < SOON
    began: list[int] = []
    with pytest.raises(CutOff):
        clock.phase(Phase.LIVE, lambda _: began.append(1))
    assert not began, "nothing is left of it"
    clock.try_anew()
    clock.phase(Phase.LIVE, lambda _: began.append(1))
    assert began


@pytest.mark.parametrize("cause", ["delisted", "empty"])
def test_a_market_that_is_not_traded_any_more_is_stale(cause: str, tmp_path: Path):
    known = Run(span("11:30", "12:00"), State.UNLISTED if cause == "delisted" else State.VERIFIED_EMPTY, cause)
    minutes = np.arange(at("11:00"), at("11:30"), 60_000)
    rows = Candles(minutes, *np.full((5, 30), 7.0)).to_arrow()
    with Lake.open(tmp_path / "lake") as lake:
        write = Write(Partition(SERIES, "2026-03"), rows, asked=(HOUR,), explained=(known,))
        lake.commit([write], run_id="r", source="s")
    options: dict[str, Any] = {"start": HOUR.start, "end": HOUR.end, "home": tmp_path, "now": NOW}
    assert read(SERIES, strategy="fail_fast", **options).provenance.outcome.is_met
    with pytest.raises(Unmet, match="ended 1,830 s ago") as told:
        read(SERIES, strategy="fail_fast", sla=Sla(max_staleness_s=120), **options)
    assert told.value.reason == "stale"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"total_s": 0}, "total_s is 0"),
        ({"live_s": float("nan")}, "live_s is nan"),
        ({"min_coverage": 1.5}, "min_coverage is 1.5"),
        ({"on_violation": "raize"}, "did you mean raise"),
        ({"on_violation": "hold"}, "needs an end"),
    ],
)
def test_an_agreement_that_cannot_be_meant_is_refused(given: dict[str, Any], says: str):
    with pytest.raises(ConfigError, match=says):
        Sla(**given)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pin": "a", "as_of": 1}, "both say which state"),
        ({"pin": "a", "strategy": "seamless"}, "cannot fill the past"),
        ({"strategy": "seemless"}, "did you mean seamless"),
        ({"on_missing": "raise", "sla": Sla(min_coverage=0.5)}, "the same thing twice"),
        ({"strategy": "partial_fill", "sla": Sla(total_s=1, on_violation="hold")}, "cannot hold"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], says: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=says):
        read(SERIES, start=HOUR.start, end=HOUR.end, home=tmp_path, **options)


def test_every_reason_says_itself_in_words():
    assert {reason.sentence for reason in Reason} >= {"what was required is there"}
    assert len({reason.sentence for reason in Reason}) == len(Reason)
