"""``["arbitrage", "simulation"]`` and ``["arbitrage", "simulation_equity"]``: what the rules would have earned, by month.

What lives here: the two assets, made by one step, and what the UI says of a month. What does not: making the rows
(``qmd_platform.ingest.simulation``), the simulation (``qmd_platform.arbitrage.simulation``). It reads the lake and sends
nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import across, candles, funding
from qmd_platform.config import Universe
from qmd_platform.model.simulation_tables import SIMULATION, SIMULATION_EQUITY

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake

KEYS = tuple(across.key_of(table) for table in (SIMULATION, SIMULATION_EQUITY))
SHOWN = 12
"""Pairs in the table of the metadata, those that earned most."""

_WHICH = ("kind", "strategy", "part")


def simulation_of(universe: Universe) -> list[dg.AssetsDefinition]:
    """The simulation over all venues of the universe whose funding is kept; none where there are none."""
    venues = [venue for venue in universe.venues.values() if venue.perpetuals]
    deps = [key for venue in venues for key in (funding.key_of(venue.venue), candles.key_of(venue, venue.base))]
    return [across.derived([SIMULATION, SIMULATION_EQUITY], universe, deps, _derive, _tell)] if venues else []


def _derive(lake: "Lake", now: Universe, months: list[str], run_id: str) -> "list[Receipt]":
    from qmd_platform.ingest.simulation import derive_simulation  # noqa: PLC0415 - Arrow, only when it runs

    return derive_simulation(lake, now.markets, months, run_id=run_id, rules=now.arbitrage)


def _tell(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    of_table = {SIMULATION.name: metadata, SIMULATION_EQUITY.name: equity_metadata}
    return of_table[receipt.partition.series.table](lake, receipt)


def metadata(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    """The equity as a picture, the rules and the baselines at each cost and part, the pairs that earned most, the numbers."""
    from qmd_platform.ingest.simulation_told import rows_of  # noqa: PLC0415 - Arrow, only when a step runs

    shown = (*_WHICH, "scenario", "pairs", "trades", "exposure", "net_quote", "return_per_year", "sharpe", "sharpe_lo")
    totals = rows_of(lake, receipt.partition, shown, only_totals=True)
    columns = ("short_market", "long_market", "strategy", "scenario", "part", "trades", "net_quote", "random_beaten")
    pairs = [
        row
        for row in rows_of(lake, receipt.partition, columns, only_totals=False)
        if (row["strategy"], row["scenario"], row["part"]) == ("rules", "base", "all") and row["trades"]
    ]
    best = sorted(pairs, key=lambda row: -row["net_quote"])[:SHOWN]
    names = ("short_market", "long_market", "trades", "net_quote", "random_beaten")
    return {
        **_chart(lake, receipt),
        **({"rules, costs, split": _table(_side_by_side(totals))} if totals else {}),
        **({"best pairs": _table([{name: _told(name, row[name]) for name in names} for row in best])} if best else {}),
        **across.numbers(receipt),
    }


def equity_metadata(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    """The picture and the numbers."""
    return {**_chart(lake, receipt), **across.numbers(receipt)}


def _chart(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    from qmd_platform.arbitrage.simulation.chart import markdown_image  # noqa: PLC0415 - numpy, only when a step runs
    from qmd_platform.ingest.arbitrage import partition  # noqa: PLC0415 - the same
    from qmd_platform.ingest.simulation_told import curves  # noqa: PLC0415 - the same

    drawn = curves(lake, partition(SIMULATION_EQUITY.name, receipt.partition.month))
    title = f"simulated until {receipt.partition.month}, all pairs of a kind, base costs"
    return {"equity": dg.MetadataValue.md(markdown_image(drawn, title))}


def _side_by_side(totals: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """One row a kind, strategy and part: net at each cost beside one another, the rest at base costs."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in totals:
        into = found.setdefault(tuple(row[name] for name in _WHICH), {name: row[name] for name in _WHICH})
        into[f"net, {row['scenario']}"] = _told("net_quote", row["net_quote"])
        if row["scenario"] == "base":
            rest = ("pairs", "trades", "exposure", "return_per_year", "sharpe", "sharpe_lo")
            into |= {name: _told(name, row[name]) for name in rest}
    return list(found.values())


def _told(name: str, value: Any) -> str:  # noqa: ANN401 - any cell
    if value is None:
        return ""
    if name in {"exposure", "return_per_year", "random_beaten"}:
        return f"{100 * value:.2f} %"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[dict[str, str]]) -> dg.TableMetadataValue:
    columns = dg.TableSchema([dg.TableColumn(name) for name in rows[0]])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], columns)
