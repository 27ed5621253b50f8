"""What the UI says of a month of perpetuals as they are now: a chart, the newest rows, the numbers.

What lives here: rows of three tables as Dagster metadata. What does not: the assets (``assets.snapshots``).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from qmd_platform.model.columns import Table
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST, PREDICTION_ERROR
from qmd_platform.venues import facts

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake

SHOWN = 12
"""Rows in the table, and bars in the chart."""

_YEAR_HOURS, _BPS = 8760, 10_000

Rows = list[dict[str, Any]]


def begins(venue: str, table: Table) -> str:
    """Since when a venue's table can have rows."""
    if table is PREDICTION_ERROR:
        return "Made of what the lake holds; sends nothing."
    known = facts.snapshots_of(venue)
    if table is OPEN_INTEREST and known.history is not None:
        reach = f"of the last {known.history.reach_days} days" if known.history.reach_days else "of the past too"
        return f"{venue} serves it {reach}, every {known.history.period}."
    return "It begins at the first capture: what was so before cannot be asked for."


def metadata(lake: "Lake", venue: str, table: Table, month: str, done: Sequence["Receipt"]) -> dict[str, Any]:
    """A month's chart, its newest rows, and the numbers."""
    partition = Partition(Series(table.name, venue), month)
    state = lake.state(partition)
    mine = [one for one in done if one.partition == partition]
    is_empty = state is None or not state.rows
    return {
        **({} if is_empty else _PICTURES[table.name](lake, partition)),
        **({"no rows": begins(venue, table)} if is_empty else {}),
        "new": sum(one.new for one in mine),
        "changed": sum(one.changed for one in mine),
        "requests": sum(one.traffic.requests for one in mine),
        "bytes stored": state.bytes if state else 0,
        "version": state.version if state else 0,
        "data version": state.data_version if state else "",
        "dagster/partition_row_count": state.rows if state else 0,
        **({"not told": "; ".join(sorted({why for one in mine for why in one.failures}))} if _failed(mine) else {}),
    }


def _failed(receipts: Sequence["Receipt"]) -> bool:
    return any(one.failures for one in receipts)


def _predictions(lake: "Lake", partition: Partition) -> dict[str, Any]:
    """The newest prediction of each market, the farthest from nothing first."""
    rows = _newest(lake, partition, "seen_at")
    known = [
        one | {"year": one["predicted_rate"] / one["interval_hours"] * _YEAR_HOURS} for one in rows if _is_yearly(one)
    ]
    known.sort(key=lambda one: -abs(one["year"]))
    told = [
        {
            "market": one["market"],
            "seen at": one["seen_at"],
            "next settlement": one["next_settlement_at"],
            "predicted": f"{100 * one['predicted_rate']:.5f} %",
            "interval": f"{one['interval_hours']:g} h",
            "a year": f"{100 * one['year']:.2f} %",
            "mark": _number(one["mark"]),
        }
        for one in known[:SHOWN]
    ]
    bars = [(one["market"], one["year"], f"{100 * one['year']:.2f} %") for one in known[:SHOWN]]
    return {**_chart(bars, f"{partition}: predicted, % a year"), **_table("newest predictions", told)}


def _is_yearly(row: dict[str, Any]) -> bool:
    return row["predicted_rate"] is not None and bool(row["interval_hours"])


def _open_interest(lake: "Lake", partition: Partition) -> dict[str, Any]:
    """The newest open interest of each market, the one worth most first."""
    rows = sorted(_newest(lake, partition, "counted_at"), key=lambda one: -(one["open_interest_quote"] or 0))[:SHOWN]
    names = ("contracts", "base", "coins", "quote")
    told = [
        {
            "market": one["market"],
            "counted at": one["counted_at"],
            **{name: _number(one[f"open_interest_{name}"]) for name in names},
        }
        for one in rows
    ]
    worth = [(one["market"], one["open_interest_quote"]) for one in rows if one["open_interest_quote"] is not None]
    bars = [(name, value, f"{value:,.0f}") for name, value in worth]
    return {**_chart(bars, f"{partition}: worth, in quote"), **_table("newest open interest", told)}


def _errors(lake: "Lake", partition: Partition) -> dict[str, Any]:
    """How wrong predictions were in the month, at each lead."""
    from qmd_platform.ingest.prediction_error import of_each_lead  # noqa: PLC0415 - Arrow, only when a step runs

    found = of_each_lead(lake, partition.series.venue, [partition.month])
    told = [
        {
            "lead": _lead(one.lead_hours),
            "predictions": str(one.count),
            "mean absolute error (bps)": f"{_BPS * one.mean_absolute:.4f}",
            "bias (bps)": f"{_BPS * one.bias:+.4f}",
            "worst (bps)": f"{_BPS * one.worst:.4f}",
        }
        for one in found
    ]
    bars = [
        (f"{_lead(one.lead_hours)} before", one.mean_absolute, f"{_BPS * one.mean_absolute:.3f} bps") for one in found
    ]
    return {**_chart(bars, f"{partition}: mean absolute error"), **_table("errors by lead", told)}


_PICTURES: dict[str, Callable[["Lake", Partition], dict[str, Any]]] = {
    FUNDING_PREDICTIONS.name: _predictions,
    OPEN_INTEREST.name: _open_interest,
    PREDICTION_ERROR.name: _errors,
}


def _newest(lake: "Lake", partition: Partition, at: str) -> Rows:
    from qmd_platform.ingest.arbitrage import newest  # noqa: PLC0415 - Arrow, only when a step runs
    from qmd_platform.model import tables  # noqa: PLC0415 - the same

    columns = [one.name for one in tables.table(partition.series.table).columns]
    return newest(lake, partition, key=("market",), at=at, by=at, columns=columns)


def _chart(bars: Sequence[tuple[str, float, str]], title: str) -> dict[str, Any]:
    from qmd_platform.funding.bars import Bar, markdown_image  # noqa: PLC0415 - only when a step runs

    return {"chart": dg.MetadataValue.md(markdown_image([Bar(*one) for one in bars], title))}


def _table(title: str, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    if not rows:
        return {}
    columns = dg.TableSchema([dg.TableColumn(name) for name in rows[0]])
    return {title: dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], columns)}


def _lead(hours: float) -> str:
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:g} min"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.8g}"
