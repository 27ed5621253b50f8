"""Backups: whole, on their own, never worse than the one before, and the way back."""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qmd_platform.errors import LakeError, LedgerError, Vacuumed
from qmd_platform.lake import copying
from qmd_platform.lake.backup import Saved, backup, restore
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.series import Partition
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put
from tests.servers import fresh_schema

LATER = 1 << 52
"""A clock's time long after all commits."""


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """Two months, one of them written twice."""
    with Lake.open(tmp_path / "lake") as opened:
        write(opened, JANUARY, [0, 1, 2])
        write(opened, FEBRUARY, [5])
        write(opened, JANUARY, [2, 3], price=7.0)
        yield opened


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def write(lake: Lake, partition: Partition, steps: list[int], price: float = 100.0) -> int:
    asked = (hours(steps[0], steps[-1] + 1, partition),)
    return put(lake, Write(partition, candles_at(steps, price, partition).to_arrow(), asked))[0]


def held(root: Path) -> dict[str, object]:
    """All that a reader of the lake in ``root`` can see, of now and of every past commit. It is proven sound first."""
    with Lake.open(root) as lake:
        assert [finding for finding in lake.verify() if finding.is_damage] == []
        last = lake.ledger.last_commit()
        return {
            "states": lake.states(),
            "coverage": [lake.coverage(one.series, one.window) for one in (JANUARY, FEBRUARY)],
            "past": [past(lake, commit) for commit in range(last + 1)],
            "log": lake.ledger.log(),
        }


def past(lake: Lake, commit: int) -> list[list[float]] | str:
    try:
        return [lake.candles(one.series, as_of=commit).close.tolist() for one in (JANUARY, FEBRUARY)]
    except Vacuumed as error:
        return error.message


def data_files(root: Path) -> list[Path]:
    return sorted((root / "data").rglob("*.parquet"))


