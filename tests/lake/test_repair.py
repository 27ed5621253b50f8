"""Damage taken out of the lake: what is left is sound, what is lost is missing, and comes back by being fetched."""

from pathlib import Path

import pytest

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake.repair import CAUSE, repair
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.spans import Run, State
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    opened = Lake.open(tmp_path / "lake")
    rows = candles_at(list(range(10)))
    put(
        opened,
        Write(JANUARY, rows.to_arrow(), asked=(hours(0, 12),)),
        Write(FEBRUARY, candles_at([1], partition=FEBRUARY).to_arrow()),
    )
    return opened


def file_of(lake: Lake) -> Path:
    (segment,) = lake.ledger.heads([JANUARY])[JANUARY].segments
    return lake.root / "data" / segment.path


def spoil(lake: Lake) -> bytes:
    path = file_of(lake)
    spoiled = bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]
    path.write_bytes(spoiled)
    return spoiled


def test_a_damaged_file_goes_to_quarantine_and_its_candles_are_missing(lake: Lake):
    path, spoiled = file_of(lake), spoil(lake)
    (outcome,) = repair(lake, lake.verify(), run_id="r")
    assert (outcome.partition, outcome.rows, outcome.version) == (JANUARY, 0, 2)
    assert lake.coverage(JANUARY.series, hours(0, 12)) == [
        Run(hours(0, 10), State.MISSING, CAUSE),
        Run(hours(10, 12), State.MISSING, "asked for, not received"),
    ]
    assert not path.exists()
    assert (lake.root / "quarantine" / path.relative_to(lake.root / "data")).read_bytes() == spoiled
    assert len(lake.candles(JANUARY.series)) == 1  # February's
    assert lake.verify() == []


def test_what_was_lost_comes_back_with_the_content_hash_it_had(lake: Lake):
    before = lake.state(JANUARY).data_version
    spoil(lake)
    repair(lake, lake.verify(), run_id="r")
    assert lake.state(JANUARY).data_version != before
    put(lake, Write(JANUARY, candles_at(list(range(10))).to_arrow(), asked=(hours(0, 10),)))
    assert lake.state(JANUARY).data_version == before
    assert lake.verify() == []


def test_a_lost_file_is_repaired_too(lake: Lake):
    file_of(lake).unlink()
    repair(lake, lake.verify(), run_id="r")
    assert lake.state(JANUARY).rows == 0
    assert lake.verify() == []


def test_a_snapshot_that_used_the_file_stays_unreadable_until_it_is_put_back(lake: Lake):
    path = file_of(lake)
    sound = path.read_bytes()
    rows = lake.read(JANUARY.series)
    spoil(lake)
    repair(lake, lake.verify(), run_id="r")
    with pytest.raises(CorruptSegment):
        lake.read(JANUARY.series, as_of=1)
    path.write_bytes(sound)
    assert lake.read(JANUARY.series, as_of=1) == rows


def test_a_sound_lake_and_an_orphan_are_left_alone(lake: Lake):
    assert repair(lake, lake.verify(), run_id="r") == []
    file_of(lake).with_name("half.parquet").write_bytes(b"PAR1")
    assert repair(lake, lake.verify(), run_id="r") == []
    assert lake.ledger.last_commit() == 1


def test_a_repair_stopped_before_the_file_was_deleted_is_finished_by_nobody_being_hurt(lake: Lake):
    path = file_of(lake)
    spoiled = spoil(lake)
    findings = lake.verify()
    repair(lake, findings, run_id="r")
    path.write_bytes(spoiled)
    assert lake.verify() == []  # no live version has it
    assert [outcome.version for outcome in repair(lake, findings, run_id="r")] == [2]
    assert lake.ledger.last_commit() == 2


def test_a_damaged_file_that_only_a_pin_needs_is_named_with_the_pin_and_left_alone(lake: Lake):
    path = file_of(lake)
    lake.ledger.pin("paper")
    put(lake, Write(JANUARY, candles_at([3], 7.0).to_arrow()))
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = lake.verify()
    assert (finding.kind, finding.path in str(path), finding.pins) == ("damaged", True, ("paper",))
    assert repair(lake, [finding], run_id="r") == []
    assert path.exists()
    lake.ledger.unpin("paper")
    assert lake.verify() == []
