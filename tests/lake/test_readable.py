"""Files are proven before an engine is given their names, and copied where the file itself will not do."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake import readable, views
from qmd_platform.lake.blobs import LocalBlobs
from qmd_platform.lake.store import Lake
from qmd_platform.lake.view_frames import scanned
from qmd_platform.ledger.records import Segment
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import CANDLES
from qmd_platform.model.timeframe import Timeframe
from tests.lake.making import JANUARY
from tests.lake.test_codec import OLD
from tests.lake.viewing import GATE, asked, from_engine


def flip(lake: Lake, series: Series) -> Path:
    """Flip a bit in the middle of the first file of ``series``; size and modification time stay."""
    segment = lake.ledger.segments(series)[0]
    path = Path(lake.blobs.data.where(segment.path))
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def test_a_flipped_bit_is_never_served(filled: Lake):
    path = flip(filled, GATE.series)
    with views.connect(filled) as connection, pytest.raises(CorruptSegment) as caught:
        connection.sql("SELECT * FROM candles_1h")
    assert str(path) in str(caught.value)
    with pytest.raises(CorruptSegment):
        views.frame(filled, "candles_1h")


def test_a_bit_flipped_after_the_file_was_proven_is_seen_at_the_next_query(filled: Lake):
    with views.connect(filled) as connection:
        connection.sql("SELECT * FROM candles_1h").fetchall()
        flip(filled, JANUARY.series)
        with pytest.raises(CorruptSegment):
            connection.sql("SELECT * FROM candles_1h")


def test_only_the_files_of_the_tables_a_query_names_are_proven(filled: Lake):
    flip(filled, GATE.series)
    assert asked(filled, "SELECT count(*) FROM instruments") == [(2,)]


def test_damage_may_be_looked_at_on_request(filled: Lake):
    flip(filled, GATE.series)
    assert asked(filled, "SELECT count(*) FROM candles_1h", verify=False) == [(7,)]
    assert views.frame(filled, "candles_1h", verify=False).select(pl.len()).collect().item() == 7
    with pytest.raises(CorruptSegment):
        asked(filled, "SELECT count(*) FROM candles_1h")


@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_told_by_name(filled: Lake, *, verify: bool):
    path = Path(filled.blobs.data.where(filled.ledger.segments(GATE.series)[0].path))
    path.unlink()
    with pytest.raises(CorruptSegment, match="gate"):
        asked(filled, "SELECT count(*) FROM candles_1h", verify=verify)


def test_a_file_is_hashed_once_in_a_process(filled: Lake, monkeypatch: pytest.MonkeyPatch):
    asked(filled, "SELECT count(*) FROM candles_1h")
    monkeypatch.setattr(readable, "proven", None)
    assert asked(filled, "SELECT count(*) FROM candles_1h") == [(7,)]


def old_segment(partition: Partition, data: bytes) -> Segment:
    digest = hashlib.sha256(data).hexdigest()
    return Segment(partition, f"{partition.folder}/old.parquet", 60, len(data), digest, 1)


def test_files_of_layout_1_are_read_by_way_of_a_copy(tmp_path: Path):
    partition = Partition(Series.candles(Market.parse("binance:BTC/USDT"), Timeframe.M1), "2025-12")
    data = (OLD / "layout1-whole.parquet").read_bytes()
    blobs = LocalBlobs(tmp_path)
    blobs.put(f"{partition.folder}/old.parquet", data)
    segment = old_segment(partition, data)
    for verify in (True, False):
        (file,) = readable.readable(blobs, [segment], verify=verify)
        assert tmp_path not in file.path.parents
        rows = scanned(CANDLES, [file]).collect()
        columns = np.frombuffer((OLD / "layout1-whole.bits").read_bytes(), "<i8").reshape(6, -1)
        assert from_engine(rows.select(COLUMNS).to_arrow()).equals(Candles(columns[0], *columns[1:].view(np.float64)))
        assert rows["symbol"].unique().to_list() == ["BTC/USDT"]


class Elsewhere:
    """Blobs that are on no local disk."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._blobs = blobs

    def read(self, path: str) -> bytes:
        return self._blobs.read(path)

    def where(self, path: str) -> str:
        return f"s3://bucket/{path}"


def test_files_of_an_object_store_are_copied_once(filled: Lake):
    segments = filled.ledger.segments(JANUARY.series)
    blobs = Elsewhere(filled.blobs.data)
    files = readable.readable(blobs, segments)
    assert scanned(CANDLES, files).collect().height == 5
    for segment in segments:
        Path(filled.blobs.data.where(segment.path)).unlink()
    assert readable.readable(blobs, segments) == files


def test_temporary_copies_are_gone_when_the_process_ends(tmp_path: Path):
    program = "from qmd_platform.lake.readable import scratch; print(scratch())"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_temporary_copies_outlive_a_forked_child(tmp_path: Path):
    program = """
import os, sys
from qmd_platform.lake.readable import scratch
mine = scratch()
if not (child := os.fork()):
    sys.exit(scratch() == mine)
assert os.waitpid(child, 0)[1] == 0
assert mine.exists()
"""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=env)
    assert list(tmp_path.iterdir()) == []
