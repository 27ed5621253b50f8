"""A lake whose ledger has schema 0002, as the code before evidence was kept wrote it: read, written to, made again.

In it: a month of hours in three versions, with a hole, a verified one and a rejected row; a pin; records of format 1 and a
checkpoint of schema 0002 in their middle.
"""

import gzip
import json
import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from qmd_platform.errors import LedgerError
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.records import path_of
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.journal import Entry
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.spans import Run, State
from tests.lake.making import JANUARY, candles_at, hours, put

ARCHIVE = Path(__file__).parent / "files" / "revision-0002.tar.xz"

CHECKPOINT = "log/000000/000000003.checkpoint.gz"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def check(lake: Lake) -> None:
    """The lake is what the old code said it was, and takes evidence."""
    assert [(one.id, one.run_id, one.new, one.changed) for one in lake.ledger.log()] == [
        (4, "old", 1, 0),
        (3, "pin", 0, 0),
        (2, "old", 0, 1),
        (1, "old", 3, 0),
    ]
    assert lake.coverage(JANUARY.series, JANUARY.window) == [
        Run(hours(0, 3), State.PRESENT),
        Run(hours(3, 4), State.VERIFIED_EMPTY, "two answers leave it out"),
        Run(hours(4, 5), State.MISSING, "asked for, not received"),
        Run(hours(5, 6), State.QUARANTINED, "high below low"),
        Run(hours(6, 7), State.MISSING, "asked for, not received"),
        Run(hours(7, 8), State.PRESENT),
        Run(hours(8, 10), State.MISSING, "asked for, not received"),
    ]
    assert lake.candles(JANUARY.series).close.tolist() == [100.0, 101.5, 100.0, 50.0]
    assert lake.candles(JANUARY.series, as_of="early").close.tolist() == [100.0] * 3
    assert (lake.attempts(JANUARY.series), lake.evidence(JANUARY.series)) == ([], [])
    assert lake.verify() == []
    answer = Answered(hours(8, 10), 5, "candles", rows=1)
    put(lake, Write(JANUARY, candles_at([8]).to_arrow(), (hours(8, 10),), fetched_at=5, evidence=(answer,)))
    assert lake.attempts(JANUARY.series) == [Attempt(hours(9, 10), 1, 5)]
    assert lake.evidence(JANUARY.series) == [(5, answer)]
    assert lake.verify() == []


def test_it_is_brought_up_to_date_when_it_is_opened(root: Path):
    with Lake.open(root) as lake:
        check(lake)
    engine = sa.create_engine(f"sqlite:///{root}/ledger.sqlite", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0004"


@pytest.mark.parametrize("lost", [(), (CHECKPOINT,), ("log/000000/000000001.json.gz", "log/000000/000000002.json.gz")])
def test_its_ledger_can_be_made_again_from_old_records_and_from_an_old_checkpoint(root: Path, lost: tuple[str, ...]):
    for name in ("ledger.sqlite", *lost):
        (root / name).unlink()
    rebuild(root, now=1)
    with Lake.open(root) as lake:
        check(lake)


def test_a_record_of_before_is_read_and_one_of_a_newer_format_is_refused(root: Path):
    with Lake.open(root) as lake:
        old = gzip.decompress(lake.blobs.log.read(path_of(1)))
        assert json.loads(old)["format"] == 1
        (change,) = lake.records.entry(1).changes
        assert (change.evidence, change.attempts) == ((), None)
    newer = gzip.compress(old.replace(b'"format":1', b'"format":3'))
    with pytest.raises(LedgerError, match="format 3"):
        Entry.from_bytes(newer, "here")


def test_a_checkpoint_of_a_schema_that_is_not_known_is_refused(root: Path):
    lines = gzip.decompress((root / CHECKPOINT).read_bytes())
    assert lines.startswith(b'{"schema": "0002"}')
    for schema in (b"0001", b"0005"):
        (root / CHECKPOINT).write_bytes(gzip.compress(lines.replace(b"0002", schema, 1)))
        for name in ("ledger.sqlite", "log/000000/000000001.json.gz"):
            (root / name).unlink(missing_ok=True)
        with pytest.raises(LedgerError, match=f"schema {schema.decode()}"):
            rebuild(root, now=1)
