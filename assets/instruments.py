"""``[venue, "instruments"]``: what a venue lists, with the facts needed to fetch and convert its data.

What lives here: the asset. What does not: asking the venue (``qmd_platform.ingest.instruments``).
"""

import dagster as dg

from assets import describe
from qmd_platform.model.tables import INSTRUMENTS
from resources.lake import LakeResource
from resources.venues import VenuesResource


def instruments_of(venue: str) -> dg.AssetsDefinition:
    """The instruments asset of one venue."""

    @dg.asset(
        key=[venue, INSTRUMENTS.name],
        group_name=venue,
        description=f"What {venue} lists, fetched as a whole; every version stays in the ledger. {INSTRUMENTS.sentence}",
        kinds={"ccxt", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(INSTRUMENTS)},
        pool=venue,
    )
    def instruments(
        context: dg.AssetExecutionContext, lake: LakeResource, venues: VenuesResource
    ) -> dg.MaterializeResult:
        from qmd_platform.ingest.instruments import refresh  # noqa: PLC0415 - ccxt and Arrow, only when it runs

        with lake.open() as opened:
            receipt = refresh(opened, venue, run_id=context.run.run_id, url=venues.server())
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": receipt.rows,
                "new": receipt.new,
                "changed": receipt.changed,
                "requests": receipt.traffic.requests,
                "bytes received": receipt.traffic.bytes,
                "data version": receipt.data_version,
            },
            data_version=dg.DataVersion(receipt.data_version),
        )

    return instruments
