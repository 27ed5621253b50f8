"""A lake does not grow with what was overwritten, and vacuum takes nothing that anybody can reach (P12)."""

from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.series import Partition
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.making import DAY, MINUTES, clock, far_future, noise

JANUARY = Partition(MINUTES, "2026-01")
ORPHAN = f"{JANUARY.folder}/20260101T000000Z-20260101T235900Z.v00000001.0badc0de.0123456789abcdef.parquet"


def reachable(lake: Lake) -> set[str]:
    """The files of now and of all pins."""
    snapshots = [None, *(pin.commit for pin in lake.ledger.pins())]
    return {segment.path for as_of in snapshots for segment in lake.ledger.segments(as_of=as_of)}


def test_after_many_overwrites_only_what_can_be_reached_is_there(backend: Backend):
    rounds = 6
    with backend.open() as lake:
        sizes = []
        for number in range(rounds):
            rows = noise(JANUARY, 0, 3000, seed=number).to_arrow()
            lake.commit([Write(JANUARY, rows)], run_id="r", source="s")
            if number % 2:
                seal(lake, run_id="r", now=far_future())
            if number == 2:
                lake.ledger.pin("second-round")
            for _ in range(2):
                vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
            assert set(lake.blobs.data.paths()) == reachable(lake)
            sizes.append(len(reachable(lake)))
        assert lake.verify() == []
        assert max(sizes[3:]) <= 6
        lake.ledger.unpin("second-round")
        for _ in range(2):
            vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0)
        assert set(lake.blobs.data.paths()) == {segment.path for segment in lake.ledger.segments()}
    record("overwritten and vacuumed", backend.name, trials=rounds)


def test_a_file_no_commit_names_goes_when_it_is_old(backend: Backend):
    with backend.open() as lake:
        lake.commit([Write(JANUARY, noise(JANUARY, 0, 100, seed=1).to_arrow())], run_id="r", source="s")
        held = set(lake.blobs.data.paths())
        lake.blobs.data.put(ORPHAN, b"half a file")
        vacuum(lake, run_id="r", now=clock(), keep_ms=0, grace_ms=DAY)
        assert set(lake.blobs.data.paths()) == held | {ORPHAN}
        vacuum(lake, run_id="r", now=clock() + 2 * DAY, keep_ms=0, grace_ms=DAY, dry_run=True)
        assert set(lake.blobs.data.paths()) == held | {ORPHAN}
        vacuum(lake, run_id="r", now=clock() + 2 * DAY, keep_ms=0, grace_ms=DAY)
        assert set(lake.blobs.data.paths()) == held


def test_a_dry_run_changes_nothing(backend: Backend):
    with backend.open() as lake:
        for seed in (1, 2):
            lake.commit([Write(JANUARY, noise(JANUARY, 0, 100, seed).to_arrow())], run_id="r", source="s")
        before = set(lake.blobs.data.paths()), lake.ledger.last_commit()
        for _ in range(2):
            vacuum(lake, run_id="r", now=far_future(), keep_ms=0, grace_ms=0, dry_run=True)
        assert (set(lake.blobs.data.paths()), lake.ledger.last_commit()) == before
        assert lake.read(MINUTES, as_of=1).num_rows == 100
