"""``["arbitrage", "opportunities"]``: every change of state of every hedge worth watching, partitioned by month.

What lives here: the asset and what the UI says of a month. What does not: making the rows
(``qmd_platform.ingest.opportunities``), the rules (``qmd_platform.arbitrage.lifecycle``). It reads the lake and sends nothing.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import across
from qmd_platform.config import Universe
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, VENUE_SPREADS
from qmd_platform.model.opportunity_tables import OPPORTUNITIES
from qmd_platform.model.window import Window, iso

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.opportunities import KeptEpisode

KEY = across.key_of(OPPORTUNITIES)

SHOWN = 12
"""Pairs in the table and in the chart of the metadata."""

_ORDER = ("OPEN", "HOLD", "WATCH", "CLOSE", "NONE")
"""States, those a person looks for first in front."""


def opportunities_of(universe: Universe) -> list[dg.AssetsDefinition]:
    """The opportunities over all venues of the universe whose funding is kept; none where there are none."""
    deps = [across.key_of(table) for table in (VENUE_SPREADS, CASH_AND_CARRY)]
    is_paid = any(venue.perpetuals for venue in universe.venues.values())
    return [across.derived([OPPORTUNITIES], universe, deps, _derive, metadata)] if is_paid else []


def _derive(lake: "Lake", now: Universe, months: list[str], run_id: str) -> "list[Receipt]":
    from qmd_platform.ingest.opportunities import derive_opportunities  # noqa: PLC0415 - Arrow, only when it runs

    return derive_opportunities(lake, months, run_id=run_id, rules=now.arbitrage)


def metadata(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    """The chart, the pairs that matter now, the counts."""
    from qmd_platform.ledger.opportunities import episodes  # noqa: PLC0415 - SQL, only when a step runs

    window = receipt.partition.window
    found = [one for one in episodes(lake.ledger.database, since=window.start) if one.began < window.end]
    found.sort(key=lambda one: (_ORDER.index(one.state), -(one.net_per_year or 0.0), one.name))
    return {
        "chart": dg.MetadataValue.md(_chart(found, window)),
        **({"opportunities": _table(found[:SHOWN])} if found else {}),
        **{f"in {state}": sum(one.state == state for one in found) for state in _ORDER[:3]},
        "episodes of the month": len(found),
        **across.numbers(receipt),
    }


def _chart(found: "Sequence[KeptEpisode]", window: Window) -> str:
    """The pairs of the first episodes, each with all of its episodes."""
    from qmd_platform.arbitrage.chart import Bar, markdown_image  # noqa: PLC0415 - only when a step runs

    lanes: dict[str, list[Bar]] = {}
    for one in found:
        name = f"{one.underlying}: {_short(one.short_market)} / {_short(one.long_market)}"
        if name in lanes or len(lanes) < SHOWN:
            lanes.setdefault(name, []).append(Bar(one.began, one.opened, one.closed, one.ended))
    return markdown_image(list(lanes.items()), window, "opportunities, sold / bought", time.time_ns() // 1_000_000)


def _short(market: str) -> str:
    """A market's venue, and whether it is spot: the coin is the row's."""
    venue, _, symbol = market.partition(":")
    return venue if ":" in symbol else f"{venue} spot"


def _economics(one: "KeptEpisode") -> str:
    """What the change was decided by, short: the page has no room for a column each."""
    net = "" if one.net_per_year is None else f"{100 * one.net_per_year:.2f} %"
    return net if one.break_even_hours is None else f"{net}, {one.break_even_hours:.4g} h"


def _table(found: "Sequence[KeptEpisode]") -> dg.TableMetadataValue:
    told = [
        {
            "sold": one.short_market,
            "bought": one.long_market,
            "state": one.state,
            "since (UTC)": iso(one.since)[:16].replace("T", " "),
            "net a year, break-even at the change": _economics(one),
            "why": f"{one.reason}; {one.flags}" if one.flags else one.reason,
        }
        for one in found
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in told[0]])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in told], columns)
