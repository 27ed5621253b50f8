"""What a read must meet is held to while it waits: whoever hangs is cut off, and the reason is a code."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import ConfigError, Unmet
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.reader import Read, Reason, Sla, Source, read
from tests.reader.worlds import HANG, HOUR, MARKET, NEVER, NOW, SERIES, World, span

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
        (INNER, {"total_s": 0.5}, Reason.TOTAL_LATE),
        (INNER, {"backfill_s": 30, "total_s": 0.5}, Reason.TOTAL_LATE),
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
    assert reason.sentence in told.value.message
    assert told.value.exit_code == 5
    found = reading(home, played, sla=Sla(**limits, on_violation="partial"))
    assert len(found) == 57
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
        reading(home, played, strategy="fail_fast", sla=Sla(total_s=1, on_violation="hold"))
    assert 1 <= time.monotonic() - began < SOON
    assert told.value.reason in {"coverage", "total_late"}


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
    assert {reason.sentence for reason in Reason} >= {"all that was asked for is there"}
    assert len({reason.sentence for reason in Reason}) == len(Reason)
