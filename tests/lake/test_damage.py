"""Damage is found and named, and never served."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import CorruptSegment, LedgerError
from qmd_platform.lake.digests import data_version_of
from qmd_platform.lake.rows import stamped
from qmd_platform.lake.segments import sealed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.applying import refresh_checksums
from qmd_platform.ledger.records import Change, Outcome
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import Run, State
from qmd_platform.model.tables import CANDLES
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    opened = Lake.open(tmp_path / "lake")
    noise = np.random.default_rng(1).integers(1, 10**6, (5, 744)) / 100.0
    january = Candles(JANUARY.window.start + np.arange(744) * 3_600_000, *noise)
    put(opened, Write(JANUARY, january.to_arrow()), Write(FEBRUARY, candles_at([1, 2], partition=FEBRUARY).to_arrow()))
    opened.close()
    return opened


def january_file(lake: Lake) -> Path:
    (path,) = (lake.root / "data" / JANUARY.folder).iterdir()
    return path


def test_a_flipped_bit_anywhere_is_found_and_named(lake: Lake):
    path = january_file(lake)
    sound = path.read_bytes()
    rng = np.random.default_rng(3)
    for place in [0, len(sound) - 1, *rng.integers(0, len(sound), 60)]:
        broken = bytearray(sound)
        broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        with pytest.raises(CorruptSegment) as caught:
            lake.read(JANUARY.series)
        assert path.name in caught.value.message
        assert str(JANUARY) in caught.value.message
    path.write_bytes(sound)
    assert lake.read(JANUARY.series).num_rows == 746


def test_a_file_cut_short_or_gone_is_named_and_other_partitions_stay_readable(lake: Lake):
    path = january_file(lake)
    sound = path.read_bytes()
    for length in (0, 3, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:length])
        with pytest.raises(CorruptSegment, match=f"there are {length}, and not {len(sound)}"):
            lake.candles(JANUARY.series)
    path.unlink()
    with pytest.raises(CorruptSegment, match="the file is missing"):
        lake.candles(JANUARY.series)
    assert len(lake.candles(FEBRUARY.series, FEBRUARY.window)) == 2


def test_nothing_is_written_over_a_damaged_partition(lake: Lake):
    january_file(lake).write_bytes(b"")
    with pytest.raises(CorruptSegment):
        put(
            lake,
            Write(FEBRUARY, candles_at([3], partition=FEBRUARY).to_arrow()),
            Write(JANUARY, candles_at([3]).to_arrow()),
        )
    assert lake.ledger.last_commit() == 1
    assert [finding.kind for finding in lake.verify()] == ["damaged"]


def test_verify_lists_all_damage_and_nothing_else(lake: Lake):
    assert lake.verify() == []
    path = january_file(lake)
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = lake.verify()
    assert (finding.partition, finding.kind, finding.is_damage) == (JANUARY, "damaged", True)
    assert path.name in finding.problem


def test_a_file_no_commit_names_is_an_orphan_and_no_damage(lake: Lake):
    path = january_file(lake)
    path.with_name("half.parquet").write_bytes(b"PAR1")
    (lake.root / "data" / "stray").write_bytes(b"")
    findings = lake.verify()
    assert [(finding.partition, finding.kind, finding.is_damage) for finding in findings] == [
        (None, "orphan", False),
        (JANUARY, "orphan", False),
    ]
    assert lake.read(JANUARY.series).num_rows == 746


def test_files_of_past_commits_are_no_orphans(lake: Lake):
    put(lake, Write(JANUARY, candles_at([5], 7.0).to_arrow()))
    assert len(list((lake.root / "data" / JANUARY.folder).iterdir())) == 2
    assert lake.verify() == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE partition SET rows = rows - 1", "rows in the files"),
        ("UPDATE partition SET bytes = bytes + 1", "bytes in the ledger"),
        ("UPDATE partition SET data_version = 'x'", "content hash"),
        ("UPDATE partition SET last = last + 3600000", "open time"),
        ("UPDATE coverage SET end = end + 3600000", "coverage"),
        ("DELETE FROM coverage", "coverage"),
        ("UPDATE segment SET file_hash = 'x'", "damaged"),
        ("UPDATE segment SET digests = '0:x'", "not those its entry speaks of"),
        ("UPDATE segment SET lo = lo + 3600000", "not those its entry speaks of"),
    ],
)
def test_a_ledger_that_disagrees_with_the_files_is_found(lake: Lake, statement: str, says: str):
    changed_in(lake, f"{statement} WHERE {'id' if 'partition SET' in statement else 'partition_id'} = 1")
    # Its own checksum would say so first; here it agrees with what the ledger now says.
    with lake.ledger.database.writing() as connection:
        refresh_checksums(connection, [JANUARY])
    findings = lake.verify()
    assert {finding.partition for finding in findings} == {None, JANUARY}
    assert any(says in finding.problem for finding in findings if finding.partition == JANUARY)
    assert any("not what was committed" in finding.problem for finding in findings if finding.partition is None)


def test_rows_out_of_order_are_found_though_file_and_ledger_agree(lake: Lake):
    rows = stamped(CANDLES, candles_at([2, 1], partition=FEBRUARY).to_arrow(), 0, 0)
    segment, data = sealed(FEBRUARY, rows, FEBRUARY.window, 2, {})
    lake.blobs.data.put(segment.path, data)
    before = lake.ledger.heads([FEBRUARY])[FEBRUARY].segments
    runs = (Run(hours(1, 3, FEBRUARY), State.PRESENT),)
    outcome = Outcome(FEBRUARY, 2, 2, 2, 0, 0, len(data), data_version_of(FEBRUARY, rows), runs, wrote=True)
    change = Change(outcome, 1, (segment,), tuple(one.path for one in before), first=segment.first, last=segment.last)
    lake.ledger.commit([change], run_id="r", source="s")
    assert [finding.problem for finding in lake.verify()] == ["open times do not rise"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE partition SET rows = rows + 1 WHERE id = 1",
        "UPDATE segment SET path = replace(path, '2026-01', '2026-02') WHERE partition_id = 1",
        "DELETE FROM segment WHERE partition_id = 1",
        "DELETE FROM coverage WHERE partition_id = 1",
        "UPDATE coverage SET state = 'xresent' WHERE partition_id = 1",
        "UPDATE coverage SET end = start WHERE partition_id = 1",
    ],
)
def test_a_ledger_that_was_changed_behind_our_back_serves_nothing_of_the_partition(lake: Lake, statement: str):
    changed_in(lake, statement)
    with pytest.raises(LedgerError, match="the ledger is damaged"):
        lake.candles(JANUARY.series, JANUARY.window)
    with pytest.raises(LedgerError, match="the ledger is damaged"):
        put(lake, Write(JANUARY, candles_at([5], 7.0).to_arrow()))
    assert len(lake.candles(FEBRUARY.series, FEBRUARY.window)) == 2
    assert "damaged" in {finding.kind for finding in lake.verify()}


def changed_in(lake: Lake, statement: str) -> None:
    ledger = sqlite3.connect(lake.root / "ledger.sqlite")
    ledger.execute(statement)
    ledger.commit()
    ledger.close()


def test_verify_says_how_far_it_is(lake: Lake):
    told: list[tuple[int, int]] = []
    lake.verify(lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_coverage_of_a_window_is_cut_to_it(lake: Lake):
    (run,) = lake.coverage(JANUARY.series, hours(10, 20))
    assert run.window == hours(10, 20)
