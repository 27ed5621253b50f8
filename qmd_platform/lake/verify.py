"""The proof that the lake holds what the ledger says: every live file read, hashed and counted again, and what pins hold.

What lives here: the comparison of the ledger with the files, and with the commits' records. What does not: taking
damaged files out (``lake.repair``), making a ledger again (``lake.rebuild``), which rows are plausible (``quality``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import pyarrow as pa

from qmd_platform.errors import CorruptSegment, LedgerError
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.digests import data_version_of, digests
from qmd_platform.lake.rebuild import replayed
from qmd_platform.lake.records import Records, checkpoint_path
from qmd_platform.lake.rows import empty
from qmd_platform.lake.segments import partition_of, table_of
from qmd_platform.ledger.comparison import differences
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Head, PartitionState, Segment
from qmd_platform.ledger.snapshots import resolved
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
    pins: tuple[str, ...] = ()
    """Of a damaged file that is of the past: the pins that need it."""

    @property
    def is_damage(self) -> bool:
        """Whether data is wrong or lost."""
        return self.kind != "orphan"


Progress = Callable[[int, int], None]
"""Told how many partitions are done, of how many."""


def verified(ledger: Ledger, blobs: BlobStore, records: Records, progress: Progress | None = None) -> list[Finding]:
    """Everything that is not as it should be; empty for a sound lake. Safe while others write."""
    # Listed before the ledger is asked, so that a file committed in between is not taken for an orphan.
    files = sorted(blobs.paths())
    states = ledger.states()
    findings: list[Finding] = [*_of_ledger(ledger, records), *_of_checkpoints(records)]
    done = 0
    for _, group in groupby(states, key=lambda state: state.partition.series):
        for partition, head in _heads(ledger, [state.partition for state in group]):
            if isinstance(head, LedgerError):
                findings.append(Finding(partition, ledger.database.where, head.message, "damaged"))
            else:
                findings += _of_partition(blobs, partition, head)
            done += 1
            if progress:
                progress(done, len(states))
    findings += _of_pins(ledger, blobs)
    known = ledger.paths()
    orphans = [Finding(partition_of(path), path, "no commit names this file", "orphan") for path in files]
    return findings + [orphan for orphan in orphans if orphan.path not in known]


def _of_pins(ledger: Ledger, blobs: BlobStore) -> Iterator[Finding]:
    """Damaged files of past versions that pins promise. Other past versions are proven when they are read."""
    live = {segment.path for segment in ledger.segments()}
    held: dict[str, tuple[Segment, list[str]]] = {}
    for pin in ledger.pins():
        for segment in ledger.pinned_segments(pin):
            held.setdefault(segment.path, (segment, []))[1].append(pin.name)
    for path in sorted(held.keys() - live):
        segment, names = held[path]
        try:
            table_of(tables.table(segment.partition.series.table), blobs, [segment])
        except CorruptSegment as error:
            yield Finding(segment.partition, path, error.message, "damaged", tuple(names))


def _heads(ledger: Ledger, partitions: list[Partition]) -> Iterator[tuple[Partition, Head | LedgerError]]:
    """All in one question; if the ledger is damaged, one by one, to name the partitions."""
    try:
        yield from ledger.heads(partitions).items()
    except LedgerError as error:
        if len(partitions) == 1:
            yield partitions[0], error
        else:
            for one in partitions:
                yield from _heads(ledger, [one])


def _of_ledger(ledger: Ledger, records: Records) -> Iterator[Finding]:
    """What the ledger says against what its commits were."""
    where = ledger.database.where
    yield from (Finding(None, where, problem, "damaged") for problem in ledger.database.problems())
    try:
        # All of it in one transaction: what is committed meanwhile is in neither.
        with ledger.database.reading() as ours:
            last = resolved(ours, None)
            if last:
                with replayed(records, upto=last) as anew, anew.reading() as theirs:
                    yield from (Finding(None, where, problem, "mismatch") for problem in differences(ours, theirs))
    except LedgerError as error:
        yield Finding(None, where, error.message, "damaged")


def _of_checkpoints(records: Records) -> Iterator[Finding]:
    """Checkpoints that are damaged, also those that an older one or the records stand in for."""
    for number in records.checkpoints():
        if not records.is_whole(number) and number in records.checkpoints():  # a vacuum may just have deleted it
            yield Finding(None, checkpoint_path(number), "it is damaged, and a rebuild passes it over", "damaged")


def _of_partition(blobs: BlobStore, partition: Partition, head: Head) -> Iterator[Finding]:
    spec = tables.table(partition.series.table)
    parts: list[pa.Table] = []
    for segment in head.segments:
        try:
            parts.append(table_of(spec, blobs, [segment]))
        except CorruptSegment as error:
            yield Finding(partition, segment.path, error.message, "damaged")
            continue
        if segment.digests != digests(partition, parts[-1]) or not _is_inside(spec, segment, parts[-1]):
            yield Finding(partition, segment.path, "its rows are not those its entry speaks of", "mismatch")
    if len(parts) < len(head.segments) or head.state is None:
        return
    names = " ".join(segment.path for segment in head.segments)
    rows = pa.concat_tables([empty(spec), *parts])
    problems = [*_disagreements(partition, head.state, head.segments, rows), *_of_candles(spec, partition, head, rows)]
    for problem in problems:
        yield Finding(partition, names, problem, "mismatch")


def _is_inside(spec: tables.Table, segment: Segment, rows: pa.Table) -> bool:
    if spec is not tables.CANDLES or segment.window is None or not len(rows):
        return True
    open_at = Candles.from_arrow(rows).open_at
    ends = int(open_at[0]), int(open_at[-1])
    return ends == (segment.first, segment.last) and all(segment.window.contains(at) for at in ends)


def _disagreements(
    partition: Partition, state: PartitionState, segments: tuple[Segment, ...], rows: pa.Table
) -> Iterator[str]:
    if len(rows) != state.rows:
        yield f"{len(rows)} rows in the files, {state.rows} in the ledger"
    if sum(segment.bytes for segment in segments) != state.bytes:
        yield f"{state.bytes} bytes in the ledger are not the sum over its files"
    if data_version_of(partition, rows) != state.data_version:
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
