"""The ledger can be made again from the files alone, to the same heads and the same past (P11)."""

from typing import Any

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.records import Records, checkpoint_path, path_of
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Rejected, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.ledger.journal import Entry
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Partition
from tests.conformance import checks
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.making import HOURS, MINUTES, clock, far_future, generation, noise, steps_of

JANUARY = Partition(MINUTES, "2026-01")


def lived(lake: Lake) -> None:
    """A lake's life: tails, restatements, rejected and replaced rows, sealing, pins."""
    for number in (1, 2):
        lake.commit(generation(number), run_id=f"run {number}", source="s", idem_key=f"key {number}")
    lake.ledger.pin("early", at=1, series=[HOURS], until=far_future(), note="a study")
    lake.ledger.pin("late")
    bad = Rejected(JANUARY.window.start, {"open": 1.0, "high": float("nan")}, "high below low")
    rows = noise(JANUARY, 1, 3000, seed=1).to_arrow()
    hole, whole = steps_of(JANUARY, 3050, 3100), steps_of(JANUARY, 0, 3100)
    answers = (Answered(whole, 1, "candles", "a" * 64, 3000), Answered(hole, 2, "candles", error="timed out"))
    write = Write(JANUARY, rows, asked=(whole,), rejected=(bad,), evidence=answers)
    lake.commit([write], run_id="r", source="s")
    again = (Answered(hole, 3, "candles", "b" * 64),)
    lake.commit([Write(JANUARY, Candles.empty().to_arrow(), evidence=again)], run_id="r", source="s")
    seal(lake, run_id="r", now=far_future())
    lake.ledger.pin("passing")
    lake.ledger.unpin("passing")
    february = Partition(MINUTES, "2026-02")
    lake.commit([Write(february, Candles.empty().to_arrow(), replace=True)], run_id="r", source="s")


def all_of(lake: Lake) -> dict[str, Any]:
    """Everything a ledger says."""
    commits = lake.ledger.log(limit=1000)
    return {
        "contents": checks.contents(lake),
        "commits": commits,
        "versions": lake.ledger.versions(limit=1000),
        "revisions": lake.ledger.revisions(),
        "pins": lake.ledger.pins(),
        "rejected": str([lake.ledger.rejected(state.partition) for state in lake.states()]),
        "attempts": lake.ledger.attempts(lake.series()),
        "evidence": lake.evidence(MINUTES),
        "keys": [lake.ledger.committed(f"key {number}") for number in (1, 2, 3)],
        "world": lake.world,
        "segments": [lake.ledger.segments(as_of=commit.id) for commit in commits],
        "rows": [lake.read(MINUTES, as_of=commit.id).to_pylist() for commit in commits],
        "coverage": [lake.coverage(MINUTES, JANUARY.window, as_of=commit.id) for commit in commits],
    }


def rebuilt(backend: Backend) -> Backend:
    """The same files with a ledger made from them."""
    copy = backend.without_ledger()
    rebuild(copy.root, now=clock(), postgres=copy.postgres, files=copy.files)
    return copy


def test_a_rebuilt_ledger_says_all_that_the_lost_one_said(backend: Backend):
    with backend.open() as lake:
        lake.claim_world("live")
        lived(lake)
        before = all_of(lake)
    with rebuilt(backend).open() as lake:
        after = all_of(lake)
        for name, said in before.items():
            assert after[name] == said, name
        assert lake.verify() == []
        number, _ = lake.commit(generation(3), run_id="r", source="s", idem_key="key 3")
        assert number == len(before["commits"]) + 1
    record("rebuilt from files alone", backend.name, trials=1)


def test_a_vacuumed_lake_can_be_rebuilt(backend: Backend):
    with backend.open() as lake:
        lived(lake)
        for _ in range(2):
            vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
        before, late = checks.contents(lake), lake.read(MINUTES, as_of="late").to_pylist()
        pins = lake.ledger.pins()
    with rebuilt(backend).open() as lake:
        assert checks.contents(lake) == before
        assert lake.verify() == []
        assert lake.ledger.pins() == pins
        assert lake.read(MINUTES, as_of="late").to_pylist() == late


