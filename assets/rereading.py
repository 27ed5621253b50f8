"""``[venue, "rereading"]``: history read again, and what the venue has changed in it.

What lives here: the asset, its check, its numbers. What does not: the reading (``qmd_platform.ingest.rereading``), which
windows (``qmd_platform.coverage.sampling``), when (``sensors.rereading``).
"""

import time
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets import describe
from assets.candles import key_of
from qmd_platform.config import VenueUniverse
from qmd_platform.model.window import instant, iso
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.rereading import Reread

NAME = "rereading"
PAGES = 24
"""Pages of history a night and venue, a request each and one for the venue's clock."""

LISTED = 100
"""Restated rows in the metadata; all are counted, and `qmd revisions` has them."""


class Rereading(dg.Config):
    """What one reading takes."""

    whole_months: bool = Field(default=False, description="One month of every series in turn, not a sample of pages.")
    pages: int = Field(default=PAGES, ge=1, description="Pages of history, where it is a sample.")
    at: str = Field(default="", description="The night or week whose turn it is, as a date; empty for today.")


def rereading_of(venue: VenueUniverse) -> dg.AssetsDefinition:
    """The rereading asset of one venue."""
    key = dg.AssetKey([venue.venue, NAME])

    @dg.asset(
        key=key,
        group_name=venue.venue,
        owners=describe.OWNERS,
        kinds={"ccxt"},
        tags={"upkeep": NAME},
        deps=[key_of(venue, step) for step in (venue.base, *venue.native)],
        description=f"Reads a sample of {venue.venue}'s history again every night, and every week one month of each "
        "series in turn. A candle that the venue has changed since is a new version, and a row of the table here.",
        check_specs=[
            dg.AssetCheckSpec(
                "restated", asset=key, description="What was read again is what it was, and nothing has vanished."
            )
        ],
        pool=venue.venue,
    )
    def rereading(
        context: dg.AssetExecutionContext, config: Rereading, lake: LakeResource, venues: VenuesResource
    ) -> dg.MaterializeResult:
        from qmd_platform.ingest.rereading import reread  # noqa: PLC0415 - ccxt and Arrow, only when it runs

        at = instant(config.at) if config.at else time.time_ns() // 1_000_000
        with lake.open() as opened:
            done = reread(
                opened,
                venue,
                at=at,
                pages=config.pages,
                run_id=context.run.run_id,
                url=venues.server(),
                whole_months=config.whole_months,
            )
        for failure in done.failures:
            context.log.warning("not read: %s", failure)
        return dg.MaterializeResult(metadata=_told(done), check_results=[_verdict(done)])

    return rereading


def _told(done: "Reread") -> dict[str, Any]:
    rows: list[dict[str, str | int]] = [
        {
            "series": str(one.partition.series),
            "candle": iso(one.open_at) if one.open_at is not None else one.key,
            "before": one.before or "",
            "after": one.after or "",
            "commit": one.commit,
        }
        for one in done.revisions[:LISTED]
    ]
    columns = [dg.TableColumn(name) for name in ("series", "candle", "before", "after")]
    table = dg.MetadataValue.table(
        [dg.TableRecord(dict(row)) for row in rows], dg.TableSchema([*columns, dg.TableColumn("commit", "int")])
    )
    return {
        "compared": done.compared,
        "equal": done.equal,
        "restated": done.restated,
        "vanished": done.vanished,
        "windows": done.windows,
        "not read": len(done.failures),
        "requests": done.requests,
        **({"restated rows": table} if rows else {}),
    }


def _verdict(done: "Reread") -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="restated",
        passed=not (done.restated or done.vanished),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"restated": done.restated, "vanished": done.vanished, "compared": done.compared},
    )
