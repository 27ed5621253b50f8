"""Assets made across venues of what the lake holds: one series of all markets, partitioned by month.

What lives here: what every such asset is like: its settings, its step, the numbers of a month. What does not: which there are
and what the UI says of each (``arbitrage``, ``basis``, ``opportunities``, ``simulation``). Nothing of it sends a request.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import describe, receipts
from assets.partitions import MONTH_FORMAT
from qmd_platform.config import Universe, load_universe
from qmd_platform.model.columns import Table
from resources.lake import LakeResource

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake

GROUP = "arbitrage"

Derive = Callable[["Lake", Universe, list[str], str], "list[Receipt]"]
"""Makes months (``2026-10``, sorted) in a lake, by the universe file as it is now and for a run."""

Tell = Callable[["Lake", "Receipt"], dict[str, Any]]
"""The metadata of a month that was made."""


def key_of(table: Table) -> dg.AssetKey:
    """The asset of a table."""
    return dg.AssetKey([GROUP, table.name])


def spec_of(table: Table, universe: Universe, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    """What the UI and the planner know of a table."""
    return dg.AssetSpec(
        key=key_of(table),
        deps=deps,
        group_name=GROUP,
        description=f"{table.sentence} Made of what the lake holds; sends nothing.",
        kinds={"numpy", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(table)},
        partitions_def=dg.MonthlyPartitionsDefinition(universe.first_month, fmt=MONTH_FORMAT, end_offset=1),
    )


def derived(
    tables: Sequence[Table], universe: Universe, deps: Sequence[dg.AssetKey], derive: Derive, tell: Tell
) -> dg.AssetsDefinition:
    """One step, named for the first of ``tables``, that makes them of what ``deps`` brought into the lake."""

    @dg.multi_asset(
        name=f"{GROUP}__{tables[0].name}",
        specs=[spec_of(table, universe, deps) for table in tables],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def made(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        months = sorted(str(key) for key in context.partition_keys)
        with lake.open() as opened:
            done = derive(opened, load_universe(universe.path), months, context.run.run_id)
            for receipt in done:
                key, month = dg.AssetKey([GROUP, receipt.partition.series.table]), receipt.partition.month
                context.add_asset_metadata(tell(opened, receipt), asset_key=key, partition_key=month)
        for table in tables:
            versions = [one.data_version for one in done if one.partition.series.table == table.name]
            yield dg.MaterializeResult(asset_key=key_of(table), data_version=dg.DataVersion(receipts.joined(versions)))

    return made


def numbers(receipt: "Receipt") -> dict[str, Any]:
    """What became of a month, for the end of its metadata."""
    return {
        "new": receipt.new,
        "changed": receipt.changed,
        "bytes stored": receipt.stored_bytes,
        "seconds": round(receipt.seconds, 3),
        "version": receipt.version,
        "data version": receipt.data_version,
        "dagster/partition_row_count": receipt.rows,
    }
