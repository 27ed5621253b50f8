"""Segments: a partition's rows as one named file, and files read back, proven to be what was committed.

What lives here: building a segment, reading one table or a year of candles. What does not: the file's inner
layout (``lake.codec``), which segments to read (``ledger``).
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pyarrow as pa

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake import codec
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.digests import digests
from qmd_platform.lake.rows import arrow_schema, empty, stamped
from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables
from qmd_platform.model.candles import COLUMNS, Candles, open_times
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant, Window, iso

T = TypeVar("T")

THREADS = min(4, os.cpu_count() or 1)
"""Files decoded side by side; decoding leaves Python's lock for most of its time."""


def sealed(
    partition: Partition, rows: pa.Table, window: Window | None, version: int, notes: Mapping[str, str | int]
) -> tuple[Segment, bytes]:
    """The file of ``rows`` (stored ones, at least one) for a version of a partition; not written yet.

    Its name holds a word drawn anew for every attempt, so no two attempts share a name, and the start of its hash.
    ``window`` is what it speaks for, None for a table without time.
    """
    spec = tables.table(partition.series.table)
    about: dict[str, str | int] = {"partition": partition.folder, "version": version, "schema": spec.version}
    data = codec.encode(spec, rows, {**about, **notes})
    digest = hashlib.sha256(data).hexdigest()
    first, last = _ends(rows) if spec is tables.CANDLES else (None, None)
    span = "all" if first is None or last is None else f"{_stamp(first)}-{_stamp(last)}"
    name = f"{span}.v{version:08d}.{secrets.token_hex(4)}.{digest[:16]}.parquet"
    segment = Segment(
        partition,
        f"{partition.folder}/{name}",
        rows=len(rows),
        bytes=len(data),
        file_hash=digest,
        version=version,
        first=first,
        last=last,
        window=window,
        digests=digests(partition, rows),
        codec=codec.LAYOUT,
    )
    return segment, data


def candles_of(
    blobs: BlobStore, segments: Sequence[Segment], window: Window | None = None, *, threads: int = THREADS
) -> Candles:
    """The candles of ``segments`` that open in ``window`` (None for all), in their order, in arrays of one piece.

    Raises:
        CorruptSegment: a file is not there or not what was committed.
    """
    ends = np.cumsum([0, *(segment.rows for segment in segments)])
    open_at = np.empty(int(ends[-1]), np.int64)
    values = np.empty((len(COLUMNS) - 1, int(ends[-1])))
    whole = Candles(open_at, *values)
    filled = [(0, 0)] * len(segments)

    def fill(part: int) -> None:
        out = whole.take(slice(int(ends[part]), int(ends[part + 1])))
        filled[part] = proven(blobs, segments[part], lambda data: codec.decode_candles(data, out, window))

    if len(segments) > 1 and threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(len(segments))))
    else:
        for part in range(len(segments)):
            fill(part)
    if window is None or not segments:
        return whole
    # Only of the first and of the last file may there be less than all.
    return whole.take(slice(filled[0][0], int(ends[-2]) + filled[-1][1])).within(window)


def table_of(spec: tables.Table, blobs: BlobStore, segments: Sequence[Segment]) -> pa.Table:
    """The rows of ``segments`` of any table. Raises as ``candles_of``."""
    if spec is tables.CANDLES:
        return pa.Table.from_arrays(candles_of(blobs, segments).to_arrow().columns, schema=arrow_schema(spec))
    return stored_of(spec, blobs, segments)


def columns_of(spec: tables.Table, blobs: BlobStore, segments: Sequence[Segment], names: Sequence[str]) -> pa.Table:
    """Some columns of the rows of ``segments`` of any table but candles: of a wide one far quicker. Raises as ``candles_of``."""
    parts = [proven(blobs, segment, lambda data: codec.decode(data, names)) for segment in segments]
    return pa.concat_tables([empty(spec).select(list(names)), *(part.select(list(names)) for part in parts)])


def stored_of(spec: tables.Table, blobs: BlobStore, segments: Sequence[Segment]) -> pa.Table:
    """The rows of ``segments`` as they are stored (``lake.rows.stamped``). Raises as ``candles_of``."""
    decode = codec.decode_stored if spec is tables.CANDLES else codec.decode
    parts = [proven(blobs, segment, lambda data: _filled(spec, decode(data))) for segment in segments]
    return pa.concat_tables([stamped(spec, empty(spec), 0, 0), *parts])


def _filled(spec: tables.Table, rows: pa.Table) -> pa.Table:
    """``rows`` of a file with the columns that were added to the table after it was written, as nulls."""
    schema = arrow_schema(spec)
    for place, column in enumerate(spec.columns):
        if column.later and column.name not in rows.column_names:
            field = schema.field(place)
            rows = rows.add_column(place, field, pa.nulls(len(rows), field.type))
    return rows


def proven(blobs: BlobStore, segment: Segment, decode: Callable[[bytes], T]) -> T:
    """The segment decoded by ``decode``, if its bytes are those that were committed; CorruptSegment otherwise.

    The whole file's hash, because Parquet's page checksums leave its footer unguarded, and a scale is in there.
    It costs a tenth of the decoding.
    """
    try:
        data = blobs.read(segment.path)
        if hashlib.sha256(data).hexdigest() != segment.file_hash:
            size = "" if len(data) == segment.bytes else f": there are {len(data)}, and not {segment.bytes}"
            raise _damaged(blobs, segment, f"its bytes are not those that were committed{size}")
        return decode(data)
    except FileNotFoundError as error:
        raise _damaged(blobs, segment, "the file is missing") from error
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise _damaged(blobs, segment, str(error)) from error


def _damaged(blobs: BlobStore, segment: Segment, why: str) -> CorruptSegment:
    return CorruptSegment(blobs.where(segment.path), str(segment.partition), why)


def _ends(rows: pa.Table) -> tuple[Instant, Instant]:
    open_at = open_times(rows)
    return int(open_at[0]), int(open_at[-1])


def _stamp(at: Instant) -> str:
    return iso(at).replace("-", "").replace(":", "")


def partition_of(path: str) -> Partition | None:
    """The partition a file's path says it is of; None for a file that is none of ours."""
    try:
        return Partition.from_folder(path.rpartition("/")[0])
    except (KeyError, ValueError):
        return None
