"""What the ledger keeps, as values: segments, heads, outcomes, rejected rows, verdicts, commits.

What lives here: plain records, handed between the ledger and its callers. What does not: how they are stored
(``ledger.schema``) and how they come about (``lake.store``, ``quality``).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant


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


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What a partition is now. ``data_version`` is the content hash of its rows, ``bytes`` their size on disk.

    ``version`` counts the commits that changed its rows, its coverage or its rejected rows. ``first`` and
    ``last`` are open times in epoch ms, None where there are no rows or the table has no time.
    """

    partition: Partition
    version: int
    rows: int
    bytes: int
    data_version: str
    first: Instant | None
    last: Instant | None
    committed_at: Instant


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

    ``new``, ``changed`` and ``unchanged`` count the rows written; ``rows``, ``bytes``, ``data_version`` and
    ``runs`` are of the whole partition afterwards. ``wrote`` says whether its rows changed.
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


@dataclass(frozen=True, slots=True)
class Change:
    """One partition's part of a commit. Valid only while its version is still ``seen``.

    ``segment`` is the file that replaces all before it where ``outcome.wrote``; None when no rows are left.
    """

    outcome: Outcome
    seen: int
    segment: Segment | None = None
    rejected: tuple[Rejected, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether anything of the partition changes."""
        return self.outcome.version != self.seen


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
