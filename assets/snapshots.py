"""``[venue, table]`` of perpetuals as they are now: predicted rates, open interest, and how wrong predictions were.

What lives here: the assets and what the UI says of a month. What does not: asking and keeping (``qmd_platform.ingest``), the
schedule (``sensors.snapshots``).

A look is of now, whichever months a run is of: what was predicted in a month that is over cannot be had any more, and the
month says so. Open interest of the past is fetched where the venue serves it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import describe, funding, receipts, snapshots_told
from assets.partitions import MONTH_FORMAT
from qmd_platform.config import Universe, VenueUniverse, load_universe
from qmd_platform.model.columns import Table
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST, PREDICTION_ERROR
from qmd_platform.model.tables import INSTRUMENTS
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake
    from qmd_platform.model.series import Market

TABLES = (FUNDING_PREDICTIONS, OPEN_INTEREST, PREDICTION_ERROR)

Do = Callable[["Lake", Sequence["Market"], Sequence[str], str, str | None], "list[Receipt]"]
"""What a run does: lake, perpetuals, months, run id, the venues' server; its receipts."""


def key_of(venue: str, table: Table) -> dg.AssetKey:
    """The key of a venue's table."""
    return dg.AssetKey([venue, table.name])


def snapshots_of(venue: VenueUniverse, universe: Universe) -> list[dg.AssetsDefinition]:
    """The tables of a venue's perpetuals as they are now; none where it has none."""
    if not venue.perpetuals:
        return []
    name = venue.venue
    instruments = dg.AssetKey([name, INSTRUMENTS.name])
    of_funding = [key_of(name, FUNDING_PREDICTIONS), funding.key_of(name)]
    return [
        _made(name, universe, FUNDING_PREDICTIONS, _looked(name), deps=[instruments]),
        _made(name, universe, OPEN_INTEREST, _counted(name), deps=[instruments]),
        _made(name, universe, PREDICTION_ERROR, _judged(name), deps=of_funding, asks=False),
    ]


def _looked(venue: str) -> Do:
    def do(
        lake: "Lake", markets: Sequence["Market"], months: Sequence[str], run_id: str, url: str | None
    ) -> "list[Receipt]":
        from qmd_platform.ingest.heard_marks import absorb_marks  # noqa: PLC0415 - Arrow, only when it runs
        from qmd_platform.ingest.snapshots import capture  # noqa: PLC0415 - ccxt and Arrow, only when it runs

        heard = absorb_marks(lake, venue, markets, run_id=run_id)
        return [*heard, *capture(lake, venue, markets, run_id=run_id, url=url, only=[FUNDING_PREDICTIONS.name])]

    return do


def _counted(venue: str) -> Do:
    def do(
        lake: "Lake", markets: Sequence["Market"], months: Sequence[str], run_id: str, url: str | None
    ) -> "list[Receipt]":
        from qmd_platform.ingest.open_interest import fill_open_interest, is_served  # noqa: PLC0415 - as above
        from qmd_platform.ingest.snapshots import capture, tells_open_interest  # noqa: PLC0415 - as above

        done = []
        if is_served(venue):
            done += fill_open_interest(lake, venue, markets, months, run_id=run_id, url=url)
        if tells_open_interest(venue):
            done += capture(lake, venue, markets, run_id=run_id, url=url, only=[OPEN_INTEREST.name])
        return done

    return do


def _judged(venue: str) -> Do:
    def do(
        lake: "Lake", markets: Sequence["Market"], months: Sequence[str], run_id: str, url: str | None
    ) -> "list[Receipt]":
        from qmd_platform.ingest.prediction_error import derive_prediction_error  # noqa: PLC0415 - as above

        return derive_prediction_error(lake, venue, markets, months, run_id=run_id)

    return do


def _made(
    venue: str, universe: Universe, table: Table, do: Do, *, deps: Sequence[dg.AssetKey], asks: bool = True
) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(venue, table),
        group_name=venue,
        deps=deps,
        description=f"{table.sentence} {snapshots_told.begins(venue, table)}",
        kinds={"ccxt", "parquet"} if asks else {"numpy", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(table)},
        partitions_def=dg.MonthlyPartitionsDefinition(universe.first_month, fmt=MONTH_FORMAT, end_offset=1),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=venue if asks else None,
    )
    def kept(
        context: dg.AssetExecutionContext, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[dg.MaterializeResult]:
        months = sorted(str(key) for key in context.partition_keys)
        markets = load_universe(universe.path).venues[venue].perpetuals
        with lake.open() as opened:
            done = do(opened, markets, months, context.run.run_id, venues.server())
            for why in sorted({why for receipt in done for why in receipt.failures}):
                context.log.warning("%s", why)
            told: dict[str, dict[str, Any]] = {
                month: snapshots_told.metadata(opened, venue, table, month, done) for month in months
            }
        for month, said in told.items():
            context.add_asset_metadata(said, partition_key=month)
        versions = [str(said["data version"]) for said in told.values()]
        yield dg.MaterializeResult(data_version=dg.DataVersion(receipts.joined(versions)))

    return kept
