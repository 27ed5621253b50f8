"""Compare-and-swap: what was computed from a state that is no more is refused or computed again, batch by batch (P4)."""

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from qmd_platform.errors import Conflict, LakeError, LedgerError, Outdated
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.ledger.records import Change, Head
from qmd_platform.model.series import Partition
from tests.conformance import checks
from tests.conformance.backends import Backend
from tests.conformance.conftest import BACKENDS
from tests.conformance.making import MINUTES, clock, far_future, level, steps_of

JANUARY, FEBRUARY = Partition(MINUTES, "2026-01"), Partition(MINUTES, "2026-02")


def write(*steps: int, partition: Partition = JANUARY) -> Write:
    rows = level((steps_of(partition, step, step + 1).start for step in steps), 1.0)
    return Write(partition, rows.to_arrow())


def put(lake: Lake, *writes: Write) -> tuple[Outcome, ...]:
    return lake.commit(writes, run_id="r", source="s")[1]


@pytest.mark.parametrize("meanwhile", ["commits", "seals"])
def test_a_writer_whose_partition_moved_on_merges_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, meanwhile: str
):
    """The other one is on a machine of its own, so no lock keeps the two apart."""
    with backend.open() as ours, backend.open() as theirs:
        put(ours, write(0), write(0, partition=FEBRUARY))
        put(ours, write(1500))
        monkeypatch.setattr(theirs.place, "stripe", lambda partition: theirs.root / "locks" / "other.lock")
        heads, turns = ours.ledger.heads, [1, 2]

        def slow(partitions: Iterable[Partition]) -> dict[Partition, Head]:
            known = heads(partitions)
            if turns:
                step = turns.pop()
                put(theirs, write(step))
                if meanwhile == "seals":
                    seal(theirs, run_id="r", now=far_future())
            return known

        monkeypatch.setattr(ours.ledger, "heads", slow)
        put(ours, write(3), write(3, partition=FEBRUARY))
        start = JANUARY.window.start
        found = (ours.candles(MINUTES, JANUARY.window).open_at - start) // MINUTES.timeframe.step
        assert found.tolist() == [0, 1, 2, 3, 1500]
        assert ours.verify() == []


def test_a_seal_that_lost_the_race_starts_again(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    with backend.open() as ours, backend.open() as theirs:
        put(ours, write(0))
        put(ours, write(1500))
        monkeypatch.setattr(theirs.place, "stripe", lambda partition: theirs.root / "locks" / "other.lock")
        heads, turns = ours.ledger.heads, [1, 2]

        def slow(partitions: Iterable[Partition]) -> dict[Partition, Head]:
            known = heads(partitions)
            if turns:
                put(theirs, write(turns.pop()))
            return known

        monkeypatch.setattr(ours.ledger, "heads", slow)
        before = ours.state(JANUARY)
        seal(ours, run_id="r", now=far_future())
        after = ours.state(JANUARY)
        assert len(ours.candles(MINUTES)) == 4
        assert before is not None
        assert after is not None
        assert after.version == before.version + 2  # theirs, and none for sealing
        assert len(ours.ledger.segments(MINUTES)) == 1


def test_a_stale_change_is_refused_and_takes_its_whole_batch_with_it(backend: Backend):
    with backend.open() as lake:
        put(lake, write(0))

        def change(partition: Partition, seen: int) -> Change:
            return Change(Outcome(partition, seen + 1, 0, 0, 0, 0, 0, "", (), wrote=True), seen)

        with pytest.raises(Conflict, match="no longer at version 0"):
            lake.ledger.commit([change(FEBRUARY, 0), change(JANUARY, 0)], run_id="r", source="s")
        assert lake.ledger.last_commit() == 1
        assert lake.state(FEBRUARY) is None


def test_rows_made_from_an_older_version_are_refused(backend: Backend):
    with backend.open() as lake:
        (first,) = put(lake, write(0))
        put(lake, write(1))
        late = Write(JANUARY, level([JANUARY.window.start], 9.0).to_arrow(), seen=first.version)
        with pytest.raises(Outdated):
            put(lake, write(5, partition=FEBRUARY), late)
        assert lake.ledger.last_commit() == 2
        assert lake.state(FEBRUARY) is None


def test_sealing_does_not_outdate_what_was_computed_from_the_rows(backend: Backend):
    with backend.open() as lake:
        put(lake, write(0))
        (second,) = put(lake, write(1500))
        seal(lake, run_id="r", now=far_future())
        put(lake, Write(JANUARY, level([JANUARY.window.start], 9.0).to_arrow(), seen=second.version))
        assert lake.candles(MINUTES).close.tolist() == [9.0, 1.0]


@pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)
def test_a_writer_cut_off_from_the_database_does_not_overwrite_anothers_commit(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    """It is about to put its commit's record when the server drops it, and with it its lock; others go on."""
    with backend.open() as ours, backend.open() as theirs:
        put(ours, write(0))
        monkeypatch.setattr(theirs.place, "stripe", lambda partition: theirs.root / "locks" / "other.lock")
        log, turns = ours.blobs.log, [2]

        def slowed(keep: Callable[..., Any]) -> Callable[..., Any]:
            def slow(*args: Any) -> Any:
                if turns:
                    step = turns.pop()
                    hang_up(str(backend.postgres))
                    put(theirs, write(step))
                return keep(*args)

            return slow

        for name in ("put", "put_many", "put_if_absent", "replace"):
            if hasattr(log, name):
                monkeypatch.setattr(log, name, slowed(getattr(log, name)))
        with pytest.raises((LedgerError, LakeError)):
            put(ours, write(1))
        before = checks.contents(theirs)
    copy = backend.without_ledger()
    rebuild(copy.root, now=clock(), postgres=copy.postgres, files=copy.files)
    with copy.open() as lake:
        assert checks.contents(lake) == before


def hang_up(url: str) -> None:
    """End every connection to the database but this one."""
    with closing(psycopg2.connect(url.partition("?")[0])) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
        )
