"""A partition of the lake, read for a store: all of it, or what has changed since the store was loaded.

What lives here: which files have to be read, and the proof that the rest is known. What does not: what stores do with
the rows (``postgres``, ``questdb``).

A segment names the version of the partition that brought it, and the window it speaks for. What a store was loaded with at
version 7 still holds in the windows of all live segments of version 7 or less, so only the other files are read. That is
true only if the store's version 7 is this lake's version 7 (a lake may have been put back from a backup): the ledger is
asked what the partition was at the commit the store was loaded from.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from qmd_platform.errors import BadSnapshot, Vacuumed
from qmd_platform.lake.segments import table_of
from qmd_platform.model import tables
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import subtracted
from qmd_platform.model.window import Window
from qmd_platform.publish.port import Batch, Loaded, spec_of

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Head


@dataclass(slots=True)
class Reader:
    """Reads partitions of one lake; remembers what the ledger said of past commits."""

    lake: "Lake"
    _past: dict[int, dict[Partition, tuple[int, str]]] = field(default_factory=dict)

    def read(self, partition: Partition, since: Loaded | None) -> Batch:
        """``port.Read``: one version of the partition, however it changes meanwhile.

        Raises:
            CorruptSegment: a file is not what was committed.
            LedgerError: the ledger cannot be used.
        """
        head = self.lake.ledger.heads([partition])[partition]
        spec = spec_of(partition.series.table)
        if spec is tables.CANDLES and since is not None and self._was(partition, since):
            return self._changed(head, partition, since)
        rows = table_of(spec, self.lake.blobs.data, head.segments)
        return _batch(partition, head, rows)

    def _changed(self, head: "Head", partition: Partition, since: Loaded) -> Batch:
        kept = [one.window for one in head.segments if one.version <= since.version and one.window is not None]
        fresh = [one for one in head.segments if one.version > since.version or one.window is None]
        rows = table_of(tables.CANDLES, self.lake.blobs.data, fresh)
        return _batch(partition, head, rows, tuple(subtracted([partition.window], kept)))

    def _was(self, partition: Partition, since: Loaded) -> bool:
        """Whether the partition was at that commit what the store says it was."""
        if since.commit not in self._past:
            self._past[since.commit] = self._states(since.commit)
        return self._past[since.commit].get(partition) == (since.version, since.data_version)

    def _states(self, commit: int) -> dict[Partition, tuple[int, str]]:
        try:
            states = self.lake.ledger.states(as_of=commit)
        except (BadSnapshot, Vacuumed):
            return {}  # all is read
        return {one.partition: (one.version, one.data_version) for one in states}


def _batch(partition: Partition, head: "Head", rows: pa.Table, windows: tuple[Window, ...] | None = None) -> Batch:
    state = head.state
    about = (state.data_version, state.version, state.rows) if state else ("", 0, 0)
    return Batch(partition, rows, *about, windows)
