"""What a serving store must be able to do, and what it says of itself. Both stores are loaded through this.

What lives here: the interface, the records that cross it, which tables are served. What does not: the stores
(``postgres``, ``questdb``), the order of work (``loading``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from qmd_platform.model import tables
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Partition
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = (*(f"candles_{one.value}" for one in Timeframe), "funding_rates")
"""What is served: one table a timeframe with the candles of all markets in it, and settled funding."""

PLACE = ("venue", "symbol")
"""The columns that stand before a table's own, and tell its series apart."""

Name = tuple[str, str, str]
"""Venue, symbol and month of a partition: its name within a table."""


def time_column(spec: Table) -> str:
    """The one column that is a row's key within a series: its instant."""
    (name,) = spec.key
    return name


def name_of(partition: Partition) -> Name:
    """What ``partition`` is called within its table."""
    return partition.series.venue, partition.series.symbol, partition.month


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store was last loaded with for a partition: the lake's version of it, and the lake's commit at the time.

    ``data_version`` is the content hash of the rows, "" where there are none of it in the lake; ``loaded_at`` epoch ms.
    While rows are being replaced in a store without transactions, it is "" and ``rows`` is -1.
    """

    data_version: str
    version: int
    rows: int
    commit: int
    loaded_at: Instant


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a partition to load. ``windows``: what they speak for, all else being unchanged; None for all of it.

    ``data_version``, ``version`` and ``total`` (rows) are of the whole partition as it was when the rows were read.
    """

    partition: Partition
    rows: "pa.Table"
    data_version: str
    version: int
    total: int
    windows: tuple[Window, ...] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What loading one partition did. ``sent`` rows went to the store; ``gone`` rows left it."""

    partition: Partition
    sent: int
    gone: int


Read = Callable[[Partition, Loaded | None], Batch]
"""Reads a partition from the lake: what changed since it was loaded, or all of it where that is None or unknown."""


@dataclass(frozen=True, slots=True)
class Source:
    """The lake as a store sees it while it loads one table.

    ``partitions`` are all that the lake has of the table, with the content hash of each; ``commit`` is the lake's. ``is_alone`` says
    whether nobody else loads the table meanwhile.
    """

    table: str
    commit: int
    partitions: Mapping[Partition, str]
    read: Read
    is_alone: Callable[[], bool] = field(default=lambda: True)


class Store(Protocol):
    """A place where the lake's rows are served. Every method may raise StoreError; none changes the lake.

    Loading a partition twice is loading it once. Stopped at any instant, a partition is either as it was, or as it
    will be, or known not to be loaded, so that loading again mends it.
    """

    name: str
    where: str
    """Its address as a person finds it, without its password."""
    notes: list[str]
    """What was done otherwise than it might have been, for a person."""
    keeps_apart: bool
    """Whether loads at the same time are right all the same; else they are let in one by one (``alone``)."""

    def claim(self, lake: str, *, make: bool = True) -> None:
        """Say that it serves the lake of this id, or make sure that it does; ConfigError if it serves another.

        Without ``make`` nothing is made or written: a store that serves none yet may stay so.
        """

    def loaded(self, table: str) -> dict[Name, Loaded]:
        """What it was loaded with, of all partitions it was ever loaded with."""

    def counts(self, table: str) -> dict[Name, int]:
        """How many rows there are, counted now, by series and month; those without rows are left out."""

    def load(self, source: Source, wanted: Sequence[Partition], *, full: bool) -> Iterator[Done]:
        """Make ``wanted`` what the lake says, in this order. ``full``: whatever it was loaded with."""

    def close(self) -> None:
        """Let go of the server."""


def spec_of(table: str) -> Table:
    """The columns of a served table."""
    return tables.table(table)
