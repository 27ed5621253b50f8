"""``[venue, "instruments"]``: what a venue lists, with the facts needed to fetch and convert its data.

What lives here: the asset. What does not: asking the venue (``qmd_platform.ingest.instruments``).
"""

from collections.abc import Iterator

import dagster as dg

from assets import checks, describe, receipts
from qmd_platform.model.tables import INSTRUMENTS
from resources.lake import LakeResource
from resources.venues import VenuesResource


def instruments_of(venue: str) -> dg.AssetsDefinition:
    """The instruments asset of one venue."""
    key = dg.AssetKey([venue, INSTRUMENTS.name])

    @dg.asset(
        key=key,
        group_name=venue,
        description=f"What {venue} lists, fetched as a whole; every version stays in the ledger. {INSTRUMENTS.sentence}",
        kinds={"ccxt", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(INSTRUMENTS)},
        pool=venue,
        check_specs=checks.specs(key, checks.LISTING_CHECKS),
    )
    def listed(
        context: dg.AssetExecutionContext, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[receipts.Told]:
        from qmd_platform.ingest.checking import checked_list  # noqa: PLC0415 - Arrow and SQL, only when it runs
        from qmd_platform.ingest.instruments import instruments, refresh  # noqa: PLC0415 - ccxt, only when it runs

        with lake.open() as opened:
            before = instruments(opened, venue)
            receipt = refresh(opened, venue, run_id=context.run.run_id, url=venues.server())
            verdicts = checked_list(opened, venue, before)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": receipt.rows,
                "checks": checks.sentence(verdicts),
                "new": receipt.new,
                "changed": receipt.changed,
                "requests": receipt.traffic.requests,
                "bytes received": receipt.traffic.bytes,
                "data version": receipt.data_version,
            },
            data_version=dg.DataVersion(receipt.data_version),
        )
        yield from checks.evaluated(context, verdicts)

    return listed
