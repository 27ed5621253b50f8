"""``[venue, "coverage"]``: what is there of everything wanted of a venue, as numbers, as a map, and gap by gap.

What lives here: the asset, and its metadata. What does not: counting and drawing (``qmd_platform.coverage``), when it is
made again (``sensors``).

It sends nothing to a venue and writes nothing to the lake: it reads what the ledger says. The UI keeps its numbers and
draws them over time.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import describe
from assets.candles import key_of
from qmd_platform.config import Universe, VenueUniverse, load_universe
from qmd_platform.model.window import Instant, iso
from resources.lake import LakeResource

if TYPE_CHECKING:
    from qmd_platform.coverage.heatmap import Line

NAME = "coverage"
LISTED = 30
"""Gaps in the table of the metadata; all are counted."""


def coverage_of(venue: VenueUniverse, universe: Universe) -> dg.AssetsDefinition:
    """The coverage asset of one venue; the universe file is read anew each time."""

    @dg.asset(
        key=[venue.venue, NAME],
        group_name=venue.venue,
        deps=[key_of(venue, step) for step in (venue.base, *venue.native)],
        description=f"What the lake has of all that is wanted of {venue.venue}, to the candle: present, missing, verified "
        "empty, not listed, quarantined or never asked for. Reads the ledger and nothing else.",
        kinds={"svg"},
        owners=describe.OWNERS,
    )
    def coverage(lake: LakeResource) -> dg.MaterializeResult:
        from qmd_platform.ingest.survey import surveyed  # noqa: PLC0415 - Arrow and SQL, only when it runs

        now = time.time_ns() // 1_000_000
        with lake.open() as opened:
            lines = surveyed(opened, load_universe(universe.path), now=now, venues={venue.venue})
        return dg.MaterializeResult(metadata=metadata(venue.venue, lines, now))

    return coverage


def metadata(venue: str, lines: Sequence["Line"], now: Instant) -> dict[str, Any]:
    """The map, the gravest gaps and the totals, in the order a person reads them."""
    from qmd_platform.coverage.heatmap import Cell, gravest  # noqa: PLC0415 - numpy, only when a step runs
    from qmd_platform.coverage.picture import markdown_image  # noqa: PLC0415 - the same
    from qmd_platform.coverage.ranges import known_of  # noqa: PLC0415 - the same

    total = sum((line.total for line in lines), Cell())
    found = gravest(lines)
    oldest = min((line.oldest_gap for line in lines if line.oldest_gap is not None), default=None)
    due = min((line.next_ask for line in lines if line.next_ask is not None), default=None)
    rows = [
        {
            "series": str(series),
            "candles": f"{gap.window.steps(series.timeframe.step):,} {gap.window}",
            "known": known_of(gap),
            "last asked": iso(gap.last_at) if gap.asks else "",
            "next": _next(gap.due_at, now),
        }
        for series, gap in found[:LISTED]
    ]
    return {
        "map": dg.MetadataValue.md(markdown_image(lines, venue)),
        **({"gravest gaps": _table(rows)} if rows else {}),
        "percent": round(min(total.share, 0.9999) * 100, 2) if total.settled < total.wanted else 100.0,
        "series": len(lines),
        "wanted": total.wanted,
        "present": total.summary.present,
        "missing": total.summary.missing,
        "verified empty": total.summary.verified_empty,
        "unlisted": total.summary.unlisted,
        "quarantined": total.summary.quarantined,
        "never asked": total.never_asked,
        "gaps": len(found),
        "oldest gap": "none" if oldest is None else iso(oldest),
        "next recheck": "none" if due is None else _next(due, now),
    }


def _next(due: Instant | None, now: Instant) -> str:
    if due is None:
        return "no API has it"
    return "due" if due <= now else iso(due)


def _table(rows: Sequence[dict[str, Any]]) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, "int" if isinstance(value, int) else "string") for name, value in rows[0].items()]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], dg.TableSchema(columns))
