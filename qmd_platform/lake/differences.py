"""Two snapshots compared, row by row.

What lives here: ``diff``. What does not: what one commit changed (``Ledger.versions``, ``Ledger.revisions``), naming
snapshots (``Ledger.pin``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qmd_platform.lake.changes import texts_of
from qmd_platform.lake.rows import merged
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Segment
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.model import tables
from qmd_platform.model.series import Partition, Series


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same in both: its values as JSON, None where it is not there.

    ``key`` is an open time in epoch ms, or what else the table's rows are told apart by.
    """

    partition: Partition
    key: str
    before: str | None
    after: str | None


def diff(lake: Lake, before: AsOf, after: AsOf = None, series: Sequence[Series] | None = None) -> Iterator[Difference]:
    """The rows (of ``series``; None for all) that differ between two snapshots, by partition and key.

    Only partitions whose content hash differs are read.

    Raises:
        LedgerError: there is no such snapshot.
        Vacuumed: its files are gone.
    """
    chosen = [None] if series is None else list(series)
    if after is None:
        after = lake.ledger.last_commit()  # now is one commit, however long this takes
    for one in chosen:
        old, new = _files(lake, one, before), _files(lake, one, after)
        for partition in sorted(old.keys() | new.keys()):
            yield from _of(lake, partition, old.get(partition, []), new.get(partition, []))


def _files(lake: Lake, series: Series | None, as_of: AsOf) -> dict[Partition, list[Segment]]:
    found: dict[Partition, list[Segment]] = {}
    for segment in lake.ledger.segments(series, as_of=as_of):
        found.setdefault(segment.partition, []).append(segment)
    return found


def _of(lake: Lake, partition: Partition, old: list[Segment], new: list[Segment]) -> Iterator[Difference]:
    if _said(old) == _said(new):
        return
    spec = tables.table(partition.series.table)
    before, after = table_of(spec, lake.blobs.data, old), table_of(spec, lake.blobs.data, new)
    merge = merged(spec, before, after, replace=True)
    was, now = texts_of(spec, before), texts_of(spec, after)
    pairs = zip(merge.before, merge.after, strict=True)
    found = [Difference(partition, was[int(b)][0], was[int(b)][1], now[int(a)][1]) for b, a in pairs]
    found += [Difference(partition, was[int(row)][0], was[int(row)][1], None) for row in merge.gone]
    found += [Difference(partition, now[int(row)][0], None, now[int(row)][1]) for row in merge.fresh]
    yield from sorted(found, key=lambda one: (len(one.key), one.key))


def _said(segments: list[Segment]) -> set[str]:
    """What the files say, however they are cut; a file of an old layout without digests is told by its hash."""
    return {digest for one in segments for digest in (one.digests or one.file_hash).split()}
