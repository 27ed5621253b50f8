"""What the ledger keeps, as values: segments, heads, outcomes, rejected and revised rows, verdicts, commits, pins.

What lives here: plain records. What does not: how they are stored (``ledger.schema``), how they come about (``lake``).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable file of a partition. ``path`` is relative to the lake; first and last are both inside.

    ``file_hash`` is the sha256 of the file's bytes, hex; ``version`` that of the partition which brought it; ``digests``
    are the hashes of its slots (``lake.digests``), ``codec`` is the layout (``lake.codec``). ``window``: the instants it
    speaks for, and no other live segment has rows in; None for the whole partition.
    """

    partition: Partition
    path: str
    rows: int
    bytes: int
    file_hash: str
    version: int
    first: Instant | None = None
    last: Instant | None = None
    window: Window | None = None
    digests: str = ""
    codec: int = 1


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What a partition is now. ``data_version`` is the content hash of its rows, ``bytes`` their size on disk.

    ``version`` counts the commits that changed its rows, its coverage or its rejected rows; ``layout`` those that left
    all of these as they were: laid them out anew (sealing), or only asked again. ``first`` and ``last`` are open times in
    epoch ms, None where there are no rows or the table has no time.
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
    attempts: tuple[Attempt, ...] = ()

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
        """Whether both say the same of the same row, even if it has NaN."""
        return not self < other and not other < self

    def __lt__(self, other: "Rejected") -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[Instant, str, str]:
        return self.open_at, self.reason, self.row_json


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a commit did to one partition; ``wrote`` says whether its rows changed.

    ``new``, ``changed``, ``unchanged`` and ``outranked`` (a better row was there) count the rows written; ``rows``,
    ``bytes``, ``data_version`` and ``runs`` are of the whole partition afterwards.
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

    ``added`` are the files that take the place of those in ``removed``; ``evidence`` is what it rests on. ``first``,
    ``last`` and ``attempts`` are the partition's afterwards; None for attempts that stay as they were.
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
    evidence: tuple[Answered, ...] = ()
    attempts: tuple[Attempt, ...] | None = None

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
    """What one rule said about a partition; ``sample`` is JSON, the first offenders.

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
