"""What the ledger keeps, as values: segments, heads, outcomes, rejected and revised rows, verdicts, commits, pins.

What lives here: plain records, handed between the ledger and its callers. What does not: how they are stored
(``ledger.schema``) and how they come about (``lake.store``, ``quality``).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable file of a partition. ``path`` is relative to the lake; first and last are both inside."""

    partition: Partition
    path: str
    rows: int
    bytes: int
    file_hash: str
    """sha256 of the file's bytes, hex."""
    version: int
    """The version of the partition that brought it."""
    first: Instant | None = None
    last: Instant | None = None
    window: Window | None = None
    """The instants it speaks for: no other live segment has rows in them. None for the whole partition."""
    digests: str = ""
    """The hashes of its slots (``lake.digests``)."""
    codec: int = 1
    """The layout of the file (``lake.codec``)."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What a partition is now. ``data_version`` is the content hash of its rows, ``bytes`` their size on disk.

    ``version`` counts the commits that changed its rows, its coverage or its rejected rows; ``layout`` those that
    only laid the same rows out anew (sealing). ``first`` and ``last`` are open times in epoch ms, None where there
    are no rows or the table has no time.
    """

    partition: Partition
    version: int
    rows: int
    bytes: int
    data_version: str
    first: Instant | None
    last: Instant | None
    committed_at: Instant
    layout: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """What a writer must know of a partition before it may change it."""

    state: PartitionState | None = None
    segments: tuple[Segment, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def version(self) -> int:
        """The version a commit is compared with; 0 before the first."""
        return self.state.version if self.state else 0

    @property
    def layout(self) -> int:
        """Compared beside the version."""
        return self.state.layout if self.state else 0


@dataclass(frozen=True, slots=True)
class View:
    """A series in one snapshot: the commit, the files to read in order of time, and what is known of its candles."""

    commit: int
    segments: tuple[Segment, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not let in: what the venue sent for ``open_at`` (epoch ms), and why not."""

    open_at: Instant
    row: Mapping[str, float]
    reason: str

    @property
    def row_json(self) -> str:
        """The row as text, the same for the same row (NaN included)."""
        return json.dumps(dict(self.row), sort_keys=True)

    @property
    def identity(self) -> str:
        """sha256 of reason and row, hex: with the instant it tells apart rows that contradict each other."""
        return hashlib.sha256(json.dumps([self.reason, self.row_json]).encode()).hexdigest()

    def is_same(self, other: "Rejected") -> bool:
        """Whether both say the same of the same row; unlike ``==``, true for rows with NaN."""
        return _order(self) == _order(other)

    def __lt__(self, other: "Rejected") -> bool:
        return _order(self) < _order(other)


def _order(row: Rejected) -> tuple[Instant, str, str]:
    return row.open_at, row.reason, row.row_json


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a commit did to one partition.

    ``new``, ``changed``, ``unchanged`` and ``outranked`` (a better row was there) count the rows written; ``rows``,
    ``bytes``, ``data_version`` and ``runs`` are of the whole partition afterwards. ``wrote`` says whether its rows
    changed.
    """

    partition: Partition
    version: int
    rows: int
    new: int
    changed: int
    unchanged: int
    bytes: int
    data_version: str
    runs: tuple[Run, ...]
    wrote: bool
    outranked: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """A row that was there and changed or went: its values before and after as JSON, None where there was none.

    ``key`` is the row's key as text (an open time in epoch ms, a symbol), ``seen_at`` the instant of ``commit``.
    """

    partition: Partition
    key: str
    before: str | None
    after: str | None
    open_at: Instant | None = None
    commit: int = 0
    seen_at: Instant = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One partition's part of a commit. Valid only while it is still at version ``seen`` and layout ``seen_layout``.

    ``added`` are the files that take the place of those named in ``removed``. ``first`` and ``last`` are the
    partition's afterwards.
    """

    outcome: Outcome
    seen: int
    added: tuple[Segment, ...] = ()
    removed: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    revisions: tuple[Revision, ...] = ()
    seen_layout: int = 0
    layout: int = 0
    first: Instant | None = None
    last: Instant | None = None

    @property
    def is_change(self) -> bool:
        """Whether anything of the partition changes."""
        return (self.outcome.version, self.layout) != (self.seen, self.seen_layout)


@dataclass(frozen=True, slots=True)
class Pin:
    """A named snapshot that vacuum leaves readable: ``commit``, of ``series`` (None for all), ``until`` an instant."""

    name: str
    commit: int
    series: tuple[Series, ...] | None = None
    until: Instant | None = None
    note: str = ""
    made_at: Instant = 0

    def covers(self, series: Series | None) -> bool:
        """Whether it holds ``series`` (None: everything)."""
        return self.series is None or (series is not None and series in self.series)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said about a partition. ``sample`` is JSON: the first offenders.

    ``version`` is the partition's when its rows were read, ``shorter_version`` that of the shorter candles it was
    compared with (0: with none). The verdict holds for exactly these, whatever the clocks say.
    """

    partition: Partition
    rule: str
    severity: str
    passed: bool
    offenders: int
    sample: str
    data_version: str
    checked_at: Instant
    version: int
    shorter_version: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit and what it did, summed over its partitions (of the series asked for)."""

    id: int
    at: Instant
    run_id: str
    source: str
    code_version: str
    partitions: int
    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a partition: the commit that made it and what it did. ``wrote`` is False where no row changed."""

    partition: Partition
    version: int
    commit: int
    at: Instant
    run_id: str
    source: str
    code_version: str
    rows: int
    new: int
    changed: int
    unchanged: int
    outranked: int
    bytes: int
    data_version: str
    wrote: bool
