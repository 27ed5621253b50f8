"""A snapshot says the same for ever while it is pinned or young, and afterwards it is refused, not guessed (P7)."""

from collections.abc import Iterator

import pytest

from qmd_platform.errors import LedgerError, Vacuumed
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import iso
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.making import DAY, HOURS, MINUTES, clock, far_future, level, noise, steps_of

JANUARY = Partition(MINUTES, "2026-01")
OTHER = Partition(HOURS, "2026-01")


@pytest.fixture
def lake(backend: Backend) -> Iterator[Lake]:
    """Four commits: one of two series, a tail, a restatement, an explanation without rows."""
    with backend.open() as lake:
        put(lake, write(JANUARY, 0, 1500, seed=1), write(OTHER, 0, 100, seed=2))
        put(lake, write(JANUARY, 1500, 1600, seed=3))
        put(lake, write(JANUARY, 700, 900, seed=4), write(OTHER, 50, 60, seed=5))
        gap = Run(steps_of(JANUARY, 1600, 1610), State.VERIFIED_EMPTY, "no trades")
        put(lake, Write(JANUARY, Candles.empty().to_arrow(), asked=(gap.window,), explained=(gap,)))
        yield lake


def write(partition: Partition, first: int, last: int, seed: int) -> Write:
    asked = steps_of(partition, first, last + 10)
    return Write(partition, noise(partition, first, last, seed).to_arrow(), asked=(asked,))


def put(lake: Lake, *writes: Write) -> int:
    return lake.commit(writes, run_id="r", source="s")[0]


def seen(lake: Lake, as_of: int | str | None) -> list[object]:
    """Everything a snapshot says, as bytes."""
    held = [lake.held(series, None, as_of=as_of) for series in (MINUTES, HOURS)]
    columns = [one.candles.to_arrow().to_pylist() for one in held]
    return [columns, [one.runs for one in held], [lake.read(one, as_of=as_of).to_pylist() for one in (MINUTES, HOURS)]]


def restate(lake: Lake) -> None:
    """Change everything, seal, and clear away all that may be cleared away."""
    put(lake, write(JANUARY, 0, 1700, seed=8), write(OTHER, 0, 100, seed=9))
    seal(lake, run_id="r", now=far_future())
    put(lake, Write(JANUARY, Candles.empty().to_arrow(), replace=True))
    for _ in range(2):
        vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_pinned_snapshot_says_the_same_whatever_happens(backend: Backend, lake: Lake, number: int):
    before = seen(lake, number)
    lake.ledger.pin("study", at=number)
    restate(lake)
    assert seen(lake, "study") == before
    assert seen(lake, number) == before
    record("snapshots pinned, then all restated, sealed, vacuumed", backend.name, trials=1, torn=0)


def test_a_snapshot_nobody_holds_is_refused_once_its_files_are_gone(lake: Lake):
    lake.ledger.pin("study", at=3)
    restate(lake)
    for number in (1, 2):
        with pytest.raises(Vacuumed, match=str(number)) as refused:
            lake.read(MINUTES, as_of=number)
        assert "commit" in (refused.value.hint or "")
        with pytest.raises(Vacuumed):
            lake.coverage(MINUTES, JANUARY.window, as_of=number)
        with pytest.raises(Vacuumed):
            lake.ledger.pin("too-late", at=number)
    assert [pin.name for pin in lake.ledger.pins()] == ["study"]
    assert lake.candles(MINUTES).open_at.tolist() == []


def test_a_snapshot_whose_coverage_alone_changed_is_refused_or_right(lake: Lake):
    before = lake.coverage(MINUTES, JANUARY.window, as_of=3)
    vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
    vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
    try:
        assert lake.coverage(MINUTES, JANUARY.window, as_of=3) == before
    except Vacuumed:
        return


