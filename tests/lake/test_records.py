"""The commits' records: with them, what was decided is done, whoever was stopped."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake.blobs import Found, LocalBlobs
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.records import path_of
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.ledger.database import Database
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put

NOW = 1_800_000_000_000


def first_commit(root: Path) -> None:
    with Lake.open(root) as lake:
        put(lake, Write(JANUARY, candles_at([1]).to_arrow()))


def stopped_before_the_ledger_has_it(root: Path) -> None:
    """A second commit by a process that ends once the record is kept."""
    child = os.fork()
    if not child:
        lake = Lake.open(root)
        keep = lake.records.keep
        lake.ledger._recorder.keep = lambda entry: (keep(entry), os._exit(0))  # noqa: SLF001 - to stop right there
        put(
            lake,
            Write(JANUARY, candles_at([2], 7.0).to_arrow()),
            Write(FEBRUARY, candles_at([3], 7.0, FEBRUARY).to_arrow()),
        )
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_commit_that_has_its_record_is_completed_by_whoever_opens_the_lake(tmp_path: Path):
    first_commit(tmp_path)
    stopped_before_the_ledger_has_it(tmp_path)
    with Lake.open(tmp_path) as lake:
        assert lake.ledger.last_commit() == 2
        assert lake.candles(JANUARY.series).close.tolist() == [100.0, 7.0, 7.0]
        assert lake.verify() == []


def test_a_commit_that_has_its_record_is_completed_before_the_next_one(tmp_path: Path):
    first_commit(tmp_path)
    with Lake.open(tmp_path) as lake:
        stopped_before_the_ledger_has_it(tmp_path)
        assert lake.ledger.last_commit() == 1
        number, _ = put(lake, Write(JANUARY, candles_at([4], 8.0).to_arrow()))
        assert number == 3
        assert lake.candles(JANUARY.series, JANUARY.window).close.tolist() == [100.0, 7.0, 8.0]
        assert lake.verify() == []


def test_vacuum_does_not_take_the_files_of_a_commit_that_has_its_record_for_leftovers(tmp_path: Path):
    first_commit(tmp_path)
    with Lake.open(tmp_path) as lake:
        stopped_before_the_ledger_has_it(tmp_path)
        done = vacuum(lake, run_id="v", now=time.time_ns() // 1_000_000 + 1, keep_ms=0, grace_ms=0)
        assert done.orphans == ()
        assert lake.candles(JANUARY.series, JANUARY.window).close.tolist() == [100.0, 7.0]
        assert lake.verify() == []


def test_a_writer_stopped_while_vacuum_is_at_work_keeps_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first_commit(tmp_path)
    with Lake.open(tmp_path) as lake:
        list_all = LocalBlobs.listing

        def then_a_writer(blobs: LocalBlobs) -> Iterator[Found]:
            monkeypatch.setattr(LocalBlobs, "listing", list_all)
            stopped_before_the_ledger_has_it(tmp_path)
            return list_all(blobs)

        monkeypatch.setattr(LocalBlobs, "listing", then_a_writer)
        vacuum(lake, run_id="v", now=time.time_ns() // 1_000_000 + 3_600_000, keep_ms=0, grace_ms=0)
        assert lake.ledger.last_commit() == 2
        assert lake.verify() == []


def test_acknowledged_commits_survive_a_ledger_that_forgot_them(tmp_path: Path):
    first_commit(tmp_path)
    forgetful = tmp_path / "ledger.old"
    shutil.copy(tmp_path / "ledger.sqlite", forgetful)
    with Lake.open(tmp_path) as lake:
        for price in range(1, 6):
            put(lake, Write(JANUARY, candles_at([1], float(price)).to_arrow()))
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    forgetful.rename(tmp_path / "ledger.sqlite")
    with Lake.open(tmp_path) as lake:
        assert lake.ledger.last_commit() == 6
        assert lake.candles(JANUARY.series).close.tolist() == [5.0]
        assert lake.verify() == []


def test_a_lost_ledger_is_refused_and_made_again_as_it_was(tmp_path: Path):
    first_commit(tmp_path)
    with Lake.open(tmp_path, world="sandbox") as lake:
        put(lake, Write(JANUARY, candles_at([2], 7.0).to_arrow()), idem_key="k")
        lake.ledger.pin("paper", at=1)
        before = dumped(lake.ledger.database)
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    with pytest.raises(LakeError, match="qmd rebuild"):
        Lake.open(tmp_path)
    made = rebuild(tmp_path, now=NOW)
    assert (made.commit, made.partitions, made.set_aside) == (3, 1, None)
    with Lake.open(tmp_path) as lake:
        assert dumped(lake.ledger.database) == before
        assert (lake.world, len(lake.candles(JANUARY.series, as_of="paper"))) == ("sandbox", 1)


def test_an_unreadable_ledger_is_set_aside_and_not_deleted(tmp_path: Path):
    first_commit(tmp_path)
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(LedgerError):
        Lake.open(tmp_path)
    made = rebuild(tmp_path, now=NOW)
    assert (Path(made.set_aside) / "ledger.sqlite").read_bytes().startswith(b"not a database")
    with Lake.open(tmp_path) as lake:
        assert lake.verify() == []


def test_records_that_end_before_the_ledger_are_refused(tmp_path: Path):
    first_commit(tmp_path)
    with Lake.open(tmp_path) as lake:
        put(lake, Write(JANUARY, candles_at([2]).to_arrow()))
    (tmp_path / "log" / path_of(2)).unlink()
    with pytest.raises(LedgerError, match="the ledger knows commit 2, the records end at 1"):
        rebuild(tmp_path, now=NOW)
    with Lake.open(tmp_path) as lake:
        assert "the commit records end at 1" in lake.verify()[0].problem


def test_a_damaged_record_is_named(tmp_path: Path):
    first_commit(tmp_path)
    path = tmp_path / "log" / path_of(1)
    sound = path.read_bytes()
    for spoiled in (sound[:-1], b"", sound[:30] + bytes([sound[30] ^ 4]) + sound[31:]):
        path.write_bytes(spoiled)
        with pytest.raises(LedgerError, match=path.name):
            rebuild(tmp_path, now=NOW)
        with Lake.open(tmp_path) as lake:
            assert path.name in lake.verify()[0].problem


def test_a_checkpoint_stands_for_the_records_before_it(tmp_path: Path):
    first_commit(tmp_path)
    with Lake.open(tmp_path) as lake:
        lake.records.keep_checkpoint(*lake.ledger.checkpoint())
        put(lake, Write(JANUARY, candles_at([2], 7.0).to_arrow()))
        before = dumped(lake.ledger.database)
        (tmp_path / "log" / path_of(1)).unlink()
        assert lake.verify() == []
    (tmp_path / "ledger.sqlite").unlink()
    rebuild(tmp_path, now=NOW)
    with Lake.open(tmp_path) as lake:
        assert dumped(lake.ledger.database) == before


def test_a_lost_format_file_is_made_again_with_the_lakes_id(tmp_path: Path):
    first_commit(tmp_path)
    said = json.loads((tmp_path / "FORMAT.json").read_bytes())
    (tmp_path / "FORMAT.json").unlink()
    with Lake.open(tmp_path) as lake:
        assert lake.verify() == []
    assert json.loads((tmp_path / "FORMAT.json").read_bytes()) == said
    for lost in ("FORMAT.json", "ledger.sqlite"):
        (tmp_path / lost).unlink()
    rebuild(tmp_path, now=NOW)
    with Lake.open(tmp_path) as lake:
        assert lake.verify() == []
    assert json.loads((tmp_path / "FORMAT.json").read_bytes()) == said


def dumped(database: Database) -> bytes:
    from qmd_platform.ledger.checkpoint import dumped as dump

    with database.reading() as connection:
        return dump(connection)
