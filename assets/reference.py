"""``[venue, "mark_candles"]``, ``"index_candles"``, ``"premium_candles"``, partitioned by perpetual and month.

What lives here: the assets, for the venues that have them, and what the UI says of a partition. What does not: asking
(``qmd_platform.ingest.reference``), the rules (``qmd_platform.quality.reference_rules``).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import checks, describe, receipts
from assets.candles import Fetching
from assets.partitions import asked, perpetual_months
from qmd_platform.config import VenueUniverse
from qmd_platform.model.reference_tables import REFERENCE_TABLES, Reference
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.venues import facts
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Verdict


def tables_of(venue: VenueUniverse) -> list[str]:
    """The names of the tables that the venue has, where perpetuals of it are kept."""
    return [wanted.table for wanted in facts.references(venue.venue)] if venue.perpetuals else []


def keys_of(venue: VenueUniverse) -> list[dg.AssetKey]:
    """The assets' keys."""
    return [dg.AssetKey([venue.venue, table]) for table in tables_of(venue)]


def reference_of(venue: VenueUniverse, first_month: str) -> list[dg.AssetsDefinition]:
    """Mark, index and premium of one venue's perpetuals, as far as it has them."""
    return [_made(wanted, venue, first_month) for wanted in Reference if wanted.table in tables_of(venue)]


def _made(wanted: Reference, venue: VenueUniverse, first_month: str) -> dg.AssetsDefinition:
    spec, key = REFERENCE_TABLES[wanted], dg.AssetKey([venue.venue, wanted.table])
    partitions = perpetual_months(venue.venue, first_month)

    @dg.asset(
        key=key,
        group_name=venue.venue,
        deps=[dg.AssetKey([venue.venue, INSTRUMENTS.name])],
        description=f"{wanted.value.capitalize()} of {venue.venue}'s perpetuals. {spec.sentence}",
        kinds={"ccxt", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(spec)},
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.specs(key, checks.REFERENCE_CHECKS[wanted], partitions),
        pool=venue.venue,
    )
    def candles(
        context: dg.AssetExecutionContext, config: Fetching, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[receipts.Told]:
        with lake.open() as opened:
            yield from _filled(context, opened, config, venues.server())

    return candles


def _filled(
    context: dg.AssetExecutionContext, lake: "Lake", config: Fetching, url: str | None
) -> Iterator[receipts.Told]:
    """Fill the run's partitions, judge them, say what became of each."""
    from qmd_platform.ingest.reference import fill_reference  # noqa: PLC0415 - ccxt and Arrow, only when it runs
    from qmd_platform.ingest.reference_checks import checked_reference  # noqa: PLC0415 - the same

    filled = fill_reference(lake, asked(context), run_id=context.run.run_id, url=url, asking=config.asking())
    verdicts: list[Verdict] = []
    for receipt in filled:
        judged = checked_reference(lake, receipt.partition)
        verdicts += judged
        context.add_asset_metadata(metadata(lake, receipt, judged), partition_key=receipt.partition.key)
    for why in sorted({why for receipt in filled for why in receipt.failures}):
        context.log.warning("not fetched: %s", why)
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(receipts.joined([receipt.data_version for receipt in filled]))
    )
    yield from checks.evaluated(context, verdicts)


def metadata(lake: "Lake", receipt: "Receipt", verdicts: Sequence["Verdict"]) -> dict[str, Any]:
    """The chart, the verdicts and the numbers, in the order a person reads them."""
    from qmd_platform.ingest.reference_rows import held, wanted_of  # noqa: PLC0415 - Arrow, only when a step runs
    from qmd_platform.quality.line_chart import Line, markdown_image  # noqa: PLC0415 - numpy, the same

    month, market = receipt.partition.month, receipt.partition.series.market
    wanted = wanted_of(receipt.partition.series)
    rows, told = held(lake, market, wanted, (month, month)), receipt.summary
    in_bps = wanted is Reference.PREMIUM
    line = Line(f"{wanted.value}, bps" if in_bps else wanted.value, rows.open_at, rows.close * (1e4 if in_bps else 1))
    return {
        "chart": dg.MetadataValue.md(markdown_image([line], receipt.partition.window, f"{market}: {wanted.value}")),
        "checks": checks.sentence(verdicts),
        "hours": told.present,
        "missing": told.missing,
        "the venue has none": told.verified_empty,
        "kept apart": told.quarantined,
        "new": receipt.new,
        "changed": receipt.changed,
        "requests": receipt.traffic.requests,
        "bytes stored": receipt.stored_bytes,
        "version": receipt.version,
        "data version": receipt.data_version,
        "dagster/partition_row_count": receipt.rows,
        **({"not fetched": "; ".join(receipt.failures)} if receipt.failures else {}),
    }
