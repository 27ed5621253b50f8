"""Content hashes: what a partition says, whatever the files it is in. Pure.

What lives here: the digest of each slot of a segment, and the partition's hash made of them. What does not: how rows
become bytes to hash (``lake.rows.content_hash``), what a slot is (``lake.slots``).

A partition's content hash is the sha256 of its table's name and version, its number of rows, and the digests of its
slots in order. So a write that touches one day of a month hashes that day and no other, and the same rows give the
same hash however the month is cut into files. It is Dagster's data version.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from qmd_platform.lake.rows import content_hash, content_hashes
from qmd_platform.lake.slots import slots_of
from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables
from qmd_platform.model.candles import open_times
from qmd_platform.model.series import Partition


def digests(partition: Partition, rows: pa.Table) -> str:
    """The digest of every slot with rows, as text: ``0:9f86d0... 3:60303a...``. Tables without time are one slot."""
    spec = tables.table(partition.series.table)
    if spec is not tables.CANDLES:
        return f"0:{content_hash(spec, rows)}"
    slots = slots_of(partition, open_times(rows))
    ends = [*(np.flatnonzero(slots[1:] != slots[:-1]) + 1).tolist(), len(slots)] if len(slots) else []
    hashed = content_hashes(spec, rows, ends)
    return " ".join(f"{slots[end - 1]}:{digest}" for end, digest in zip(ends, hashed, strict=True))


def data_version(partition: Partition, rows: int, parts: Iterable[str]) -> str:
    """The content hash (hex) of a partition of so many rows, whose segments have the digests ``parts``."""
    spec = tables.table(partition.series.table)
    slots = sorted(((int(slot), digest) for part in parts for slot, _, digest in _split(part)))
    digest = hashlib.sha256(f"{spec.name} {spec.version} {rows}\n".encode())
    for slot, hashed in slots:
        digest.update(f"{slot} {hashed}\n".encode())
    return digest.hexdigest()


def data_version_of(partition: Partition, rows: pa.Table) -> str:
    """The content hash (hex) of a partition that has these rows."""
    return data_version(partition, len(rows), [digests(partition, rows)] if len(rows) else [])


def version_of(partition: Partition, segments: Iterable[Segment]) -> str:
    """The content hash (hex) of a partition that has these segments."""
    held = list(segments)
    return data_version(partition, sum(one.rows for one in held), [one.digests for one in held])


def _split(part: str) -> Iterator[tuple[str, str, str]]:
    return (slot.partition(":") for slot in part.split())
