"""The proof that the lake holds what the ledger says: every live file read, hashed and counted again.

What lives here: the comparison of files with the ledger. What does not: repairing (nothing does yet: a damaged file
has to be put back from a backup), which rows are plausible (``quality``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import pyarrow as pa

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.rows import content_hash, empty
from qmd_platform.lake.segments import table_of
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Head, PartitionState, Segment
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import State, in_state, windows_of

Kind = Literal["damaged", "mismatch", "orphan"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    ``damaged``: a file is missing or its bytes changed. ``mismatch``: file and ledger disagree. ``orphan``: a file
    no commit names, left by a writer that was stopped, or of one at work right now; it is in nobody's way.
    """

    partition: Partition | None
    path: str
    problem: str
    kind: Kind

    @property
    def is_damage(self) -> bool:
        """Whether data is wrong or lost."""
        return self.kind != "orphan"


Progress = Callable[[int, int], None]
"""Told how many partitions are done, of how many."""


def verified(ledger: Ledger, blobs: BlobStore, progress: Progress | None = None) -> list[Finding]:
    """Everything that is not as it should be; empty for a sound lake. Safe while others write."""
    # Listed before the ledger is asked, so that a file committed in between is not taken for an orphan.
    files = sorted(blobs.paths())
    states = ledger.states()
    findings: list[Finding] = []
    done = 0
    for _, group in groupby(states, key=lambda state: state.partition.series):
        for partition, head in ledger.heads([state.partition for state in group]).items():
            findings += _of_partition(blobs, partition, head)
            done += 1
            if progress:
                progress(done, len(states))
    known = ledger.paths()
    orphans = [Finding(_partition(path), path, "no commit names this file", "orphan") for path in files]
    return findings + [orphan for orphan in orphans if orphan.path not in known]


def _of_partition(blobs: BlobStore, partition: Partition, head: Head) -> Iterator[Finding]:
    spec = tables.table(partition.series.table)
    parts: list[pa.Table] = []
    for segment in head.segments:
        try:
            parts.append(table_of(spec, blobs, [segment]))
        except CorruptSegment as error:
            yield Finding(partition, segment.path, error.message, "damaged")
    if len(parts) < len(head.segments) or head.state is None:
        return
    names = " ".join(segment.path for segment in head.segments)
    rows = pa.concat_tables([empty(spec), *parts])
    problems = [*_disagreements(spec, head.state, head.segments, rows), *_of_candles(spec, partition, head, rows)]
    for problem in problems:
        yield Finding(partition, names, problem, "mismatch")


def _disagreements(
    spec: tables.Table, state: PartitionState, segments: tuple[Segment, ...], rows: pa.Table
) -> Iterator[str]:
    if len(rows) != state.rows:
        yield f"{len(rows)} rows in the files, {state.rows} in the ledger"
    if sum(segment.bytes for segment in segments) != state.bytes:
        yield f"{state.bytes} bytes in the ledger are not the sum over its files"
    if content_hash(spec, rows) != state.data_version:
        yield f"the rows' content hash is not {state.data_version[:16]}..."


def _of_candles(spec: tables.Table, partition: Partition, head: Head, rows: pa.Table) -> Iterator[str]:
    if spec is not tables.CANDLES or head.state is None:
        return
    open_at = Candles.from_arrow(rows).open_at
    if np.any(np.diff(open_at) <= 0):
        yield "open times do not rise"
        return
    ends = (int(open_at[0]), int(open_at[-1])) if len(open_at) else (None, None)
    if ends != (head.state.first, head.state.last):
        yield "first or last open time is not what the ledger says"
    if windows_of(open_at, partition.series.timeframe.step) != in_state(head.runs, State.PRESENT):
        yield "coverage in the ledger is not what the rows cover"


def _partition(path: str) -> Partition | None:
    try:
        return Partition.from_folder(path.rpartition("/")[0])
    except (KeyError, ValueError):
        return None
