"""``["arbitrage", table]``: what the venues' funding and prices come to across venues, partitioned by month.

What lives here: the assets and what the UI says of a month. What does not: making the rows (``qmd_platform.ingest.arbitrage``),
the arithmetic (``qmd_platform.arbitrage``), the pictures (``qmd_platform.report``). Nothing here sends a request: it reads
the lake.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg

from assets import across, candles, funding, snapshots
from qmd_platform.config import Universe
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, FUNDING_ANOMALIES, FUNDING_CARRY, VENUE_SPREADS
from qmd_platform.model.columns import Table
from qmd_platform.model.snapshot_tables import OPEN_INTEREST

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake

SHOWN = 12
"""Rows in the table of the metadata."""


class _View(NamedTuple):
    """Which rows of a month a person looks at first: the newest of each key, the highest on top."""

    title: str
    table: Table
    of: tuple[str, ...]
    at: str
    by: str
    shows: tuple[str, ...]


_HEDGE = ("net_168h_per_year", "break_even_hours", "cost_bps", "short_interval_hours", "long_interval_hours", "flags")
VIEWS = (
    _View(
        "highest funding",
        FUNDING_CARRY,
        ("market",),
        "available_at",
        "simple_168h_per_year",
        ("rate", "interval_hours", "simple_per_year", "simple_168h_per_year"),
    ),
    _View(
        "most unusual",
        FUNDING_ANOMALIES,
        ("market",),
        "available_at",
        "z_robust",
        ("rate_per_hour", "z_robust", "is_anomaly"),
    ),
    _View("best pairs", VENUE_SPREADS, ("short_market", "long_market"), "seen_at", "net_168h_per_year", _HEDGE),
    _View("best hedges", CASH_AND_CARRY, ("short_market", "long_market"), "seen_at", "net_168h_per_year", _HEDGE),
)
"""One of each table."""


def arbitrage_of(universe: Universe) -> list[dg.AssetsDefinition]:
    """The tables over all venues of the universe whose funding is kept; none where there are none."""
    venues = [venue for venue in universe.venues.values() if venue.perpetuals]
    deps = [key for venue in venues for key in (funding.key_of(venue.venue), candles.key_of(venue, venue.base))]
    interest = [snapshots.key_of(venue.venue, OPEN_INTEREST) for venue in venues]
    # Hedges are flagged where little is outstanding of a leg.
    return [_made(view, universe, [*deps, *interest] if view.shows is _HEDGE else deps) for view in VIEWS if venues]


def _made(view: _View, universe: Universe, deps: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    def derive(lake: "Lake", now: Universe, months: list[str], run_id: str) -> "list[Receipt]":
        from qmd_platform.ingest.arbitrage import derive_arbitrage  # noqa: PLC0415 - Arrow, only when it runs

        only = [view.table.name]
        return derive_arbitrage(lake, now.markets, months, run_id=run_id, rules=now.arbitrage, only=only)

    return across.derived([view.table], universe, deps, derive, partial(metadata, view=view))


def metadata(lake: "Lake", receipt: "Receipt", view: _View) -> dict[str, Any]:
    """The chart, the rows a person looks at first, then the numbers."""
    from qmd_platform.ingest.arbitrage import newest  # noqa: PLC0415 - Arrow, only when a step runs
    from qmd_platform.report.pictures import markdown_of  # noqa: PLC0415 - the same

    columns = (*view.of, view.at, *view.shows)
    rows = newest(lake, receipt.partition, key=view.of, at=view.at, by=view.by, columns=columns)[:SHOWN]
    chart = markdown_of(lake, receipt.partition)
    return {
        **({"chart": dg.MetadataValue.md(chart)} if chart else {}),
        **({view.title: _table(rows)} if rows else {}),
        **across.numbers(receipt),
    }


def _table(rows: Sequence[dict[str, Any]]) -> dg.TableMetadataValue:
    columns = dg.TableSchema([dg.TableColumn(name) for name in rows[0]])
    return dg.MetadataValue.table([dg.TableRecord(_told(row)) for row in rows], columns)


def _told(row: dict[str, Any]) -> dict[str, str]:
    """A row in words: yearly fractions as percent, other numbers short."""
    return {
        name: "" if value is None else f"{100 * value:.2f} %" if name.endswith("_per_year") else _short(value)
        for name, value in row.items()
    }


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
