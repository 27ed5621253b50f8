"""``[venue, "funding_rates"]``: settled funding, partitioned by perpetual and month.

What lives here: the asset and what the UI says of a partition. What does not: asking (``qmd_platform.ingest.funding``), the
rules (``qmd_platform.quality.funding_rules``).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import checks, describe, receipts
from assets.candles import Fetching
from assets.partitions import asked, perpetual_months
from qmd_platform.config import VenueUniverse
from qmd_platform.model.tables import FUNDING_RATES, INSTRUMENTS
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.funding.intervals import Intervals
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Verdict
    from qmd_platform.model.settlements import Settlements

SHOWN = 12
"""Settlements in the table of the metadata, the newest."""


def key_of(venue: str) -> dg.AssetKey:
    """The asset's key."""
    return dg.AssetKey([venue, FUNDING_RATES.name])


def funding_of(venue: VenueUniverse, first_month: str) -> dg.AssetsDefinition:
    """The settled funding of one venue's perpetuals."""
    partitions = perpetual_months(venue.venue, first_month)

    @dg.asset(
        key=key_of(venue.venue),
        group_name=venue.venue,
        deps=[dg.AssetKey([venue.venue, INSTRUMENTS.name])],
        description=f"Settled funding of {venue.venue}'s perpetuals, each rate with its own interval. "
        f"{FUNDING_RATES.sentence}",
        kinds={"ccxt", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(FUNDING_RATES)},
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=checks.specs(key_of(venue.venue), checks.FUNDING_CHECKS, partitions),
        pool=venue.venue,
    )
    def funding_rates(
        context: dg.AssetExecutionContext, config: Fetching, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[receipts.Told]:
        from qmd_platform.ingest.funding import fill_funding  # noqa: PLC0415 - ccxt and Arrow, only when it runs
        from qmd_platform.ingest.funding_checks import checked_funding  # noqa: PLC0415 - the same

        with lake.open() as opened:
            filled = fill_funding(
                opened, asked(context), run_id=context.run.run_id, url=venues.server(), asking=config.asking()
            )
            verdicts: list[Verdict] = []
            for receipt in filled:
                judged = checked_funding(opened, receipt.partition, receipt.stated)
                verdicts += judged
                context.add_asset_metadata(metadata(opened, receipt, judged), partition_key=receipt.partition.key)
            for line in _warnings(filled):
                context.log.warning("%s", line)
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(receipts.joined([receipt.data_version for receipt in filled]))
        )
        yield from checks.evaluated(context, verdicts)

    return funding_rates


def _warnings(filled: "Sequence[Receipt]") -> Iterator[str]:
    """What a person should read of a run: what did not come, and what came and looks wrong."""
    yield from sorted({f"not fetched: {why}" for receipt in filled for why in receipt.failures})
    yield from (f"{receipt.partition}: {doubt}" for receipt in filled for doubt in receipt.doubts)


def metadata(lake: "Lake", receipt: "Receipt", verdicts: Sequence["Verdict"]) -> dict[str, Any]:
    """The chart, the verdicts, the newest settlements and the numbers, in the order a person reads them."""
    from qmd_platform.funding.chart import markdown_image  # noqa: PLC0415 - numpy, only when a step runs
    from qmd_platform.funding.intervals import intervals  # noqa: PLC0415 - the same
    from qmd_platform.ingest.funding_rows import part, settlements  # noqa: PLC0415 - the same

    partition = receipt.partition
    every = settlements(lake, partition.series.market)
    rows, found = part(every, intervals(every), partition.window)
    return {
        "chart": dg.MetadataValue.md(markdown_image(rows, found, partition.window, str(partition.series.market))),
        "checks": checks.sentence(verdicts),
        **_newest(rows, found),
        "settlements": receipt.summary.present,
        "seem to be missing": receipt.summary.missing,
        **_rates(rows, found),
        "new": receipt.new,
        "changed": receipt.changed,
        "quarantined": receipt.quarantined,
        "sent twice": receipt.duplicates,
        **({"doubts": "; ".join(receipt.doubts)} if receipt.doubts else {}),
        "requests": receipt.traffic.requests,
        "bytes stored": receipt.stored_bytes,
        "version": receipt.version,
        "data version": receipt.data_version,
        "dagster/partition_row_count": receipt.rows,
        **({"not fetched": "; ".join(receipt.failures)} if receipt.failures else {}),
    }


def _newest(rows: "Settlements", found: "Intervals") -> dict[str, Any]:
    """The last settlements with their working: rate, interval and what proves it, a year."""
    from qmd_platform.funding.annual import simple_apr  # noqa: PLC0415 - numpy, only when a step runs
    from qmd_platform.model.window import iso  # noqa: PLC0415 - the same

    if not len(rows):
        return {}
    yearly = simple_apr(rows.rate, found.hours)
    told = [
        {
            "settled at": iso(int(rows.settled_at[row])),
            "rate": f"{100 * rows.rate[row]:.5f} %",
            "interval": f"{found.hours[row]:g} h ({found.evidence[row]})",
            "a year": f"{100 * yearly[row]:.2f} %",
        }
        for row in range(len(rows) - 1, max(len(rows) - 1 - SHOWN, -1), -1)
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in told[0]])
    return {"newest settlements": dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in told], columns)}


def _rates(rows: "Settlements", found: "Intervals") -> dict[str, Any]:
    """The intervals of the month, and what its settlements come to in a year."""
    import numpy as np  # noqa: PLC0415 - only when a step runs

    from qmd_platform.funding.annual import window_apr  # noqa: PLC0415 - the same

    known = np.isfinite(found.hours)
    if not known.any():
        return {"intervals": "none known"}
    hours = sorted(set(found.hours[known].tolist()))
    return {
        "intervals": ", ".join(f"{one:g} h" for one in hours),
        "a year, by this month (%)": round(100 * window_apr(rows.rate[known], found.hours[known]), 4),
    }
