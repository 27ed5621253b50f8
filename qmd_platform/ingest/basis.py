"""The table of basis, made of candles, mark, index and spot in the lake.

What lives here: which rows a month has, and its commit. What does not: the arithmetic (``arbitrage.basis``), fetching what it
is made of (``ingest.reference``, ``ingest.candles``).

A month's rows are the hours that ended in it: a row is made of the closes of one hour and of nothing else, so nothing that
comes later changes it, but a correction of that hour.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.basis import Basis, Prices, basis, basis_bps
from qmd_platform.arbitrage.spreads import PERPETUAL
from qmd_platform.arbitrage.underlyings import Underlying
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.arbitrage import ACROSS, SOURCE
from qmd_platform.ingest.arbitrage_inputs import named, place_of, spans, spots_beside
from qmd_platform.ingest.columnar import columnar, joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.reference_rows import of_segments, series_of
from qmd_platform.lake.buffers import column, or_nan, texts
from qmd_platform.lake.segments import columns_of
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.records import Segment
from qmd_platform.model.candles import Candles, rolled_up
from qmd_platform.model.reference_tables import BASIS, STEP, Reference
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_of, month_window

Instants = NDArray[np.int64]
Floats = NDArray[np.float64]

TRIES = 5
_AT_ONCE = 32
"""Markets whose candles are read at the same time; a month of minutes is 2 MB."""
_MADE_OF = frozenset({Reference.MARK.table, Reference.INDEX.table})


def derive_basis(lake: Lake, markets: Sequence[Market], months: Sequence[str], *, run_id: str) -> list[Receipt]:
    """Make the basis of these months of what the lake holds; each month in a commit of its own.

    Running it again on the same data changes nothing. A perpetual without an hour of which the index or a spot price is known
    has no row.

    Args:
        lake: with candles of the perpetuals and of spot, with mark and index.
        markets: of all venues together: the perpetuals, and the spot markets to compare them with; others are passed over.
        months: as ``2026-10``; each is made whole.
        run_id: who did it.

    Returns:
        one receipt a month, in the order given.

    Raises:
        Conflict: others made it first, many times in a row.
    """
    known = tuple(sorted(set(markets)))
    return [_month(lake, known, month, run_id) for month in dict.fromkeys(months)]


def _month(lake: Lake, markets: Sequence[Market], month: str, run_id: str) -> Receipt:
    partition, began = Partition(Series(BASIS.name, ACROSS), month), time.monotonic()
    for _ in range(TRIES):
        # The version before what the rows are made of, or newer ones could be overwritten with older.
        version = lake.ledger.heads([partition])[partition].version
        taken = _Snapshot(lake, lake.ledger.resolved(None))
        parts = [part for span in spans(month_window(month)) for part in _rows(taken, markets, span)]
        write = Write(partition, joined(BASIS, parts), replace=True, seen=version)
        try:
            _, (outcome,) = lake.commit([write], run_id=run_id, source=SOURCE)
        except Outdated:
            continue
        took = time.monotonic() - began
        return Receipt.of_commit(outcome, Summary(expected=outcome.rows, present=outcome.rows), took)
    raise Conflict(f"{TRIES} times in a row the basis of {month} was made by somebody else first", hint="run it again")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One state of the lake."""

    lake: Lake
    commit: int

    def traded(self, markets: Collection[Market], hours: Window) -> dict[Market, Candles]:
        """Each market's candles of an hour that open in ``hours``: held ones, or whole hours of held minutes."""
        found: dict[Market, Candles] = {}
        for step in (STEP, Timeframe.M1):
            wanted = {Series.candles(market, step): market for market in markets if market not in found}
            for series, kept in self.lake.held_of(list(wanted), hours, as_of=self.commit).items() if wanted else ():
                if len(kept.candles):
                    longer, counts = rolled_up(kept.candles, STEP.step, step.step)
                    found[wanted[series]] = longer.take(counts == STEP.step // step.step)
        return found

    def segments(self, hours: Window) -> dict[Series, list[Segment]]:
        """The files of all marks and indexes that may have hours of ``hours``, in one question to the ledger."""
        months = (month_of(hours.start), month_of(hours.end - 1))
        found: dict[Series, list[Segment]] = {}
        for one in self.lake.ledger.segments(None, months, as_of=self.commit):
            if one.partition.series.table in _MADE_OF:
                found.setdefault(one.partition.series, []).append(one)
        return found


def _rows(taken: _Snapshot, markets: Sequence[Market], span: Window) -> Iterator[pa.Table]:
    """The rows that became known within ``span``: of the hours that ended in it."""
    hours = Window(span.start - STEP.step, span.end - STEP.step)
    spots, segments = spots_beside(markets, span), taken.segments(hours)
    perpetuals = [market for market in markets if market.kind == PERPETUAL]
    for some in _batched(perpetuals, _AT_ONCE):
        coins = {market: named(market, span) for market in some}
        spot = {one: _beside(spots.get(place_of(one, coin), []), coin) for one, coin in coins.items()}
        seen = taken.traded({*some, *(beside for beside, _ in spot.values() if beside is not None)}, hours)
        for market in some:
            beside, units = spot[market]
            mark, index = (
                of_segments(taken.lake, segments.get(series_of(market, wanted), []), wanted).within(hours)
                for wanted in (Reference.MARK, Reference.INDEX)
            )
            nothing = Candles.empty()
            prices = Prices(
                seen.get(market, nothing), mark, index, nothing if beside is None else seen.get(beside, nothing), units
            )
            yield _table(basis(prices, STEP.step), market, coins[market].name, "" if beside is None else str(beside))


def _batched(markets: Sequence[Market], count: int) -> Iterator[Sequence[Market]]:
    """``markets`` in lists of ``count``."""
    for first in range(0, len(markets), count):
        yield markets[first : first + count]


def _beside(beside: Sequence[tuple[Market, Underlying]], stands_for: Underlying) -> tuple[Market | None, float]:
    """The spot market to compare with, the first by name, and how many of its units one unit of the perpetual's base is."""
    if not beside:
        return None, 1.0
    spot, of_spot = min(beside, key=lambda one: one[0])
    return spot, stands_for.units / of_spot.units


def _table(found: Basis, market: Market, underlying: str, spot: str) -> pa.Table:
    """The hours of which the index or spot is known, and the perpetual's own price or mark."""
    columns = {
        "open_at": found.open_at,
        "available_at": found.available_at,
        "price": found.price,
        "mark": found.mark,
        "index": found.index,
        "spot": found.spot,
        "mark_index_bps": found.mark_index_bps,
        "price_index_bps": found.price_index_bps,
        "mark_spot_bps": basis_bps(found.mark, found.spot),
        "price_spot_bps": found.price_spot_bps,
    }
    known = np.any([np.isfinite(column) for name, column in columns.items() if name.endswith("_bps")], axis=0)
    rows: Mapping[str, np.ndarray[tuple[int], np.dtype[np.generic]]]
    rows = {name: column[known] for name, column in columns.items()}
    count = int(known.sum())
    same = {"market": str(market), "underlying": underlying, "spot_market": spot}
    return columnar(BASIS, {**rows, **{name: [text] * count for name, text in same.items()}})


def lines(lake: Lake, of: Partition, name: str, markets: Sequence[str]) -> dict[str, tuple[Instants, Floats]]:
    """Instants and values of the column ``name`` of each of ``markets`` in a month of the table; NaN where it is empty."""
    segments = lake.ledger.segments(of.series, (of.month, of.month))
    rows = columns_of(BASIS, lake.blobs.data, segments, ["market", "available_at", name])
    words, codes = texts(rows.column("market").combine_chunks())
    at, values = column(rows, "available_at"), or_nan(rows, name)
    mine = {market: codes == words.index(market) for market in markets if market in words}
    return {market: (at[of_market], values[of_market]) for market, of_market in mine.items()}
