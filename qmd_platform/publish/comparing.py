"""Whether a store is what the lake is: versions by the store's own word, rows counted now.

What lives here: where they differ, since when, and which differences a load in good order leaves. What does not: mending them
(``loading``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant
from qmd_platform.publish.port import Loaded, Name, Store
from qmd_platform.publish.states import checked, partition_of, since_of, states_of

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake, PartitionState


@dataclass(frozen=True, slots=True)
class Difference:
    """One series and month in which a store is not the lake. A version is "" and a count 0 where there is nothing.

    ``loaded_rows``: how many rows the store was loaded with; None where a load was stopped in the middle. ``since``: when the lake
    became another one than the store was loaded with, epoch ms; None where it did not, or where nobody knows any more.
    """

    partition: Partition
    lake_version: str
    store_version: str
    lake_rows: int
    store_rows: int
    loaded_rows: int | None
    since: Instant | None

    @property
    def is_stale(self) -> bool:
        """Whether the store was loaded with another version than the lake has."""
        return self.lake_version != self.store_version

    @property
    def is_miscounted(self) -> bool:
        """Whether the store has another number of rows than the lake."""
        return self.lake_rows != self.store_rows

    @property
    def is_spoilt(self) -> bool:
        """Whether the store has another number of rows than it was loaded with: somebody else wrote there, or it lost some."""
        return self.loaded_rows is not None and self.loaded_rows != self.store_rows

    def is_recent(self, after: Instant) -> bool:
        """Whether the lake has become another one than the store was loaded with only since ``after``."""
        return self.is_stale and self.since is not None and self.since > after

    def is_excused(self, after: Instant) -> bool:
        """Whether that is all that is wrong."""
        return self.is_recent(after) and not self.is_spoilt


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of a store beside the lake's: how many rows and partitions each has, and where they differ."""

    store: str
    table: str
    partitions: int
    lake_rows: int
    store_rows: int
    differences: tuple[Difference, ...]


def compare(lake: "Lake", store: Store, tables: Sequence[str] | None = None) -> list[Comparison]:
    """``tables`` of ``store`` beside the lake's: versions as the store says, rows as they are counted now.

    Nothing is changed anywhere. Arguments and errors as ``publish``.
    """
    names = checked(tables)
    states = states_of(lake, names)
    store.claim(lake.place.lake, make=False)
    found = [_compared(lake, store, name, states[name]) for name in names]
    return [one for one in found if tables is not None or one.partitions or one.store_rows]


def _compared(lake: "Lake", store: Store, table: str, states: "dict[Name, PartitionState]") -> Comparison:
    known, counts = store.loaded(table), store.counts(table)
    differences = [
        _difference(table, name, states.get(name), known.get(name), counts.get(name, 0))
        for name in sorted({*states, *known, *counts})
    ]
    differences = [one for one in differences if one.is_stale or one.is_miscounted]
    since = since_of(lake, [one.partition for one in differences if one.is_stale], states, known)
    differences = [replace(one, since=since.get(one.partition)) for one in differences]
    rows = sum(state.rows for state in states.values())
    return Comparison(store.name, table, len({*states, *known}), rows, sum(counts.values()), tuple(differences))


def _difference(
    table: str, name: Name, state: "PartitionState | None", loaded: Loaded | None, count: int
) -> Difference:
    return Difference(
        partition_of(table, name),
        # A month without rows that was never loaded is not different from one that was.
        lake_version=state.data_version if state and (state.rows or loaded) else "",
        store_version=loaded.data_version if loaded else "",
        lake_rows=state.rows if state else 0,
        store_rows=count,
        loaded_rows=(loaded.rows if loaded.rows >= 0 else None) if loaded else 0,
        since=None,
    )
