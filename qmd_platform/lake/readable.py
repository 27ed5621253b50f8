"""Segments as files that an SQL engine may open itself: on the local disk, of today's layout, proven.

What lives here: proving a file before an engine is given its name, a copy where the file itself will not do. What
does not: which segments (``ledger``), what the engine is told (``lake.view_sql``, ``lake.views``).

DuckDB and Polars check no page checksums, so a flipped bit would be a price. Every file is hashed once in a process,
and again only when its size, time or inode is another. Files of an object store, and files of an older layout, are
copied to a temporary folder that lives as long as the process.
"""

import atexit
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake import codec
from qmd_platform.lake.blobs import BlobStore, LocalBlobs
from qmd_platform.lake.segments import proven
from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables

_THREADS = min(8, 2 * (os.cpu_count() or 1))
"""Files hashed side by side; more than cores, as a cold disk is waited for."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A local file, and its physical columns but ``codec.EXTRAS``: name and Arrow type, in order."""

    path: Path
    columns: tuple[tuple[str, str], ...]


_KNOWN: dict[tuple[object, ...], Readable] = {}
"""Files that were looked at, by what tells a file from another and whether it was proven."""


def readable(blobs: BlobStore, segments: Sequence[Segment], *, verify: bool = True) -> list[Readable]:
    """A local file for each of ``segments``, in their order.

    Args:
        blobs: where the segments are.
        segments: of any tables.
        verify: hash each file, and let none pass that is not what was committed.

    Raises:
        CorruptSegment: a file is not there, not Parquet, or (``verify``) not what was committed.
    """

    def one(segment: Segment) -> Readable:
        return _readable(blobs, segment, verify=verify)

    if len(segments) < 2:  # noqa: PLR2004 - no threads for one
        return [one(segment) for segment in segments]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, segments))


def _readable(blobs: BlobStore, segment: Segment, *, verify: bool) -> Readable:
    where = blobs.where(segment.path)
    local = _spelled(Path(where), segment.path) if isinstance(blobs, LocalBlobs) else None
    identity = (where, *(_identity(local) if local else ()))
    known = _KNOWN.get((*identity, True)) or (None if verify else _KNOWN.get((*identity, False)))
    if known is None or not known.path.exists():
        known = _proven(blobs, segment, local) if verify else _unproven(blobs, segment, local)
        _KNOWN[(*identity, verify)] = known
    return known


def _spelled(path: Path, below: str) -> Path:
    """``path`` by a name that means only itself: ``a=b`` above the lake is a column to an engine, ``*`` a pattern."""
    root = str(path).removesuffix(below)
    if not any(mark in root for mark in "=*?["):
        return path
    link = scratch() / hashlib.sha256(root.encode()).hexdigest()[:16]
    with suppress(FileExistsError):
        link.symlink_to(root, target_is_directory=True)
    return link / below


def _identity(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()  # reading it will say why
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _proven(blobs: BlobStore, segment: Segment, local: Path | None) -> Readable:
    return proven(blobs, segment, lambda data: _laid_out(segment, data, local))


def _unproven(blobs: BlobStore, segment: Segment, local: Path | None) -> Readable:
    try:
        if local and segment.codec == codec.LAYOUT:
            return found(local)
        return _laid_out(segment, blobs.read(segment.path), local)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise CorruptSegment(blobs.where(segment.path), str(segment.partition), str(error)) from error


def _laid_out(segment: Segment, data: bytes, local: Path | None) -> Readable:
    """The file of these bytes: itself where it is local and of today's layout, else a copy that is both."""
    spec = tables.table(segment.partition.series.table)
    if spec is tables.CANDLES and codec.layout_of(data) != codec.LAYOUT:
        data = codec.encode(spec, codec.decode_stored(data), {})
        local = None
    return found(local or _copied(segment, data))


def found(path: Path) -> Readable:
    """The file ``path``, whose footer is read. Raises pa.ArrowException or OSError."""
    schema = pq.read_schema(path)
    return Readable(path, tuple((field.name, str(field.type)) for field in schema if field.name not in codec.EXTRAS))


def _copied(segment: Segment, data: bytes) -> Path:
    """``data`` below the temporary folder, in the folders of the lake: engines read venue and market off them."""
    target = scratch() / segment.path
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{secrets.token_hex(8)}")
    draft.write_bytes(data)
    draft.replace(target)
    return target


def scratch() -> Path:
    """This process's temporary folder; removed when the process ends."""
    return _scratch(os.getpid())


@cache
def _scratch(pid: int) -> Path:
    # By process: a forked child must neither use nor remove its parent's. A TemporaryDirectory would be removed by both.
    folder = Path(tempfile.mkdtemp(prefix=f"qmd-{pid}-"))
    atexit.register(_remove, pid, folder)
    return folder


def _remove(pid: int, folder: Path) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
