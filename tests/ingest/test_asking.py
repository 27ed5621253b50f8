"""What is asked for: a month's windows against a model that looks at every candle, deadlines, borders, tails."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.config import open_coordination
from qmd_platform.coverage.causes import AGREED, DELISTED, OMITTED, OUT_OF_TIME, TOO_OLD, UNPROVEN
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.errors import ConfigError, OutOfTime
from qmd_platform.ingest.asking import AROUND, Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.partitions import fill
from qmd_platform.ingest.shared import Progress
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, merged, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from tests.ingest.accounts import CLOSED, GATE, SPOT, Played, playing

MOST = 40
NOW = 1_700_000_000_000

KNOWN = st.sampled_from(
    [
        None,
        (State.PRESENT, ""),
        (State.MISSING, UNPROVEN),
        (State.MISSING, TOO_OLD),
        (State.VERIFIED_EMPTY, AGREED),
        (State.VERIFIED_EMPTY, OMITTED),
        (State.QUARANTINED, "negative volume"),
        (State.UNLISTED, "before its listing"),
    ]
)
ASKED = st.tuples(st.integers(1, 7), st.sampled_from([NOW - 30_000, NOW - 5 * MINUTE, NOW - 2 * 3_600_000, 0]))
SETTLED = {State.PRESENT, State.VERIFIED_EMPTY, State.UNLISTED}

Told = tuple[State, str] | None


def minute(start: int, end: int | None = None) -> Window:
    return Window(start * MINUTE, (start + 1 if end is None else end) * MINUTE)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(st.integers(0, MOST - 1))
    return minute(start, draw(st.integers(start + 1, MOST)))


def runs_of(known: Sequence[Told]) -> list[Run]:
    return merged(Run(minute(at), *told) for at, told in enumerate(known) if told is not None)


def attempts_of(asks: Mapping[int, tuple[int, int]]) -> list[Attempt]:
    return [Attempt(minute(at), *asks[at]) for at in sorted(asks)]


def minutes_of(found: Sequence[Window]) -> set[int]:
    return {at for window in found for at in range(window.start // MINUTE, window.end // MINUTE)}


def is_due(told: Told, asked: tuple[int, int] | None) -> bool:
    """Whether a single candle that is not there is to be asked for by its back-off."""
    if told is None:
        return asked is None or next_ask(State.MISSING, "", *asked) <= NOW
    due_at = next_ask(*told, *(asked or (0, 0)))
    return due_at is not None and due_at <= NOW


@given(st.lists(KNOWN, min_size=MOST, max_size=MOST), windows())
def test_without_wishes_what_is_not_settled_is_asked_for(known: list[Told], part: Window):
    found = Asking().windows(part, runs_of(known), MINUTE)
    assert minutes_of(found) == {
        at for at in minutes_of([part]) if (told := known[at]) is None or told[0] not in SETTLED
    }
    assert found == united(found)


@given(st.lists(KNOWN, min_size=MOST, max_size=MOST), windows(), st.lists(windows(), max_size=3))
def test_what_is_read_again_is_all_of_it_that_was_ever_listed(known: list[Told], part: Window, again: list[Window]):
    found = minutes_of(Asking(again=tuple(again)).windows(part, runs_of(known), MINUTE))
    plain = minutes_of(Asking().windows(part, runs_of(known), MINUTE))
    listed = {at for at, told in enumerate(known) if told is None or told[0] is not State.UNLISTED}
    assert found == plain | (minutes_of(again) & minutes_of([part]) & listed)


@given(st.lists(KNOWN, min_size=MOST, max_size=MOST), windows(), windows(), st.integers(0, 30))
def test_a_tail_is_the_candles_held_just_before_the_newest_gap(
    known: list[Told], part: Window, edge: Window, tail: int
):
    found = minutes_of(Asking(tail=tail).windows(part, runs_of(known), MINUTE, edge=edge))
    plain = minutes_of(Asking().windows(part, runs_of(known), MINUTE))
    first = edge.start // MINUTE
    held = {at for at, told in enumerate(known) if told is not None and told[0] is State.PRESENT}
    is_asked = edge.start >= part.end or bool(minutes_of([edge]) & plain)
    wanted = set(range(first - tail, first)) & held & minutes_of([part]) if is_asked else set()
    assert found == plain | wanted


@given(
    known=st.lists(KNOWN, min_size=MOST, max_size=MOST),
    asks=st.dictionaries(st.integers(0, MOST - 1), ASKED),
    part=windows(),
    recheck=st.booleans(),
    patient=st.booleans(),
)
def test_who_is_patient_or_asks_again_goes_by_each_candles_own_back_off(
    *, known: list[Told], asks: dict[int, tuple[int, int]], part: Window, recheck: bool, patient: bool
):
    there = {at for at, told in enumerate(known) if told is not None and told[0] in {State.PRESENT, State.UNLISTED}}
    held = {at for at in there if (told := known[at]) is not None and told[0] is State.PRESENT}
    asks = {at: asked for at, asked in asks.items() if at not in there}
    asking = Asking(recheck=recheck, patient=patient)
    found = asking.windows(part, runs_of(known), MINUTE, attempts=attempts_of(asks), now=NOW)
    wanted: set[int] = set()
    for at in minutes_of([part]) - there:
        told, asked = known[at], asks.get(at)
        if told is not None and told[0] is State.VERIFIED_EMPTY:
            is_wanted = recheck and is_due(told, asked)
        else:
            is_wanted = not patient or is_due(told, asked)
        wanted |= {at} if is_wanted else set()
    looks = {at for at in wanted if (told := known[at]) is not None and told[0] is State.VERIFIED_EMPTY}
    wanted |= {at for at in held & minutes_of([part]) if any(abs(at - look) <= AROUND for look in looks)}
    assert minutes_of(found) == wanted


def test_what_was_called_delisted_is_not_asked_for():
    held = [Run(minute(0, 10), State.PRESENT), Run(minute(10, 20), State.UNLISTED, DELISTED)]
    assert Asking(again=(minute(0, 20),)).windows(minute(0, 20), held, MINUTE) == [minute(0, 10)]


def test_a_tail_that_another_worker_has_read_meanwhile_is_not_read_again():
    edge, asking = minute(10, 20), Asking(tail=5)
    before = [Run(minute(0, 10), State.PRESENT)]
    assert asking.windows(minute(0, 20), before, MINUTE, edge=edge) == [minute(5, 20)]
    meanwhile = [Run(minute(0, 20), State.PRESENT)]
    assert asking.windows(minute(0, 20), meanwhile, MINUTE, edge=edge) == []


def test_an_edge_of_which_a_part_waits_for_its_back_off_is_asked_whole_with_its_tail():
    """The part costs no request more, and without it the tail would be a page of its own."""
    edge, asking = minute(10, 20), Asking(tail=5, patient=True)
    held = [Run(minute(0, 10), State.PRESENT), Run(minute(10, 15), State.MISSING, UNPROVEN)]
    attempts = [Attempt(minute(10, 15), 2, NOW - 30_000)]
    assert asking.windows(minute(0, 20), held, MINUTE, edge=edge, attempts=attempts, now=NOW) == [minute(5, 20)]
    waiting = [Attempt(minute(10, 20), 2, NOW - 30_000)]
    held = [held[0], Run(edge, State.MISSING, UNPROVEN)]
    assert asking.windows(minute(0, 20), held, MINUTE, edge=edge, attempts=waiting, now=NOW) == []


def test_of_an_edge_of_many_pages_only_what_is_due_is_asked_and_no_tail_far_from_it():
    edge, asking = minute(10, 1000), Asking(tail=5, patient=True)
    held = [Run(minute(0, 10), State.PRESENT), Run(minute(10, 900), State.MISSING, UNPROVEN)]
    attempts = [Attempt(minute(10, 900), 2, NOW - 30_000)]
    found = asking.windows(minute(0, 1000), held, MINUTE, edge=edge, attempts=attempts, now=NOW)
    assert found == [minute(900, 1000)]
    due = [Attempt(minute(10, 900), 2, NOW - 2 * 3_600_000)]
    assert asking.windows(minute(0, 1000), held, MINUTE, edge=edge, attempts=due, now=NOW) == [minute(5, 1000)]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("-inf")])
@pytest.mark.parametrize("name", ["request_s", "partition_s", "run_s"])
def test_a_deadline_that_is_none_is_refused(name: str, seconds: float):
    with pytest.raises(ConfigError, match=f"the deadline {name} is"):
        Deadlines(**{name: seconds})


BORDER = "2026-03-01T00:04:30Z"
"""Four candles of March are closed."""


def told_of(played: Played, window: Window) -> list[Run]:
    return played.lake.coverage(Series.candles(SPOT, Timeframe.M1), window)


def test_a_tail_at_the_beginning_of_a_month_reads_the_end_of_the_one_before(tmp_path: Path):
    """One request for the new candles, one for the old ones: months are asked for apart."""
    with playing(tmp_path, now="2026-03-01T00:00:30Z") as played:
        window = Window.of("2026-02-28T20:00:00Z", BORDER)
        played.fill([SPOT], window)
        played.sandbox.move_clock(BORDER)
        played.sandbox.reset()
        february, march = played.fill([SPOT], window, tail=10)
        border = instant("2026-03-01")
        pages = [one for one in played.sandbox.requests() if one.get("start")]
        assert sorted((one["start"], one["end"]) for one in pages) == [
            (border - 10 * MINUTE, border),
            (border, border + 4 * MINUTE),
        ]
        assert (february.reread, february.changed, february.new) == (10, 0, 0)
        assert (march.reread, march.new) == (0, 4)
        assert played.held(SPOT).equals(played.truth(SPOT, window))


SOON = "2026-03-05T12:05:30Z"
LATER = Window.of("2026-03-04", SOON)


def corrected(played: Played) -> None:
    """Let the venue correct three of its last five candles (and many older ones nobody looks at)."""
    plan = {"kind": "restated", "market": str(SPOT), "start": "2026-03-05T08:00:00Z", "end": "2026-03-05T11:58:00Z"}
    played.sandbox.plan_faults([plan])


def test_a_tail_reads_the_last_candles_in_the_same_request_as_the_newest_and_notices_corrections(tmp_path: Path):
    with playing(tmp_path) as played:
        played.fill([SPOT])
        before = played.lake.ledger.last_commit()
        played.sandbox.move_clock(SOON)
        corrected(played)
        played.sandbox.reset()
        (receipt,) = played.fill([SPOT], LATER, tail=5)
        (page,) = played.pages(SPOT)
        assert (page["start"], page["end"]) == (CLOSED.end - 5 * MINUTE, CLOSED.end + 5 * MINUTE)
        assert (receipt.new, receipt.reread, receipt.changed, receipt.vanished) == (5, 5, 3, 0)
        revised = played.lake.ledger.revisions(since=before)
        changed = [CLOSED.end - back * MINUTE for back in (5, 4, 3)]
        assert [(one.open_at, one.after != one.before) for one in revised] == [(at, True) for at in changed]
        # The candles older than the tail are as they were read.
        true = played.truth(SPOT, LATER)
        held = played.held(SPOT)
        old = Window(LATER.start, CLOSED.end - 5 * MINUTE)
        assert held.within(Window(old.end, LATER.end)).equals(true.within(Window(old.end, LATER.end)))
        assert not held.within(old).equals(true.within(old))


def test_a_tail_asks_nothing_when_no_candle_has_closed_since(tmp_path: Path):
    with playing(tmp_path) as played:
        played.fill([SPOT])
        corrected(played)
        played.sandbox.reset()
        (receipt,) = played.fill([SPOT], tail=5)
        assert played.pages(SPOT) == []
        assert (receipt.reread, receipt.changed) == (0, 0)


def test_a_candle_the_venue_withdraws_is_told_and_stays(tmp_path: Path):
    with playing(tmp_path) as played:
        played.fill([SPOT])
        before = played.held(SPOT)
        hour = Window(CLOSED.start, CLOSED.start + 60 * MINUTE)
        gone = Window(hour.start + 20 * MINUTE, hour.start + 30 * MINUTE)
        played.sandbox.plan_faults(
            [{"kind": "hole", "market": str(SPOT), "timeframe": "1m", "start": gone.start, "end": gone.end}]
        )
        (receipt,) = played.fill([SPOT], again=(hour,))
        assert (receipt.reread, receipt.vanished, receipt.changed) == (50, 10, 0)
        assert played.held(SPOT).equals(before)
        assert {run.state for run in told_of(played, CLOSED)} == {State.PRESENT}


def test_what_was_verified_empty_stays_so_while_the_venue_does_not_answer(tmp_path: Path):
    quiet = Window(CLOSED.start + 20 * MINUTE, CLOSED.start + 30 * MINUTE)
    gap = {"kind": "gap", "market": str(GATE), "start": quiet.start, "end": quiet.end}
    hour = Window(CLOSED.start, CLOSED.start + 60 * MINUTE)
    with playing(tmp_path, faults=[gap]) as played:
        played.fill([GATE], hour)
        series = Series.candles(GATE, Timeframe.M1)
        told = played.lake.coverage(series, hour)
        assert State.VERIFIED_EMPTY in {run.state for run in told}
        played.sandbox.plan_faults([gap, {"kind": "server_error", "path": "candlesticks"}])
        (receipt,) = played.fill([GATE], hour, again=(hour,))
        assert receipt.failures
        assert played.lake.coverage(series, hour) == told
        asked = [one for _, one in played.lake.evidence(series, quiet) if one.error]
        assert asked, "that it was asked for in vain is on record"


def test_a_month_that_another_worker_keeps_too_long_is_a_failure_though_it_is_held(tmp_path: Path):
    with playing(tmp_path) as played, open_coordination(played.lake) as coordination:
        played.fill([SPOT])
        partition = Partition(Series.candles(SPOT, Timeframe.M1), "2026-03")
        assert coordination.leases.take(str(partition), owner="another", seconds=60)
        asking = Asking(again=(CLOSED,), archive=False, deadlines=Deadlines(partition_s=0.3))
        (receipt,) = backfill(
            played.lake, [SPOT], Timeframe.M1, CLOSED, run_id="late", url=played.sandbox.url, asking=asking
        )
        assert receipt.failures == (f"{CLOSED}: {OUT_OF_TIME}",)
        assert receipt.reread == 0
        assert {run.state for run in told_of(played, CLOSED)} == {State.PRESENT}


@pytest.mark.parametrize("again", [False, True])
def test_how_far_it_is_is_told_of_the_candles_that_are_asked_for(tmp_path: Path, *, again: bool):
    told: list[Progress] = []
    with playing(tmp_path) as played:
        if again:
            played.fill([SPOT], CLOSED)
        asking = Asking(again=(CLOSED,) if again else (), archive=False)
        backfill(
            played.lake,
            [SPOT],
            Timeframe.M1,
            CLOSED,
            run_id="told",
            url=played.sandbox.url,
            asking=asking,
            on_progress=told.append,
        )
    candles = CLOSED.steps(MINUTE)
    assert {one.total for one in told} == {candles}
    assert told[-1].done == candles
    assert [one.done for one in told] == sorted({one.done for one in told})


def test_the_runs_deadline_is_of_all_that_a_run_fills(tmp_path: Path):
    """Two months with one between them are two backfills, and have the time of one."""
    series = Series.candles(SPOT, Timeframe.H1)
    months = [Partition(series, month) for month in ("2026-01", "2026-03")]
    slow = [{"kind": "hang", "path": f"startTime={one.window.start}", "seconds": 2} for one in months]
    with playing(tmp_path, faults=slow) as played:
        asking = Asking(archive=False, deadlines=Deadlines(run_s=3))
        with pytest.raises(OutOfTime, match="the run's"):
            fill(played.lake, months, run_id="run", url=played.sandbox.url, asking=asking)
        assert len(played.held(SPOT, Timeframe.H1)) == 744, "what came in time is kept"
