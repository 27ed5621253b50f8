"""What a write makes of a partition: which files it lays out anew, with which rows, and what is known afterwards.

What lives here: one partition's part of a commit, computed from its head. What does not: how rows merge
(``lake.rows``), how a month is cut (``lake.slots``), writing the files and committing (``lake.store``).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.digests import version_of
from qmd_platform.lake.rows import Merge, arrow_schema, merged, stamped
from qmd_platform.lake.segments import sealed, stored_of
from qmd_platform.lake.slots import Piece, pieces, whole
from qmd_platform.lake.writes import Write, attempts_after, runs_after
from qmd_platform.ledger.records import Change, Head, Outcome, Rejected, Revision, Segment
from qmd_platform.model import tables
from qmd_platform.model.candles import open_times
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import windows_of
from qmd_platform.model.window import Instant, Window

Notes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Made:
    """A change, and the bytes of the files it adds, by path; not written yet."""

    change: Change
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Laid:
    """One piece after the write: its merge, and its new file where there is one."""

    piece: Piece
    merge: Merge
    segment: Segment | None = None
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes changes of writes.

    Args:
        blobs: where the partitions' files are.
        now: when rows were fetched whose write does not say so.
        notes: for the new files' metadata.
    """

    blobs: BlobStore
    now: Instant
    notes: Notes

    def made(self, write: Write, head: Head, known: Sequence[Rejected]) -> Made:
        """What ``write`` (``checked``) makes of a partition at ``head``, rows of which in ``known`` were rejected before."""
        laid = [self._laid(write, head, piece) for piece in _pieces(write, head)]
        written = [one for one in laid if one.merge.laid]
        added = tuple(one.segment for one in written if one.segment)
        removed = {segment.path for one in written for segment in one.piece.replaces}
        after = sorted([*(one for one in head.segments if one.path not in removed), *added], key=_start)
        rejected = tuple(row for row in write.rejected if not any(row.is_same(other) for other in known))
        outcome = _outcome(write, head, laid, after, is_more=bool(rejected))
        attempts = attempts_after(write, head.attempts, head.runs, outcome.runs)
        is_asked = bool(write.evidence) or attempts != head.attempts
        first, last = ends_of(after)
        change = Change(
            outcome,
            seen=head.version,
            added=added,
            removed=tuple(sorted(removed)),
            rejected=rejected,
            revisions=tuple(revision for one in written for revision in self._revisions(write, one)),
            seen_layout=head.layout,
            # The same version laid out anew, or asked about, must not pass for the layout another writer has seen.
            layout=head.layout + bool((written or is_asked) and outcome.version == head.version),
            first=first,
            last=last,
            evidence=write.evidence,
            attempts=None if attempts == head.attempts else attempts,
        )
        return Made(change, {one.segment.path: one.data for one in written if one.segment})

    def _laid(self, write: Write, head: Head, piece: Piece) -> _Laid:
        spec = tables.table(write.partition.series.table)
        at = _not_before(head, self.now) if write.fetched_at is None else write.fetched_at
        rows = stamped(spec, _within(write.rows, piece.window), write.source_rank, at)
        old = stored_of(spec, self.blobs, piece.replaces)
        merge = merged(spec, old, rows, replace=write.replace, restamp=write.fetched_at is not None)
        if not merge.laid or not len(merge.rows):
            return _Laid(piece, merge)
        segment, data = sealed(write.partition, merge.rows, piece.window, head.version + merge.wrote, self.notes)
        return _Laid(piece, merge, segment, data)

    def _revisions(self, write: Write, laid: _Laid) -> Iterator[Revision]:
        """Every row that was there and changed or went."""
        merge, partition = laid.merge, write.partition
        if not len(merge.before) and not len(merge.gone):
            return
        spec = tables.table(partition.series.table)
        old = texts_of(spec, stored_of(spec, self.blobs, laid.piece.replaces))
        new = texts_of(spec, _within(write.rows, laid.piece.window))
        pairs = [(old[int(b)], new[int(a)][1]) for b, a in zip(merge.before, merge.after, strict=True)]
        for (key, before), after in [*pairs, *((old[int(row)], None) for row in merge.gone)]:
            yield Revision(partition, key, before, after, int(key) if spec is tables.CANDLES else None)


def _not_before(head: Head, now: Instant) -> Instant:
    """``now``, but not before the last commit: after a clock that jumped back the later commit still has the say."""
    return max(now, head.state.committed_at) if head.state else now


def _pieces(write: Write, head: Head) -> list[Piece]:
    if write.replace or tables.table(write.partition.series.table) is not tables.CANDLES:
        return [whole(write.partition, head.segments)]
    return pieces(write.partition, head.segments, open_times(write.rows))


def _outcome(write: Write, head: Head, laid: Sequence[_Laid], after: Sequence[Segment], *, is_more: bool) -> Outcome:
    """``is_more`` says that rows were rejected that had not been before."""
    runs = runs_after(write, head.runs, _windows(laid), _present(laid, write.partition))
    wrote = any(one.merge.wrote for one in laid)
    return Outcome(
        write.partition,
        # A partition that was only asked about has to be one: nothing is compared with version 0.
        version=head.version + bool(wrote or is_more or runs != head.runs or (write.evidence and not head.state)),
        rows=sum(segment.rows for segment in after),
        new=sum(one.merge.new for one in laid),
        changed=sum(one.merge.changed for one in laid),
        unchanged=sum(one.merge.unchanged for one in laid),
        outranked=sum(one.merge.outranked for one in laid),
        bytes=sum(segment.bytes for segment in after),
        data_version=version_of(write.partition, after) if wrote or not head.state else head.state.data_version,
        runs=runs,
        wrote=wrote,
    )


def _within(rows: pa.Table, window: Window | None) -> pa.Table:
    if window is None:
        return rows
    lo, hi = (int(at) for at in open_times(rows).searchsorted([window.start, window.end]))
    return rows.slice(lo, hi - lo)


def _windows(laid: Iterable[_Laid]) -> list[Window]:
    return [one.piece.window for one in laid if one.piece.window is not None]


def _present(laid: Iterable[_Laid], partition: Partition) -> Iterator[Window]:
    for one in laid:
        if one.piece.window is not None:
            yield from windows_of(open_times(one.merge.rows), partition.series.timeframe.step)


def texts_of(spec: tables.Table, rows: pa.Table) -> list[tuple[str, str]]:
    """Each row's key, and the rest of it as JSON."""
    values: dict[str, list[object]] = {}
    for field in arrow_schema(spec):
        column = rows.column(field.name)
        values[field.name] = (column.cast(pa.int64()) if pa.types.is_timestamp(field.type) else column).to_pylist()
    rest = [name for name in values if name not in spec.key]
    keys = [" ".join(str(values[name][row]) for name in spec.key) for row in range(len(rows))]
    return [
        (key, json.dumps({name: values[name][row] for name in rest}, separators=(",", ":")))
        for row, key in enumerate(keys)
    ]


def _start(segment: Segment) -> Instant:
    return segment.window.start if segment.window else 0


def ends_of(segments: Sequence[Segment]) -> tuple[Instant | None, Instant | None]:
    """The first and the last open time in ``segments``; None where there are none."""
    first = [segment.first for segment in segments if segment.first is not None]
    last = [segment.last for segment in segments if segment.last is not None]
    return min(first, default=None), max(last, default=None)