def test_a_pin_whose_time_is_over_holds_nothing(lake: Lake):
    now = clock()
    lake.ledger.pin("for-a-day", at=1, until=now + DAY)
    restating = seen(lake, 1)
    put(lake, write(JANUARY, 0, 1700, seed=8), write(OTHER, 0, 100, seed=9))
    for _ in range(2):
        vacuum(lake, run_id="r", now=now + DAY // 2, keep_ms=0, grace_ms=0)
    assert seen(lake, "for-a-day") == restating
    for _ in range(2):
        vacuum(lake, run_id="r", now=now + 2 * DAY, keep_ms=0, grace_ms=0)
    with pytest.raises(LedgerError if "for-a-day" not in names(lake) else Vacuumed):
        seen(lake, "for-a-day")
    assert set(lake.blobs.data.paths()) >= {segment.path for segment in lake.ledger.segments()}


def names(lake: Lake) -> list[str]:
    return [pin.name for pin in lake.ledger.pins()]


def test_a_pin_of_one_series_holds_that_one_alone(lake: Lake):
    before = lake.candles(HOURS, as_of=1)
    lake.ledger.pin("hours", at=1, series=[HOURS])
    restate(lake)
    assert lake.candles(HOURS, as_of="hours").equals(before)
    with pytest.raises(Vacuumed):
        lake.candles(MINUTES, as_of="hours")


def test_a_commit_a_time_and_a_name_mean_the_same_snapshot(lake: Lake):
    times = {commit.id: commit.at for commit in lake.ledger.log()}
    lake.ledger.pin("third", at=3)
    for number, at in times.items():
        last = max(one for one in times if times[one] == at)
        assert seen(lake, iso(at)) == seen(lake, last) == seen(lake, str(last))
        if number == 3:
            assert seen(lake, "third") == seen(lake, 3)
    assert lake.candles(MINUTES, as_of=0).open_at.tolist() == []
    assert lake.candles(MINUTES, as_of="2020-01-01").open_at.tolist() == []
    with pytest.raises(LedgerError, match="in the future"):
        seen(lake, "2099-01-01T00:00:00Z")


@pytest.mark.parametrize("as_of", [99, "99", "no such pin", -1])
def test_a_snapshot_there_is_not_is_refused(lake: Lake, as_of: int | str):
    with pytest.raises(LedgerError, match=str(as_of)):
        lake.read(MINUTES, as_of=as_of)


def test_what_was_replaced_stays_readable_until_the_grace_is_over(lake: Lake):
    before, now = seen(lake, 1), clock()
    put(lake, write(JANUARY, 0, 1700, seed=8))
    for days in (0, 1):
        vacuum(lake, run_id="r", now=now + days * DAY, keep_ms=0, grace_ms=2 * DAY)
        assert seen(lake, 1) == before
    vacuum(lake, run_id="r", now=now + 4 * DAY, keep_ms=0, grace_ms=2 * DAY)
    with pytest.raises(Vacuumed):
        seen(lake, 1)


def test_what_is_in_the_trash_can_still_be_pinned_and_stays(lake: Lake):
    before, now = seen(lake, 1), clock()
    put(lake, write(JANUARY, 0, 1700, seed=8))
    vacuum(lake, run_id="r", now=now + DAY, keep_ms=0, grace_ms=2 * DAY)
    lake.ledger.pin("just-in-time", at=1)
    for days in (5, 9):
        vacuum(lake, run_id="r", now=now + days * DAY, keep_ms=0, grace_ms=2 * DAY)
    assert seen(lake, "just-in-time") == before


def test_the_time_that_is_kept_is_kept(lake: Lake):
    before, now = seen(lake, 1), clock()
    put(lake, write(JANUARY, 0, 1700, seed=8))
    for days in range(6):
        vacuum(lake, run_id="r", now=now + days * DAY, keep_ms=7 * DAY, grace_ms=0)
    assert seen(lake, 1) == before


def test_the_same_pin_twice_is_one_and_another_one_of_its_name_is_refused(lake: Lake):
    lake.ledger.pin("study", at=2)
    lake.ledger.pin("study", at=2)
    with pytest.raises(LedgerError, match="taken"):
        lake.ledger.pin("study", at=3)
    lake.ledger.unpin("study")
    with pytest.raises(LedgerError, match="no pin"):
        lake.ledger.unpin("study")


def test_revisions_say_what_a_row_was_and_when_it_changed(lake: Lake):
    window = steps_of(JANUARY, 700, 900)
    found = lake.ledger.revisions(MINUTES, steps_of(JANUARY, 0, 1600))
    changed = lake.candles(MINUTES, window, as_of=2).close != lake.candles(MINUTES, window).close
    assert {one.commit for one in found} == {3}
    assert {one.open_at for one in found} >= set(lake.candles(MINUTES, window).open_at[changed].tolist())
    assert {one.open_at for one in found} <= set(range(window.start, window.end, 60_000))
    put(lake, Write(JANUARY, level([window.start], 1.0).to_arrow()))
    (latest,) = lake.ledger.revisions(MINUTES, steps_of(JANUARY, 700, 701))[-1:]
    assert latest.commit == lake.ledger.last_commit()
    assert "1.0" in (latest.after or "")
