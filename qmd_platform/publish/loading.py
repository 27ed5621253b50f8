"""From the lake to a store: what has changed since, in the order of time.

What lives here: the order of work, what is told of it. What does not: reading the lake (``reading``), the stores
(``postgres``, ``questdb``), whether a store is what the lake is (``comparing``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmd_platform.model.series import Partition
from qmd_platform.publish.alone import alone
from qmd_platform.publish.port import Done, Loaded, Name, Source, Store, name_of
from qmd_platform.publish.reading import Reader
from qmd_platform.publish.states import checked, partition_of, since_of, states_of

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake, PartitionState

Progress = Callable[[str, int, int], None]
"""``progress(table, done, total)``: rows of the table's months that are dealt with, of those to be loaded."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What loading one table did.

    ``loaded`` partitions were brought up to date, ``unchanged`` ones were so already. ``sent`` rows went to the store, ``gone``
    rows left it; ``rows`` is how many it was loaded with by its own word: they are not counted. ``behind_ms``: how long ago the oldest change was committed
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
    names = checked(tables)
    states = states_of(lake, names)
    store.claim(lake.place.lake)
    loading = _Loading(lake, store, Reader(lake), lake.ledger.last_commit(), progress, full)
    receipts, ahead = [], 0
    for name in names:
        known = store.loaded(name)
        if states[name] or known or tables is not None or (full and store.counts(name)):
            receipts.append(loading.table(name, states[name], known))
            before = [known[one] for one in map(name_of, receipts[-1].loaded) if one in known]
            ahead = max([ahead, *(one.commit for one in before)])
    # Asked again: another one may have loaded what was committed since.
    if ahead > (commit := lake.ledger.last_commit()):
        store.notes.append(
            f"{store.where} was loaded from commit {ahead} of this lake, which is at {commit}: an older copy of the lake "
            "has taken the newer one's place in the store"
        )
    return receipts


@dataclass(frozen=True, slots=True)
class _Loading:
    """One loading of one store."""

    lake: "Lake"
    store: Store
    reader: Reader
    commit: int
    progress: Progress | None
    full: bool

    def table(self, table: str, states: "dict[Name, PartitionState]", known: dict[Name, Loaded]) -> Receipt:
        if self.store.keeps_apart or not (self.full or _stale(states, known, full=False)):
            return self._table(table, states, known, lambda: True)
        with alone(self.lake, self.store.name, table) as is_alone:
            # What another one loaded while this one waited for its turn is known only now.
            return self._table(table, states, self.store.loaded(table), is_alone)

    def _table(
        self,
        table: str,
        states: "dict[Name, PartitionState]",
        known: dict[Name, Loaded],
        is_alone: Callable[[], bool],
    ) -> Receipt:
        began, now = time.monotonic(), time.time_ns() // 1_000_000
        held = {partition_of(table, name): state.data_version for name, state in states.items()}
        stale = _stale(states, known, full=self.full)
        if self.full:  # what somebody else put there, where neither the lake nor a load has anything
            stale += [name for name in self.store.counts(table) if name not in stale]
        wanted = [partition_of(table, name) for name in stale]
        wanted.sort(key=lambda one: (one.month, one.series))
        done = self._loaded(Source(table, self.commit, held, self.reader.read, is_alone), wanted, states)
        return Receipt(
            store=self.store.name,
            table=table,
            loaded=tuple(one.partition for one in done),
            unchanged=len({*known, *states} - {*stale}),
            sent=sum(one.sent for one in done),
            gone=sum(one.gone for one in done),
            rows=sum(max(one.rows, 0) for one in self.store.loaded(table).values()) if done or known else 0,
            commit=self.commit,
            seconds=time.monotonic() - began,
            behind_ms=max((now - at for at in since_of(self.lake, wanted, states, known).values()), default=0),
        )

    def _loaded(self, source: Source, wanted: Sequence[Partition], states: "dict[Name, PartitionState]") -> list[Done]:
        total, dealt, done = sum(_rows(states, one) for one in wanted), 0, []
        for one in self.store.load(source, wanted, full=self.full):
            done.append(one)
            dealt += _rows(states, one.partition)
            if self.progress:
                self.progress(source.table, dealt, total)
        return done


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


def _rows(states: "dict[Name, PartitionState]", partition: Partition) -> int:
    state = states.get(name_of(partition))
    return state.rows if state else 0
