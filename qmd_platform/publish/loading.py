"""From the lake to a store: what has changed since, in the order of time; and whether a store is what the lake is.

What lives here: the order of work, what is told of it. What does not: reading the lake (``reading``), the stores
(``postgres``, ``questdb``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant
from qmd_platform.publish.port import TABLES, Done, Loaded, Name, Source, Store, name_of
from qmd_platform.publish.reading import Reader

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake, PartitionState

Progress = Callable[[str, int, int], None]
"""``progress(table, done, total)``: rows of the table's months that are dealt with, of those to be loaded."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What loading one table did.

    ``loaded`` partitions were brought up to date, ``unchanged`` ones were so already. ``sent`` rows went to the store, ``gone``
    rows left it; ``rows`` is how many it has by its own word. ``behind_ms``: how long ago the oldest change was committed
    that the store did not have yet.
    """

    store: str
    table: str
    loaded: tuple[Partition, ...]
    unchanged: int
    sent: int
    gone: int
    rows: int
    commit: int
    seconds: float
    behind_ms: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One series and month in which a store is not the lake. A version is "" and a count 0 where there is nothing."""

    partition: Partition
    lake_version: str
    store_version: str
    lake_rows: int
    store_rows: int

    @property
    def is_stale(self) -> bool:
        """Whether the store was loaded with another version than the lake has."""
        return self.lake_version != self.store_version

    @property
    def is_miscounted(self) -> bool:
        """Whether the store has another number of rows."""
        return self.lake_rows != self.store_rows


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of a store beside the lake's: how many rows and partitions each has, and where they differ."""

    store: str
    table: str
    partitions: int
    lake_rows: int
    store_rows: int
    differences: tuple[Difference, ...]


def publish(
    lake: "Lake",
    store: Store,
    tables: Sequence[str] | None = None,
    *,
    full: bool = False,
    progress: Progress | None = None,
) -> list[Receipt]:
    """Make ``tables`` of ``store`` what the lake is.

    Args:
        lake: an open lake; only read.
        store: a serving store.
        tables: names of ``port.TABLES``; None for all that the lake or the store has something of.
        full: load every partition, also those that the store says it has; mends a store that was changed by hand.
        progress: told of rows.

    Returns:
        a receipt a table, in the order of ``tables``.

    Raises:
        ConfigError: there is no such table, or the store serves another lake.
        StoreError: the store cannot be used. What was loaded before stays; loading again goes on.
        CorruptSegment: a file of the lake is not what was committed; its partition is not loaded.
    """
    names = _checked(tables)
    states = _states(lake, names)
    store.claim(lake.place.lake)
    loading = _Loading(store, Reader(lake), lake.ledger.last_commit(), progress, full)
    receipts = []
    for name in names:
        known = store.loaded(name)
        if states[name] or known or tables is not None:
            receipts.append(loading.table(name, states[name], known))
    return receipts


@dataclass(frozen=True, slots=True)
class _Loading:
    """One loading of one store."""

    store: Store
    reader: Reader
    commit: int
    progress: Progress | None
    full: bool

    def table(self, table: str, states: "dict[Name, PartitionState]", known: dict[Name, Loaded]) -> Receipt:
        began, now = time.monotonic(), time.time_ns() // 1_000_000
        held = {_partition(table, name): state.data_version for name, state in states.items()}
        wanted = [_partition(table, name) for name in _stale(states, known, full=self.full)]
        wanted.sort(key=lambda one: (one.month, one.series))
        done = self._loaded(Source(table, self.commit, held, self.reader.read), wanted, states)
        return Receipt(
            store=self.store.name,
            table=table,
            loaded=tuple(one.partition for one in done),
            unchanged=len({*known, *states}) - len(wanted),
            sent=sum(one.sent for one in done),
            gone=sum(one.gone for one in done),
            rows=sum(one.rows for one in self.store.loaded(table).values()) if done or known else 0,
            commit=self.commit,
            seconds=time.monotonic() - began,
            behind_ms=max((now - _committed(states, one, now) for one in wanted), default=0),
        )

    def _loaded(self, source: Source, wanted: Sequence[Partition], states: "dict[Name, PartitionState]") -> list[Done]:
        total, dealt, done = sum(_rows(states, one) for one in wanted), 0, []
        for one in self.store.load(source, wanted, full=self.full):
            done.append(one)
            dealt += _rows(states, one.partition)
            if self.progress:
                self.progress(source.table, dealt, total)
        return done


def compare(lake: "Lake", store: Store, tables: Sequence[str] | None = None) -> list[Comparison]:
    """``tables`` of ``store`` beside the lake's: versions as the store says, rows as they are counted now.

    Nothing is changed anywhere. Arguments and errors as ``publish``.
    """
    names = _checked(tables)
    states = _states(lake, names)
    store.claim(lake.place.lake, make=False)
    found = [_compared(store, name, states[name]) for name in names]
    return [one for one in found if tables is not None or one.partitions or one.store_rows]


def _compared(store: Store, table: str, states: "dict[Name, PartitionState]") -> Comparison:
    known, counts = store.loaded(table), store.counts(table)
    differences = []
    for name in sorted({*states, *known, *counts}):
        state, loaded = states.get(name), known.get(name)
        # A month without rows that was never loaded is not different from one that was.
        version = state.data_version if state and (state.rows or loaded) else ""
        one = Difference(
            _partition(table, name),
            version,
            loaded.data_version if loaded else "",
            state.rows if state else 0,
            counts.get(name, 0),
        )
        if one.is_stale or one.is_miscounted:
            differences.append(one)
    rows = sum(state.rows for state in states.values())
    return Comparison(store.name, table, len({*states, *known}), rows, sum(counts.values()), tuple(differences))


def _stale(states: "dict[Name, PartitionState]", known: dict[Name, Loaded], *, full: bool) -> list[Name]:
    """The partitions of which the store has another version, or none; and those that are no more."""

    def is_stale(name: Name) -> bool:
        state, loaded = states.get(name), known.get(name)
        if state is None:
            return loaded is not None and (loaded.data_version != "" or loaded.rows != 0 or full)
        return (loaded is not None or state.rows > 0) and (
            full or loaded is None or loaded.data_version != state.data_version
        )

    return [name for name in {**states, **known} if is_stale(name)]


def _states(lake: "Lake", tables: Sequence[str]) -> "dict[str, dict[Name, PartitionState]]":
    found: dict[str, dict[Name, PartitionState]] = {table: {} for table in tables}
    for state in lake.states():
        if (table := state.partition.series.table) in found:
            found[table][name_of(state.partition)] = state
    return found


def _partition(table: str, name: Name) -> Partition:
    venue, symbol, month = name
    return Partition(Series(table, venue, symbol), month)


def _rows(states: "dict[Name, PartitionState]", partition: Partition) -> int:
    state = states.get(name_of(partition))
    return state.rows if state else 0


def _committed(states: "dict[Name, PartitionState]", partition: Partition, now: Instant) -> Instant:
    state = states.get(name_of(partition))
    return state.committed_at if state else now


def _checked(tables: Sequence[str] | None) -> tuple[str, ...]:
    if tables is None:
        return TABLES
    for name in tables:
        if name not in TABLES:
            raise ConfigError(f"the table {name!r} is not served", hint=choices(name, TABLES))
    return tuple(dict.fromkeys(tables))
