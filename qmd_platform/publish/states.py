"""The lake's partitions as a store names them, and since when they are what they are.

What lives here: questions to the ledger that loading (``loading``) and comparing (``comparing``) share. What does not: rows
(``reading``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant
from qmd_platform.publish.port import TABLES, Loaded, Name, name_of

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake, PartitionState


def checked(tables: Sequence[str] | None) -> tuple[str, ...]:
    """``tables`` once each, all that are served for None; ConfigError for one that is not."""
    if tables is None:
        return TABLES
    for name in tables:
        if name not in TABLES:
            raise ConfigError(
                f"the table {name!r} is not served",
                hint=f"{choices(name, TABLES)}; served are candles_1m ... candles_1d and funding_rates",
            )
    return tuple(dict.fromkeys(tables))


def states_of(lake: "Lake", tables: Sequence[str]) -> "dict[str, dict[Name, PartitionState]]":
    """What the lake has of each of ``tables``."""
    found: dict[str, dict[Name, PartitionState]] = {table: {} for table in tables}
    for state in lake.states():
        if (table := state.partition.series.table) in found:
            found[table][name_of(state.partition)] = state
    return found


def partition_of(table: str, name: Name) -> Partition:
    """The partition that is called ``name`` within ``table``."""
    venue, symbol, month = name
    return Partition(Series(table, venue, symbol), month)


def since_of(
    lake: "Lake", stale: Sequence[Partition], states: "dict[Name, PartitionState]", known: dict[Name, Loaded]
) -> dict[Partition, Instant]:
    """When each of ``stale`` became another one than the store was loaded with. Not of those that the lake has no more."""
    held = {one: states[name_of(one)].committed_at for one in stale if name_of(one) in states}
    loaded = {one: known[name_of(one)].version if name_of(one) in known else 0 for one in held}
    # A lake that was put back from a backup may have no later version: then all that is known is its last change.
    return held | lake.ledger.changed_after(loaded)
