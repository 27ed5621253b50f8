"""What people look at first of the simulation: all pairs of each kind as one, and the pairs that earned most.

What lives here: reading the tables back for that. What does not: making them (``ingest.simulation``), drawing
(``arbitrage.simulation.chart``).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.simulation.chart import Curve
from qmd_platform.lake.buffers import arrow, column
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.model import tables
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.simulation_tables import SIMULATION_EQUITY, TOGETHER

Row = dict[str, Any]


def rows_of(lake: Lake, of: Partition, columns: Sequence[str], *, only_totals: bool) -> list[Row]:
    """One month's rows: all pairs of each kind as one, or each pair by itself; without instants."""
    table = _read(lake, of)
    is_total = np.array(table.column("short_market").to_pylist(), object) == TOGETHER
    found: list[Row] = _where(table, is_total if only_totals else ~is_total).select(list(columns)).to_pylist()
    return found


def curves(lake: Lake, until: Partition) -> list[Curve]:
    """The equity of all pairs of each kind at base costs, through the months up to this one of ``SIMULATION_EQUITY``.

    Each is the rules' or that of always holding, in fractions of the capital of the last day.
    """
    found: dict[str, list[tuple[NDArray[np.int64], Column, Column]]] = {}
    for month in _months(lake, until):
        table = _read(lake, month)
        table = _where(table, np.array(table.column("short_market").to_pylist(), object) == TOGETHER)
        pairs = zip(table.column("kind").to_pylist(), table.column("strategy").to_pylist(), strict=True)
        names = np.array([f"{kind}, {strategy}" for kind, strategy in pairs if strategy in DRAWN], object)
        drawn = _where(table, np.isin(np.array(table.column("strategy").to_pylist(), object), DRAWN))
        at, profit, capital = (column(drawn, name) for name in ("seen_at", "profit_base_quote", "capital_quote"))
        for name in sorted(set(names.tolist())):
            mine = names == name
            found.setdefault(name, []).append((at[mine], profit[mine], capital[mine]))
    return [_joined(name, parts) for name, parts in sorted(found.items())]


DRAWN = ("rules", "always_on")
"""Strategies that are drawn."""


def _joined(name: str, parts: Sequence[tuple[NDArray[np.int64], Column, Column]]) -> Curve:
    at, profit, capital = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Curve(name, at, profit / capital[-1])


def _where(table: pa.Table, rows: NDArray[np.bool_]) -> pa.Table:
    return table.take(arrow(np.flatnonzero(rows).astype(np.int64)))


def _months(lake: Lake, until: Partition) -> Iterator[Partition]:
    states = lake.states(Series(SIMULATION_EQUITY.name, until.series.venue))
    held = sorted((one.partition for one in states), key=lambda one: one.month)
    return (one for one in held if one.month <= until.month)


def _read(lake: Lake, of: Partition) -> pa.Table:
    segments = [one for one in lake.ledger.segments(of.series) if one.partition == of]
    return table_of(tables.table(of.series.table), lake.blobs.data, segments)