def lived_long(lake: Lake) -> None:
    """More commits than records are kept of: two checkpoints stand for the oldest."""
    lived(lake)
    for number in (3, 4, 5, 6):
        lake.commit(generation(number), run_id=f"run {number}", source="s")
        vacuum(lake, run_id="r", now=clock())
    lake.commit(generation(7), run_id="run 7", source="s")


def test_a_lake_whose_old_records_are_in_checkpoints_can_be_rebuilt(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qmd_platform.lake.vacuum.RECORDS", 3)
    with backend.open() as lake:
        lived_long(lake)
        assert len(lake.records.commits()) < lake.ledger.last_commit()
        before = all_of(lake)
    with rebuilt(backend).open() as lake:
        after = all_of(lake)
        for name, said in before.items():
            assert after[name] == said, name


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qmd_platform.lake.vacuum.RECORDS", 3)
    with backend.open() as lake:
        lived_long(lake)
        before = checks.contents(lake)
        latest = lake.records.checkpoints()[-1]
        assert len(lake.records.checkpoints()) > 1
        path = checkpoint_path(latest)
        lake.blobs.log.replace(path, lake.blobs.log.read(path)[:-20])
    with rebuilt(backend).open() as lake:
        assert checks.contents(lake) == before


class Stopped(Exception):
    """The writer is stopped here."""


@pytest.fixture
def decided(backend: Backend) -> Backend:
    """A lake whose second writer stopped when its commit had its record, and was not in the ledger yet."""
    with backend.open() as lake:
        lake.commit(generation(1), run_id="r", source="s")
        decide(lake, 2)
    return backend


def decide(lake: Lake, number: int) -> None:
    """Stop a writer of a generation between its commit's record and the commit."""
    keep = Records.keep

    def and_stop(self: Records, entry: Entry) -> None:
        keep(self, entry)
        raise Stopped

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Records, "keep", and_stop)
        with pytest.raises(Stopped):
            lake.commit(generation(number), run_id="r", source="decided")


WHOLE_SECOND = checks.Sight(generation=2, torn=False, lost=False, doubled=0, coverage=0)


def test_a_commit_that_was_decided_is_completed_by_the_next_who_opens_the_lake(decided: Backend):
    with decided.open() as lake:
        assert checks.generations(lake, 2) == WHOLE_SECOND
        assert [commit.id for commit in lake.ledger.log()] == [2, 1]
        before = checks.contents(lake)
    with rebuilt(decided).open() as lake:
        assert checks.contents(lake) == before


def test_a_commit_that_was_decided_is_in_a_ledger_made_anew(decided: Backend):
    with rebuilt(decided).open() as lake:
        assert checks.generations(lake, 2) == WHOLE_SECOND
        assert checks.damage(lake) == []


def test_a_commit_decided_while_others_have_the_lake_open_is_completed_by_the_next_writer(
    decided: Backend,
):
    with decided.open() as lake, decided.open() as other:
        decide(lake, 6)
        for _ in range(2):
            vacuum(other, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
        other.commit(generation(7), run_id="r", source="s")
        assert checks.generations(other, 7)["generation"] == 7
        assert [one.source for one in other.ledger.log(limit=2)] == ["s", "decided"]
        assert checks.damage(other) == []


def test_a_ledger_is_not_replaced_by_less_than_it_says(backend: Backend):
    with backend.open() as lake:
        for number in (1, 2):
            lake.commit(generation(number), run_id="r", source="s")
        before = checks.contents(lake)
        lake.blobs.log.delete(path_of(2))
    with pytest.raises(LedgerError):
        rebuild(backend.root, now=clock(), postgres=backend.postgres, files=backend.files)
    with backend.open() as lake:
        assert checks.contents(lake) == before


def test_a_record_missing_in_between_is_named_and_nothing_is_made(backend: Backend):
    with backend.open() as lake:
        for number in (1, 2, 3):
            lake.commit(generation(number), run_id="r", source="s")
        lake.blobs.log.delete(path_of(2))
    copy = backend.without_ledger()
    with pytest.raises(LedgerError, match="missing"):
        rebuild(copy.root, now=clock(), postgres=copy.postgres, files=copy.files)
