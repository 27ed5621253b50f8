"""Contracts' states that Tardis recorded, as rows: which say something, which of them are kept, what their columns mean.

What lives here: states in columns, thinning, rows of the two tables. What does not: files and the commit
(``ingest.tardis_ticker``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.underlyings import underlying
from qmd_platform.funding.predictions import from_accrual
from qmd_platform.ingest.columnar import Values, columnar
from qmd_platform.ingest.snapshot_rows import read_months
from qmd_platform.ingest.tardis_amounts import in_base, sizes_at
from qmd_platform.ingest.tardis_days import Source
from qmd_platform.ingest.tardis_files import Account
from qmd_platform.lake.buffers import column, or_nan
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, months
from qmd_platform.venues.tardis import reading

TICKER = "derivative_ticker"
_US = 1000
Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class States:
    """Columns of states, in the order in which they came in. Times in ms; NaN and 0 are nothing."""

    at: Ints
    local: Ints
    funding_at: Ints
    values: dict[str, Numbers]

    def take(self, rows: NDArray[np.bool_]) -> "States":
        """The rows of a mask."""
        values = {name: one[rows] for name, one in self.values.items()}
        return States(self.at[rows], self.local[rows], self.funding_at[rows], values)


def states_of(batch: "pa.RecordBatch") -> States:
    """The states of one checked batch."""
    names = ("funding_rate", "predicted_funding_rate", "open_interest", "index_price", "mark_price")
    at, local, funding_at = (
        reading.whole(batch, name) // _US for name in ("timestamp", "local_timestamp", "funding_timestamp")
    )
    return States(at, local, funding_at, {name: reading.floats(batch, name) for name in names})


def is_predicted(source: Source, states: States) -> NDArray[np.bool_]:
    """Which states say what the next settlement is expected to be: its time, still to come, and a rate of it."""
    told = source.exchange.expected or source.exchange.accrued
    if not told:
        return np.zeros(len(states.at), np.bool_)
    return np.asarray((states.funding_at > states.at) & np.isfinite(states.values[told]))


class Thinned:
    """Of each span of time the first state that tells something."""

    def __init__(self, every: int) -> None:
        self.parts: list[States] = []
        self.account = Account()
        self._every = every
        self._last = -1

    def add(self, states: States, telling: NDArray[np.bool_]) -> None:
        """Take a batch in."""
        told = states.take(telling)
        span = told.local // self._every
        is_first = np.diff(span, prepend=self._last) > 0
        self._last = int(span[-1]) if len(span) else self._last
        count, used = len(telling), int(is_first.sum())
        self.account += Account(rows=count, used=used, thinned=len(span) - used, silent=count - len(span))
        if used:
            self.parts.append(told.take(is_first))


def predicted(lake: Lake, source: Source, states: States) -> pa.Table:
    """Rows of FUNDING_PREDICTIONS."""
    known = source.exchange
    nothing = np.full(len(states.at), np.nan)
    rate = states.values[known.expected] if known.expected else nothing
    accrued = states.values[known.accrued] if known.accrued else nothing
    hours = _hours(lake, source.market, states)
    expected = from_accrual(accrued, states.at, states.funding_at, hours)
    values: dict[str, Values] = {
        "market": [str(source.market)] * len(states.at),
        "seen_at": states.at,
        "next_settlement_at": states.funding_at,
        "predicted_rate": np.where(np.isnan(rate), expected, rate),
        "accrued_rate": accrued,
        "interval_hours": hours,
        "mark": states.values["mark_price"],
        "index_price": states.values["index_price"],
        "source": [f"tardis {known.id} {TICKER}"] * len(states.at),
    }
    return columnar(FUNDING_PREDICTIONS, values)


def _hours(lake: Lake, market: Market, states: States) -> Numbers:
    """The length of the interval in progress, where what was settled at its end proves it; NaN elsewhere."""
    hull = Window(int(states.funding_at.min()) - MINUTE, int(states.funding_at.max()) + MINUTE)
    rows = read_months(lake, Series.funding(market), {month for month, _ in months(hull)})
    settled, hours = column(rows, "settled_at"), or_nan(rows, "interval_hours")
    if not len(settled):
        return np.full(len(states.at), np.nan)
    nearest = np.clip(np.searchsorted(settled, states.funding_at - MINUTE), 0, len(settled) - 1)
    return np.where(np.abs(settled[nearest] - states.funding_at) <= MINUTE, hours[nearest], np.nan)


def outstanding(lake: Lake, source: Source, states: States) -> pa.Table:
    """Rows of OPEN_INTEREST."""
    told = states.values["open_interest"]
    base, contracts = told.copy(), told.copy()
    for rows, size in sizes_at(source.history, states.at):
        if source.exchange.amount == "contracts":
            base[rows] = in_base(told[rows], size)
        else:
            contracts[rows] = told[rows] / size
    coin = source.market.symbol.partition("/")[0]
    units = np.array([underlying(coin, at, source.market.venue).units for at in states.at.tolist()], np.float64)
    values: dict[str, Values] = {
        "market": [str(source.market)] * len(states.at),
        "counted_at": states.at,
        "open_interest_contracts": contracts,
        "open_interest_base": base,
        "open_interest_coins": base * units,
        "open_interest_quote": base * states.values["mark_price"],
        "is_history": np.zeros(len(states.at), np.bool_),
        "source": [f"tardis {source.exchange.id} {TICKER}"] * len(states.at),
    }
    return columnar(OPEN_INTEREST, values)


RowsOf = Callable[[Lake, Source, States], pa.Table]
"""What makes rows of a table."""
