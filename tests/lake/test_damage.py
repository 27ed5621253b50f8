"""Damage is found and named, and never served."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake.blobs import LocalBlobs
from qmd_platform.lake.rows import content_hash
from qmd_platform.lake.segments import sealed
from qmd_platform.lake.store import Lake, Write
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
        with pytest.raises(CorruptSegment, match=f"{length} bytes, and not the {len(sound)}"):
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
    ],
)
def test_a_ledger_that_disagrees_with_the_files_is_found(lake: Lake, statement: str, says: str):
    ledger = sqlite3.connect(lake.root / "ledger.sqlite")
    ledger.execute(f"{statement} WHERE {'id' if 'partition SET' in statement else 'partition_id'} = 1")
    ledger.commit()
    ledger.close()
    findings = lake.verify()
    assert [finding.partition for finding in findings] == [JANUARY]
    assert says in findings[0].problem


def test_rows_out_of_order_are_found_though_file_and_ledger_agree(lake: Lake):
    rows = candles_at([2, 1], partition=FEBRUARY).to_arrow()
    segment, data = sealed(FEBRUARY, rows, 2, {})
    LocalBlobs(lake.root / "data").put(segment.path, data)
    runs = (Run(hours(1, 3, FEBRUARY), State.PRESENT),)
    outcome = Outcome(FEBRUARY, 2, 2, 2, 0, 0, len(data), content_hash(CANDLES, rows), runs, wrote=True)
    lake.ledger.commit([Change(outcome, 1, segment)], run_id="r", source="s")
    assert [finding.problem for finding in lake.verify()] == ["open times do not rise"]


def test_verify_says_how_far_it_is(lake: Lake):
    told: list[tuple[int, int]] = []
    lake.verify(lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_coverage_of_a_window_is_cut_to_it(lake: Lake):
    (run,) = lake.coverage(JANUARY.series, hours(10, 20))
    assert run.window == hours(10, 20)
