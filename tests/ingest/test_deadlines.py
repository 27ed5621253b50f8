"""A venue that hangs is cut off: with a reason, in time, and without holding up anybody else."""

import time
from pathlib import Path

import pytest

from qmd_platform.config import open_coordination
from qmd_platform.coverage.causes import OUT_OF_TIME
from qmd_platform.errors import OutOfTime
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import MONTHS_IN_FLIGHT, PAGES_IN_FLIGHT
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, in_state, united
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months
from tests.ingest.accounts import SPOT, Fault, Played, playing

NEVER = 120
"""Seconds a request hangs: longer than any test."""

SERIES = Series.candles(SPOT, Timeframe.H1)
YEARS = Window.of("2024-07-01", "2026-03-01")
"""Twenty months of a page each, more than are under work at a time."""

MONTHS = [Partition(SERIES, month) for month, _ in months(YEARS)]
NEWEST = MONTHS[-MONTHS_IN_FLIGHT:]
"""These are begun first, and fill all rooms."""


def hung(*partitions: Partition) -> list[Fault]:
    return [{"kind": "hang", "path": f"startTime={one.window.start}", "seconds": NEVER} for one in partitions]


def asked(played: Played, window: Window, deadlines: Deadlines, timeframe: Timeframe = Timeframe.H1) -> list[Receipt]:
    asking = Asking(archive=False, deadlines=deadlines)
    return backfill(played.lake, [SPOT], timeframe, window, run_id="r", url=played.sandbox.url, asking=asking)


def assert_leases_are_free(played: Played) -> None:
    with open_coordination(played.lake) as coordination:
        for partition in MONTHS:
            lease = coordination.leases.take(str(partition), owner="another", seconds=60)
            assert lease, partition
            lease.release()


def test_months_that_hang_fill_every_room_and_leave_it_to_the_others_in_time(tmp_path: Path):
    assert len(MONTHS) > MONTHS_IN_FLIGHT >= PAGES_IN_FLIGHT, "no slot is left while these hang"
    with playing(tmp_path, hung(*NEWEST)) as played:
        began = time.monotonic()
        receipts = asked(played, YEARS, Deadlines(request_s=NEVER, partition_s=1.5))
        assert time.monotonic() - began < 15
        failed = {one.partition: one.failures for one in receipts if one.failures}
        assert failed == {one: (f"{one.window}: {SPOT.venue}: {OUT_OF_TIME}",) for one in NEWEST}
        old = Window(YEARS.start, NEWEST[0].window.start)
        assert played.lake.coverage(SERIES, YEARS) == [
            Run(old, State.PRESENT),
            Run(Window(old.end, YEARS.end), State.MISSING, OUT_OF_TIME),
        ]
        assert_leases_are_free(played)
        played.sandbox.plan_faults(None)
        asked(played, YEARS, Deadlines())
        assert played.held(SPOT, Timeframe.H1).equals(played.truth(SPOT, YEARS, Timeframe.H1))


def test_a_run_that_hangs_ends_in_time_and_gives_every_lease_back(tmp_path: Path):
    with playing(tmp_path, hung(*NEWEST)) as played:
        began = time.monotonic()
        with pytest.raises(OutOfTime, match=f"{SPOT.venue}: the run's 2 s are over") as told:
            asked(played, YEARS, Deadlines(request_s=NEVER, run_s=2))
        assert time.monotonic() - began < 15
        assert (told.value.exit_code, told.value.hint) == (3, "run it again")
        assert_leases_are_free(played)
        late = in_state(played.lake.coverage(SERIES, YEARS), State.MISSING)
        assert late == united(one.window for one in NEWEST), "of those that were begun it is said what became of them"


def test_a_venue_that_hangs_before_the_first_page_ends_the_run_in_time(tmp_path: Path):
    with playing(tmp_path, [{"kind": "hang", "path": "exchangeInfo", "seconds": NEVER}]) as played:
        began = time.monotonic()
        with pytest.raises(OutOfTime, match="the run's 1 s are over"):
            asked(played, YEARS, Deadlines(request_s=NEVER, run_s=1))
        assert time.monotonic() - began < 15
        assert played.lake.ledger.last_commit() == 0


def test_a_request_that_hangs_is_cut_off_and_asked_again(tmp_path: Path):
    once = [fault | {"times": 1} for fault in hung(*NEWEST)]
    with playing(tmp_path, once) as played:
        began = time.monotonic()
        receipts = asked(played, YEARS, Deadlines(request_s=1))
        assert time.monotonic() - began < 15
        assert [one.partition for one in receipts if one.traffic.retries] == NEWEST
        assert not any(one.failures for one in receipts)
        assert played.held(SPOT, Timeframe.H1).equals(played.truth(SPOT, YEARS, Timeframe.H1))


@pytest.mark.slow  # all waits between tries
def test_requests_that_always_hang_fail_for_that_reason_and_leave_their_slots_to_the_others(tmp_path: Path):
    with playing(tmp_path, hung(*NEWEST)) as played:
        receipts = asked(played, YEARS, Deadlines(request_s=0.5))
        failed = {one.partition: one for one in receipts if one.failures}
        assert list(failed) == NEWEST
        assert all("no answer within 0.5 s" in str(one.failures) for one in failed.values())
        assert [one.summary.present for one in receipts if one.partition not in failed] == [
            one.window.steps(SERIES.timeframe.step) for one in MONTHS if one not in failed
        ]
