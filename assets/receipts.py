"""Receipts as the UI shows them: one set of numbers and one chart a partition.

What lives here: a receipt to Dagster metadata. What does not: the receipt (``qmd_platform.ingest.receipt``), the
chart's lines (``qmd_platform.quality.chart``).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import checks
from qmd_platform.model.timeframe import Timeframe

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Verdict


Told = dg.MaterializeResult | dg.AssetCheckEvaluation | dg.Output[None]
"""What a step of a candle asset yields."""


def reported(
    context: dg.AssetExecutionContext,
    lake: "Lake",
    receipts: Sequence["Receipt"],
    *,
    shorter: Timeframe | None = None,
) -> Iterator[Told]:
    """Judge what the receipts are about, and tell Dagster about every partition: what a step yields.

    A run over one partition carries that partition's content hash as its data version; a run over several the
    hash of all theirs, because Dagster takes one from a step. Each partition's own is in its metadata.
    """
    from qmd_platform.ingest.checking import checked, told  # noqa: PLC0415 - Arrow and SQL, only when a step runs

    verdicts = []
    for receipt in receipts:
        judged = [*checked(lake, receipt.partition, shorter=shorter), *told(receipt)]
        verdicts += judged
        context.add_asset_metadata(metadata(lake, receipt, judged), partition_key=receipt.partition.key)
        for failure in receipt.failures:
            context.log.warning("%s: not fetched: %s", receipt.partition, failure)
    yield dg.MaterializeResult(data_version=dg.DataVersion(joined([receipt.data_version for receipt in receipts])))
    yield from checks.evaluated(context, verdicts)


def metadata(lake: "Lake", receipt: "Receipt", verdicts: Sequence["Verdict"]) -> Mapping[str, Any]:
    """The chart, the verdicts and the numbers of one partition, in the order a person reads them."""
    from qmd_platform.quality.chart import markdown_image  # noqa: PLC0415 - numpy, only when a step runs

    partition, summary = receipt.partition, receipt.summary
    candles = lake.candles(partition.series, partition.window)
    return {
        "chart": dg.MetadataValue.md(markdown_image(candles, receipt.runs, partition.window, str(partition))),
        "checks": checks.sentence(verdicts),
        "expected": summary.expected,
        "present": summary.present,
        "missing": summary.missing,
        "verified empty": summary.verified_empty,
        "unlisted": summary.unlisted,
        "quarantined": summary.quarantined,
        "new": receipt.new,
        "changed": receipt.changed,
        **_again(receipt),
        "requests": receipt.traffic.requests,
        "retries": receipt.traffic.retries,
        "bytes received": receipt.traffic.bytes,
        "bytes stored": receipt.stored_bytes,
        "seconds": round(receipt.seconds, 3),
        "version": receipt.version,
        "data version": receipt.data_version,
        "dagster/partition_row_count": receipt.rows,
        **({"not fetched": "; ".join(receipt.failures)} if receipt.failures else {}),
    }


def _again(receipt: "Receipt") -> dict[str, Any]:
    """What asking again or listening brought: only where something came twice, or of two sources."""
    told = {
        "read again": receipt.reread,
        "vanished at the venue": receipt.vanished,
        "compared with archive": receipt.compared,
        "disagreements with archive": receipt.disagreements,
        "heard live": receipt.heard,
        "heard otherwise": receipt.disputed,
    }
    return {name: count for name, count in told.items() if count}


def joined(versions: Sequence[str]) -> str:
    """One data version of several; itself where it is one."""
    if len(versions) == 1:
        return versions[0]
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()
