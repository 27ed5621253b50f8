"""Sealing: the files of a month that has ended become one, and files of an older layout become new ones.

What lives here: which partitions are due, and laying them out anew. What does not: how a month comes to have several
files (``lake.slots``), deleting the files that were replaced (``lake.vacuum``).

No row changes: a partition keeps its version and its content hash. Read over a year, one file a month takes a third of
the time of one a day.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake import codec
from qmd_platform.lake.changes import Made
from qmd_platform.lake.segments import sealed, stored_of
from qmd_platform.lake.slots import whole
from qmd_platform.lake.store import Lake
from qmd_platform.lake.transaction import Heads, transact
from qmd_platform.ledger.records import Change, Head, Outcome, Segment
from qmd_platform.model import tables
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant

BATCH = 64
"""Partitions a commit: killed, a seal has at most these to do again."""

Progress = Callable[[int, int], None]
"""Told how many partitions are done, of how many."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One partition that was laid out anew: its files and their bytes before and after."""

    partition: Partition
    files_before: int
    bytes_before: int
    files: int
    bytes: int


def due(lake: Lake, *, now: Instant, series: Series | None = None) -> list[Partition]:
    """The partitions (of ``series``) that sealing would lay out anew: of several files and ended, or of an old layout."""
    files: dict[Partition, list[int]] = {}
    for segment in lake.ledger.segments(series):
        files.setdefault(segment.partition, []).append(segment.codec)
    return [one for one, layouts in files.items() if _is_due(one, layouts, now)]


def seal(
    lake: Lake, *, run_id: str, now: Instant, series: Series | None = None, progress: Progress | None = None
) -> list[Sealed]:
    """Lay out anew what is ``due``. Run twice, the second time finds nothing to do; safe while others write.

    Raises:
        CorruptSegment: a file is not what was committed; all other partitions are sealed.
    """
    partitions = due(lake, now=now, series=series)
    done: list[Sealed] = []
    damaged: list[CorruptSegment] = []
    for start in range(0, len(partitions), BATCH):
        done += _sound(lake, partitions[start : start + BATCH], run_id, now, damaged)
        if progress:
            progress(min(start + BATCH, len(partitions)), len(partitions))
    if damaged:
        raise damaged[0]
    return done


def _sound(
    lake: Lake, partitions: Sequence[Partition], run_id: str, now: Instant, damaged: list[CorruptSegment]
) -> list[Sealed]:
    """Seal what can be read; else one damaged file would keep all others from it night after night."""
    try:
        return _sealed(lake, partitions, run_id, now)
    except CorruptSegment as error:
        if len(partitions) == 1:
            damaged.append(error)
            return []
        middle = len(partitions) // 2
        parts = (partitions[:middle], partitions[middle:])
        return [one for part in parts for one in _sound(lake, part, run_id, now, damaged)]


def _sealed(lake: Lake, partitions: Sequence[Partition], run_id: str, now: Instant) -> list[Sealed]:
    said: dict[Partition, Sealed] = {}

    def make(heads: Heads) -> list[Made]:
        found = [_made(lake, partition, heads[partition], now) for partition in partitions]
        for one, made in zip(partitions, found, strict=True):
            before = heads[one].segments
            after = made.change.added or before
            said[one] = Sealed(one, len(before), _bytes(before), len(after), _bytes(after))
        return found

    transact(lake, partitions, make, run_id=run_id, source="qmd:seal")
    return [one for one in said.values() if one.files != one.files_before or one.bytes != one.bytes_before]


def _made(lake: Lake, partition: Partition, head: Head, now: Instant) -> Made:
    state = head.state
    if state is None or not _is_due(partition, [segment.codec for segment in head.segments], now):
        # Another process has sealed it meanwhile.
        return Made(_same(partition, head), {})
    rows = stored_of(tables.table(partition.series.table), lake.blobs.data, head.segments)
    segment, data = sealed(partition, rows, whole(partition, ()).window, head.version, {"source": "qmd:seal"})
    change = _same(partition, head)
    outcome = replace(change.outcome, bytes=segment.bytes)
    removed = tuple(sorted(one.path for one in head.segments))
    change = replace(change, outcome=outcome, added=(segment,), removed=removed, layout=head.layout + 1)
    return Made(change, {segment.path: data})


def _same(partition: Partition, head: Head) -> Change:
    """A change that changes nothing."""
    state = head.state
    outcome = Outcome(
        partition,
        version=head.version,
        rows=state.rows if state else 0,
        new=0,
        changed=0,
        unchanged=0,
        bytes=state.bytes if state else 0,
        data_version=state.data_version if state else "",
        runs=head.runs,
        wrote=False,
    )
    ends = (state.first, state.last) if state else (None, None)
    return Change(outcome, seen=head.version, seen_layout=head.layout, layout=head.layout, first=ends[0], last=ends[1])


def _is_due(partition: Partition, layouts: Sequence[int], now: Instant) -> bool:
    if any(layout < codec.LAYOUT for layout in layouts):
        return True
    return len(layouts) > 1 and partition.window.end <= now


def _bytes(segments: Sequence[Segment]) -> int:
    return sum(segment.bytes for segment in segments)
