"""What venues say of their perpetuals now as rows of tables, and those tables read by month.

What lives here: states and open interest as columns, and the way back. What does not: asking (``ingest.snapshots``,
``ingest.open_interest``), errors of predictions (``ingest.prediction_error``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.underlyings import underlying
from qmd_platform.funding.predictions import Predictions, from_accrual
from qmd_platform.ingest.columnar import Values, columnar, joined
from qmd_platform.lake.buffers import arrow, column, or_nan, texts
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.model import tables
from qmd_platform.model.series import Market, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST
from qmd_platform.model.window import Window, months
from qmd_platform.venues.open_interest_parsing import OpenInterest
from qmd_platform.venues.snapshot_asking import Snapshot
from qmd_platform.venues.snapshot_parsing import State


def prediction_rows(seen: Snapshot, hours: Mapping[Market, float]) -> pa.Table:
    """Rows of FUNDING_PREDICTIONS; none of a contract whose next settlement is not announced or is due already.

    Args:
        seen: what the venue said.
        hours: lengths of intervals known otherwise, where that is better than what the venue states of all contracts.
    """
    told = [(market, one) for market, one in seen.states.items() if one.next_at > one.at > 0]
    columns = {name: _floats(told, name) for name in ("rate", "accrued", "hours", "mark", "index")}
    columns["hours"] = np.array([hours.get(market, one.hours) for market, one in told], np.float64)
    at, next_at = _instants(told, "at"), _instants(told, "next_at")
    expected = from_accrual(columns["accrued"], at, next_at, columns["hours"])
    values: dict[str, Values] = {
        "market": [str(market) for market, _ in told],
        "seen_at": at,
        "next_settlement_at": next_at,
        "predicted_rate": np.where(np.isnan(columns["rate"]), expected, columns["rate"]),
        "accrued_rate": columns["accrued"],
        "interval_hours": columns["hours"],
        "mark": columns["mark"],
        "index_price": columns["index"],
        "source": [seen.asked] * len(told),
    }
    return columnar(FUNDING_PREDICTIONS, values)


def open_interest_rows(seen: Snapshot) -> pa.Table:
    """Rows of OPEN_INTEREST as it is now; none of a contract of which the venue does not say it."""
    told = [(market, one) for market, one in seen.states.items() if np.isfinite(one.base) and one.counted_at]
    base = _floats(told, "base")
    values: dict[str, Values] = {
        "market": [str(market) for market, _ in told],
        "counted_at": _instants(told, "counted_at"),
        "open_interest_contracts": _floats(told, "contracts"),
        "open_interest_base": base,
        "open_interest_coins": base * np.array([_units(market, one.counted_at) for market, one in told], np.float64),
        "open_interest_quote": _floats(told, "quote"),
        "is_history": np.zeros(len(told), np.bool_),
        "source": [seen.asked] * len(told),
    }
    return columnar(OPEN_INTEREST, values)


def history_rows(market: Market, rows: OpenInterest, asked: str) -> pa.Table:
    """Rows of OPEN_INTEREST of one market's history; what is no number, or not known in base, is left out."""
    rows = rows.take(np.isfinite(rows.contracts) & np.isfinite(rows.base))
    ends = {_units(market, int(at)) for at in rows.at[[0, -1]]} if len(rows) else {1.0}
    # What a name stands for changes once in years: rows are looked at one by one only where it did between the ends.
    units = ends.pop() if len(ends) == 1 else np.array([_units(market, at) for at in rows.at.tolist()])
    values: dict[str, Values] = {
        "market": [str(market)] * len(rows),
        "counted_at": rows.at,
        "open_interest_contracts": rows.contracts,
        "open_interest_base": rows.base,
        "open_interest_coins": rows.base * units,
        "open_interest_quote": rows.quote,
        "is_history": np.ones(len(rows), np.bool_),
        "source": [asked] * len(rows),
    }
    return columnar(OPEN_INTEREST, values)


def _units(market: Market, at: int) -> float:
    """Coins in one unit of the market's base: 1000 of 1000PEPE."""
    return underlying(market.symbol.partition("/")[0], at, market.venue).units


def _floats(told: Sequence[tuple[Market, State]], name: str) -> NDArray[np.float64]:
    return np.array([getattr(one, name) for _, one in told], np.float64)


def _instants(told: Sequence[tuple[Market, State]], name: str) -> NDArray[np.int64]:
    return np.array([getattr(one, name) for _, one in told], np.int64)


def by_month(rows: Iterable[pa.Table], spec: tables.Table, at: str) -> dict[str, pa.Table]:
    """All ``rows`` of ``spec`` by the month of their instant ``at``."""
    whole = joined(spec, list(rows))
    if not len(whole):
        return {}
    times = column(whole, at)
    found = {}
    for month, part in months(Window(int(times.min()), int(times.max()) + 1)):
        inside = np.flatnonzero((times >= part.start) & (times < part.end))
        if len(inside):
            found[month] = whole.take(arrow(inside.astype(np.int64)))
    return found


def read_months(lake: Lake, series: Series, wanted: Collection[str], *, as_of: AsOf = None) -> pa.Table:
    """The rows of ``series`` in the months ``wanted``, sorted by key within each."""
    segments = [one for one in lake.ledger.segments(series, as_of=as_of) if one.partition.month in wanted]
    return table_of(tables.table(series.table), lake.blobs.data, segments)


def by_market(rows: pa.Table) -> dict[str, NDArray[np.intp]]:
    """Where in ``rows`` of a table of all markets those of each are, by market."""
    words, codes = texts(rows.column("market").combine_chunks())
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(words) + 1))
    return {word: order[ends[code] : ends[code + 1]] for code, word in enumerate(words) if ends[code] < ends[code + 1]}


def predictions(rows: pa.Table) -> dict[str, Predictions]:
    """Rows of FUNDING_PREDICTIONS by market."""
    seen, settles = column(rows, "seen_at"), column(rows, "next_settlement_at")
    rates = or_nan(rows, "predicted_rate")
    return {market: Predictions(seen[mine], settles[mine], rates[mine]) for market, mine in by_market(rows).items()}
