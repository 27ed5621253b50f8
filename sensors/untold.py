"""What Dagster was never told: partitions that are whole in the lake, and that the UI shows as missing.

What lives here: finding them. What does not: telling it, which is a run that finds nothing to ask for (``sensors.gaps``).

A run that is killed between its commit and its report leaves such a partition, and so does ``qmd backfill``, which does
without Dagster.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import dagster as dg

from qmd_platform.config import VenueUniverse
from qmd_platform.coverage.rectangles import Rectangle, covered
from qmd_platform.model.series import Partition
from sensors.flights import Field
from sensors.wishes import Wish, digest

MOST = 240
"""Partitions of a table that one tick has told: their charts take about a second for ten."""


def untold(
    instance: dg.DagsterInstance,
    there: Iterable[Partition],
    venue: VenueUniverse,
    field: Field,
    *,
    leave: Collection[Partition],
) -> list[Wish]:
    """Runs that tell Dagster of what the lake has, newest months first; not of ``leave``, which runs touch anyway."""
    rows = {market: place for place, market in enumerate(field.markets)}
    columns = {month: place for place, month in enumerate(field.months)}
    held: dict[str, list[Partition]] = defaultdict(list)
    for one in there:
        if (
            one.series.table in field.tables
            and one.month in columns
            and one.series.is_candles
            and one.series.market in rows
        ):
            held[one.series.table].append(one)
    alike: dict[tuple[tuple[int, int], ...], list[str]] = defaultdict(list)
    for table, partitions in held.items():
        told = instance.get_materialized_partitions(dg.AssetKey([field.venue, table]))
        missing = [one for one in partitions if one.key not in told and one not in leave]
        cells = sorted((rows[one.series.market], columns[one.month]) for one in missing)
        if cells:
            newest_first = sorted(cells, key=lambda cell: -cell[1])
            alike[tuple(newest_first[:MOST])].append(table)
    return [
        _wish(venue, [table for table in field.tables if table in same], field, box)
        for cells, same in alike.items()
        for box in covered(cells)
    ]


def _wish(venue: VenueUniverse, tables: Sequence[str], field: Field, box: Rectangle) -> Wish:
    markets = tuple(field.markets[box.top : box.bottom + 1])
    months = tuple(field.months[box.left : box.right + 1])
    where = f"{markets[0]} to {markets[-1]}, {months[0]} to {months[-1]}"
    key = digest(venue.venue, "untold", *tables, where)
    return Wish(
        venue, tuple(tables), markets, months, key, f"{where}: Dagster is told of {', '.join(tables)} in the lake"
    )