def in_a_child(work: Callable[[], object], dies_at: int | None = None) -> bool:
    """Do ``work`` in a process that is killed when it touches the disk for the ``dies_at``-th time; whether it ended."""
    child = os.fork()
    if not child:
        code = 1
        try:
            seen = iter(range(10**9 if dies_at is None else dies_at))
            touching = {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"}
            sys.addaudithook(
                lambda event, _: event in touching and next(seen, None) is None and os.kill(os.getpid(), signal.SIGKILL)
            )
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert status in {0, signal.SIGKILL}
    return status == 0


def test_a_backup_is_a_lake_with_all_the_lake_has_its_past_included(lake: Lake, target: Path):
    saved = backup(lake, target)
    assert (saved.commit, saved.copied, saved.removed, saved.damaged, saved.lost) == (3, saved.files, 0, (), ())
    assert held(target) == held(lake.root)


def test_the_next_backup_copies_only_what_is_new(lake: Lake, target: Path):
    first = backup(lake, target)
    assert backup(lake, target).copied == 0
    before = {path: path.stat().st_mtime_ns for path in data_files(target)}
    write(lake, FEBRUARY, [6])
    saved = backup(lake, target)
    assert (saved.copied, saved.files) == (2, first.files + 2)  # a data file and the commit's record
    assert {path: path.stat().st_mtime_ns for path in data_files(target) if path in before} == before
    assert held(target) == held(lake.root)


def test_damage_to_the_lake_leaves_the_backup_as_it_was(lake: Lake, target: Path):
    backup(lake, target)
    before = held(target)
    for path in data_files(lake.root):
        path.write_bytes(b"overwritten in place")
    assert held(target) == before


def test_what_is_committed_while_a_backup_runs_is_in_the_next_one(
    lake: Lake, target: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(copying, "AT_ONCE", 1)
    expected = held(lake.root)
    steps = iter(range(10, 10**6))
    saved = backup(lake, target, lambda done, total: write(lake, JANUARY, [next(steps)]))
    assert saved.commit == 3
    assert held(target) == expected
    assert backup(lake, target).commit == lake.ledger.last_commit() > 3
    assert held(target) == held(lake.root)


def test_a_vacuum_in_the_middle_of_a_backup_makes_it_begin_anew(
    lake: Lake, target: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(copying, "AT_ONCE", 1)
    once = iter([True])

    def clean(done: int, total: int) -> None:
        if next(once, False):
            for now in (LATER, LATER + 1):
                vacuum(lake, run_id="v", now=now, keep_ms=0, grace_ms=0)

    saved = backup(lake, target, clean)
    assert len(data_files(target)) == len(data_files(lake.root)) == 2
    assert (saved.damaged, saved.lost) == ((), ())
    with Lake.open(target) as copy:
        assert [finding for finding in copy.verify() if finding.is_damage] == []


def test_a_backup_forgets_what_the_lake_has_given_up(lake: Lake, target: Path):
    backup(lake, target)
    assert len(data_files(target)) == 3
    for now in (LATER, LATER + 1):
        vacuum(lake, run_id="v", now=now, keep_ms=0, grace_ms=0)
    assert backup(lake, target).removed >= 1
    assert [path.name for path in data_files(target)] == [path.name for path in data_files(lake.root)]


def test_a_damaged_file_is_named_and_the_rest_is_saved(lake: Lake, target: Path):
    (path,) = [lake.root / "data" / one.path for one in lake.ledger.segments(FEBRUARY.series, ("2026-02", "2026-02"))]
    path.write_bytes(path.read_bytes()[:-1])
    saved = backup(lake, target)
    assert len(saved.damaged) == 1
    assert path.name in saved.damaged[0]
    assert "not those that were committed" in saved.damaged[0]
    with Lake.open(target) as copy:
        assert copy.read(JANUARY.series, JANUARY.window).equals(lake.read(JANUARY.series, JANUARY.window))


def test_a_missing_file_that_only_the_past_needs_is_told_apart(lake: Lake, target: Path):
    live = {segment.path for segment in lake.ledger.segments()}
    (old,) = lake.ledger.paths() - live
    (lake.root / "data" / old).unlink()
    saved = backup(lake, target)
    assert saved.damaged == ()
    assert saved.lost == (f"data/{old}: it is missing",)


def test_a_file_damaged_since_the_last_backup_is_still_whole_in_the_backup(lake: Lake, target: Path):
    expected = held(lake.root)
    backup(lake, target)
    for path in data_files(lake.root):
        path.write_bytes(b"overwritten in place")
    assert backup(lake, target).damaged == ()
    assert held(target) == expected


def test_a_file_of_the_backup_that_lost_its_end_is_copied_again(lake: Lake, target: Path):
    backup(lake, target)
    path = data_files(target)[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert backup(lake, target).copied == 1
    assert held(target) == held(lake.root)


def test_a_damaged_ledger_does_not_replace_a_good_backup(lake: Lake, target: Path):
    backup(lake, target)
    lake.close()
    path = lake.root / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    content[4096 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4096)
    path.write_bytes(content)
    before = (target / "ledger.sqlite").read_bytes()
    with pytest.raises(LedgerError, match="damaged"):
        backup(lake, target)
    assert (target / "ledger.sqlite").read_bytes() == before


def test_a_backup_whose_own_ledger_is_damaged_is_made_whole_again(lake: Lake, target: Path):
    backup(lake, target)
    (target / "ledger.sqlite").write_bytes(b"no database at all")
    assert backup(lake, target).copied == 0
    assert held(target) == held(lake.root)


def test_somebody_who_only_looked_into_a_backup_does_not_harm_the_next_one(lake: Lake, target: Path):
    backup(lake, target)
    reader = sqlite3.connect(target / "ledger.sqlite")
    assert reader.execute('SELECT count(*) FROM "commit"').fetchone() == (3,)
    write(lake, FEBRUARY, [6])
    backup(lake, target)
    assert held(target) == held(lake.root)
    reader.close()


@pytest.mark.parametrize("every", [pytest.param(9, marks=pytest.mark.slow), 40])
@pytest.mark.parametrize("first", [True, False], ids=["the first backup", "the next backup"])
def test_killed_anywhere_the_earlier_backup_is_whole_and_the_next_run_finishes(
    lake: Lake, target: Path, *, first: bool, every: int
):
    earlier = None
    if not first:
        backup(lake, target)
        earlier = held(target)
        write(lake, FEBRUARY, [6])
        for now in (LATER, LATER + 1):
            vacuum(lake, run_id="v", now=now, keep_ms=0, grace_ms=0)
        target.rename(target.with_name("earlier"))
    expected = held(lake.root)
    for instant in range(0, 100_000, every):
        shutil.rmtree(target, ignore_errors=True)
        if not first:
            shutil.copytree(target.with_name("earlier"), target)
        if in_a_child(lambda: backup(lake, target), dies_at=instant):
            assert instant > every
            return
        if (target / "ledger.sqlite").exists():
            found = held(target)
            # A commit that was completed from its record does not know yet what a vacuum has given up.
            assert found == earlier or {**found, "past": None} == {**expected, "past": None}
        backup(lake, target)
        assert held(target) == expected
    pytest.fail("it never finished")


@pytest.mark.parametrize("every", [pytest.param(9, marks=pytest.mark.slow), 40])
def test_a_restore_killed_anywhere_is_finished_by_the_next_run(lake: Lake, target: Path, tmp_path: Path, every: int):
    backup(lake, target)
    expected = held(target)
    for instant in range(0, 100_000, every):
        place = tmp_path / f"restored-{instant}"
        ended = in_a_child(lambda place=place: restore(target, place), dies_at=instant)
        if not (place / "ledger.sqlite").exists():
            restore(target, place)
        assert held(place) == expected
        if ended:
            assert instant > every
            return
    pytest.fail("it never finished")


def test_a_restored_lake_carries_on_where_the_backup_was_made(lake: Lake, target: Path, tmp_path: Path):
    expected = held(lake.root)
    backup(lake, target)
    shutil.rmtree(lake.root)
    saved = restore(target, tmp_path / "lake")
    assert saved == Saved(3, saved.files, saved.files, saved.bytes, 0, (), ())
    assert held(tmp_path / "lake") == expected
    with Lake.open(tmp_path / "lake") as restored:
        assert write(restored, FEBRUARY, [9]) == 4
        assert backup(restored, target).commit == 4


def test_a_damaged_file_of_a_backup_is_named_and_the_rest_is_restored(lake: Lake, target: Path, tmp_path: Path):
    backup(lake, target)
    (victim,) = [target / "data" / one.path for one in lake.ledger.segments(FEBRUARY.series, ("2026-02", "2026-02"))]
    victim.write_bytes(victim.read_bytes().replace(b"PAR1", b"PAR2"))
    saved = restore(target, tmp_path / "restored")
    assert [victim.name in one for one in saved.damaged] == [True]
    with Lake.open(tmp_path / "restored") as restored:
        assert restored.read(JANUARY.series, JANUARY.window).equals(lake.read(JANUARY.series, JANUARY.window))


def test_a_lake_is_never_overwritten_by_a_restore(lake: Lake, target: Path, tmp_path: Path):
    backup(lake, target)
    with pytest.raises(LakeError, match="holds a lake already"):
        restore(target, lake.root)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(LakeError, match="holds other things"):
        restore(target, tmp_path / "other")
    with pytest.raises(LakeError, match="there is no backup in"):
        restore(tmp_path / "other", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("where", ["lake", "lake/data/backup", "."])
def test_a_backup_is_not_made_into_the_lake_itself(lake: Lake, tmp_path: Path, where: str):
    with pytest.raises(LakeError, match="are one place"):
        backup(lake, tmp_path / where)


def test_a_folder_with_other_things_is_left_alone(lake: Lake, target: Path):
    target.mkdir()
    (target / "letter.txt").touch()
    with pytest.raises(LakeError, match="holds other things"):
        backup(lake, target)
    assert [path.name for path in target.iterdir()] == ["letter.txt"]


def test_a_backup_of_another_lake_is_left_alone(lake: Lake, target: Path, tmp_path: Path):
    backup(lake, target)
    with Lake.open(tmp_path / "other") as other, pytest.raises(LakeError, match="backup of another lake"):
        backup(other, target)


def test_a_backup_that_was_written_to_is_left_alone(lake: Lake, target: Path):
    backup(lake, target)
    with Lake.open(target) as used:
        write(used, FEBRUARY, [9])
    with pytest.raises(LedgerError, match="has commits that"):
        backup(lake, target)


def test_a_place_that_cannot_be_written_is_named(lake: Lake, target: Path):
    target.touch()
    with pytest.raises(LakeError, match="cannot write to"):
        backup(lake, target)


@pytest.mark.postgres
@pytest.mark.minio
def test_a_lake_on_servers_is_saved_as_one_of_files(postgres: str, files_url: str, tmp_path: Path, target: Path):
    url = fresh_schema(postgres)
    with Lake.open(tmp_path / "lake", postgres=url, files=files_url) as lake:
        write(lake, JANUARY, [0, 1, 2])
        write(lake, JANUARY, [2, 3], price=7.0)
        backup(lake, target)
        states = lake.states()
    assert held(target)["states"] == states
    with Lake.open(tmp_path / "lake", postgres=url, files=files_url) as lake:
        write(lake, FEBRUARY, [1])
        assert backup(lake, target).copied == 2
    assert not (tmp_path / "lake" / "data").exists()
