"""``[venue, "instruments"]``: what a venue lists, with the facts needed to fetch and convert its data.

What lives here: the asset, and its table of what changed. What does not: asking the venue
(``qmd_platform.ingest.instruments``), what a change is (``qmd_platform.ingest.instrument_history``).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import checks, describe, receipts
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.model.window import iso
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.instrument_history import Change
    from qmd_platform.ingest.receipt import Receipt

MOST_ROWS = 100
"""Rows in the table of changes; their number is told beside it."""


def instruments_of(venue: str) -> dg.AssetsDefinition:
    """The instruments asset of one venue."""
    key = dg.AssetKey([venue, INSTRUMENTS.name])

    @dg.asset(
        key=key,
        group_name=venue,
        description=f"What {venue} lists, fetched as a whole. {INSTRUMENTS.sentence}",
        kinds={"ccxt", "parquet"},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": describe.schema(INSTRUMENTS)},
        pool=venue,
        check_specs=checks.specs(key, checks.LISTING_CHECKS),
    )
    def listed(
        context: dg.AssetExecutionContext, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[receipts.Told]:
        from qmd_platform.ingest import instrument_history  # noqa: PLC0415 - ccxt, only when it runs
        from qmd_platform.ingest.checking import checked_list  # noqa: PLC0415 - Arrow and SQL, only when it runs
        from qmd_platform.ingest.instruments import instruments, refresh  # noqa: PLC0415 - ccxt, only when it runs

        with lake.open() as opened:
            before = instruments(opened, venue)
            receipt = refresh(opened, venue, run_id=context.run.run_id, url=venues.server())
            verdicts = checked_list(opened, venue, before)
            # All of a first list is new, which is no change.
            changed = instrument_history.changes(before, instruments(opened, venue)) if before else []
        yield dg.MaterializeResult(
            metadata={"checks": checks.sentence(verdicts)} | _metadata(receipt, changed),
            data_version=dg.DataVersion(receipt.data_version),
        )
        yield from checks.evaluated(context, verdicts)

    return listed


def _metadata(receipt: "Receipt", changed: "Sequence[Change]") -> dict[str, Any]:
    """What came of a look, in the order a person reads it: rows begun, rows closed or renewed, which facts changed."""
    return {
        "dagster/row_count": receipt.rows,
        "new": receipt.new,
        "changed": receipt.changed,
        "changes": len(changed),
        "what changed": _table(changed[:MOST_ROWS]),
        "requests": receipt.traffic.requests,
        "bytes received": receipt.traffic.bytes,
        "data version": receipt.data_version,
    }


def _table(changed: "Sequence[Change]") -> dg.TableMetadataValue:
    """A row a fact that is otherwise than in the list before."""
    columns = dg.TableSchema([dg.TableColumn(name) for name in ("symbol", "fact", "before", "after", "since")])
    rows = [
        {
            "symbol": one.symbol,
            "fact": one.fact,
            "before": _told(one.fact, one.before),
            "after": _told(one.fact, one.after),
            "since": _told("seen_at", one.since),
        }
        for one in changed
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], columns)


def _told(fact: str, value: object) -> str:
    """A value for people: an instant as ISO text, nothing where there is none."""
    if isinstance(value, int) and not isinstance(value, bool) and (fact.endswith("_at") or fact == "listed"):
        return iso(value)
    return "" if value is None else str(value)
