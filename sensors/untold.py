"""What Dagster was never told: partitions that are whole in the lake, and that the UI shows as missing.

What lives here: finding them. What does not: telling it, which is a run that finds nothing to ask for (``sensors.gaps``).

A run that is killed between its commit and its report leaves such a partition, and so does ``qmd backfill``, which does
without Dagster.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from qmd_platform.config import VenueUniverse
from qmd_platform.coverage.rectangles import covered
from qmd_platform.model.series import Market, Partition
from sensors.wishes import Wish, digest

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake

MOST = 240
"""Partitions of a table that one tick has told: their charts take about a second for ten."""


def untold(
    instance: dg.DagsterInstance,
    lake: "Lake",
    venue: VenueUniverse,
    tables: Sequence[str],
    order: Sequence[Market],
    months: Sequence[str],
    *,
    leave: Collection[Partition],
) -> list[Wish]:
    """Runs that tell Dagster of what the lake has, newest months first.

    Args:
        instance: Dagster's.
        lake: the data.
        venue: whose.
        tables: of candles.
        order: the venue's markets as Dagster orders them.
        months: that Dagster has partitions of.
        leave: partitions that some run touches anyway.
    """
    rows, columns = ({one: place for place, one in enumerate(ones)} for ones in (order, months))
    held: dict[str, list[Partition]] = defaultdict(list)
    for state in lake.states():
        one = state.partition
        if one.series.venue == venue.venue and one.series.table in tables and one.month in columns:
            held[one.series.table].append(one)
    alike: dict[tuple[tuple[int, int], ...], list[str]] = defaultdict(list)
    for table in tables:
        told = instance.get_materialized_partitions(dg.AssetKey([venue.venue, table])) if held[table] else set()
        missing = [one for one in held[table] if one.key not in told and one not in leave]
        cells = sorted(
            ((rows[one.series.market], columns[one.month]) for one in missing if one.series.market in rows),
            key=lambda cell: -cell[1],
        )
        if cells:
            alike[tuple(cells[:MOST])].append(table)
    return [
        _wish(
            venue, tuple(same), [order[row] for row in range(box.top, box.bottom + 1)], months[box.left : box.right + 1]
        )
        for cells, same in alike.items()
        for box in covered(cells)
    ]


def _wish(venue: VenueUniverse, tables: tuple[str, ...], markets: Sequence[Market], months: Sequence[str]) -> Wish:
    where = f"{markets[0]} to {markets[-1]}, {months[0]} to {months[-1]}"
    key = digest(venue.venue, "untold", *tables, where)
    why = f"{where}: Dagster is told of {', '.join(tables)}, which the lake has"
    return Wish(venue, tables, tuple(markets), tuple(months), key, why)
