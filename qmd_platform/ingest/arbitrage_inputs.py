"""What the tables of arbitrage are made from, out of the lake, in one snapshot of it.

What lives here: perpetuals' funding with what was known of it by an instant, candles as quotes. What does not: what is made
of them (``ingest.arbitrage_rows``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.cash_and_carry import SPOT
from qmd_platform.arbitrage.legs import Interest, Quotes
from qmd_platform.arbitrage.renames import MEANINGS
from qmd_platform.arbitrage.underlyings import Underlying, underlying
from qmd_platform.funding.intervals import Evidence, Fact, Intervals, intervals
from qmd_platform.ingest.snapshot_rows import by_market, read_months
from qmd_platform.lake.buffers import column, numbers, or_nan
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.snapshot_tables import OPEN_INTEREST
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, month_of, months

LEAD_MS = Timeframe.D1.step
"""How long before a month its quotes begin: the last one of the month before is the first that is known in it."""

INTEREST_LATE_MS = 10 * MINUTE
"""How much later than it was true open interest counts as known."""

QUOTED_BY = (Timeframe.H1, Timeframe.M1)
"""Whose closes are taken for quotes: of the first that the lake holds for the market."""


@dataclass(frozen=True, slots=True, eq=False)
class Paid:
    """One perpetual's settlements, with what the venue itself said of their intervals."""

    market: Market
    settlements: Settlements
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One perpetual as it was known before an instant, and what its base stood for."""

    market: Market
    settlements: Settlements
    found: Intervals
    named: Underlying
    interest: Interest | None = None


def paid(lake: Lake, markets: Sequence[Market], commit: int) -> list[Paid]:
    """The funding of ``markets`` as of ``commit``; those the lake holds no settlement of are left out."""
    read = (_paid(one, lake.read(Series.funding(one), as_of=commit)) for one in markets)
    return [one for one in read if len(one.settlements)]


def _paid(market: Market, rows: pa.Table) -> Paid:
    at, hours = numbers(rows.column("settled_at").combine_chunks(), np.int64), or_nan(rows, "interval_hours")
    said = np.array(rows.column("interval_from").to_pylist(), "U16")
    stated = np.where(said == Evidence.STATED, hours, np.nan)
    rate = numbers(rows.column("rate").combine_chunks(), np.float64)
    facts = _facts(at, np.where(said == Evidence.VENUE, hours, np.nan))
    return Paid(market, Settlements.of(at, rate, or_nan(rows, "mark"), stated), tuple(facts))


def _facts(at: NDArray[np.int64], hours: NDArray[np.float64]) -> Iterator[Fact]:
    """What the venue said, row by row (NaN where it did not), as facts of the spans in which it said the same."""
    told = np.nan_to_num(hours)
    first = np.flatnonzero(np.r_[True, told[1:] != told[:-1]]) if len(told) else np.empty(0, np.intp)
    for begin, end in pairwise([*first.tolist(), len(told)]):
        if told[begin] > 0:
            yield Fact(Window(int(at[begin]) - 1, int(at[end - 1])), float(told[begin]))


def known(
    histories: Sequence[Paid], span: Window, interest: Mapping[str, Interest] = MappingProxyType({})
) -> list[Known]:
    """Each perpetual by what settled before the end of ``span``: what comes later must not change a row of it.

    ``interest`` is open interest by market, as text.
    """
    result = []
    for one in histories:
        count = int(np.searchsorted(one.settlements.settled_at, span.end))
        rows = one.settlements.take(slice(0, count))
        found = intervals(rows, stated=one.facts)
        result.append(Known(one.market, rows, found, named(one.market, span), interest.get(str(one.market))))
    return result


def interests(lake: Lake, venues: Iterable[str], span: Window, commit: int) -> dict[str, Interest]:
    """Open interest of all markets of ``venues`` in ``span`` and the month before, by market.

    What a venue serves of the past may have come minutes later than it was true, so all of it counts as known only then.
    """
    wanted = {month_of(span.start - 1), *(month for month, _ in months(span))}
    found = {}
    for venue in sorted(set(venues)):
        rows = read_months(lake, Series(OPEN_INTEREST.name, venue), wanted, as_of=commit)
        at, coins = column(rows, "counted_at") + INTEREST_LATE_MS, column(rows, "open_interest_coins")
        for market, places in by_market(rows).items():
            mine = places[np.argsort(at[places], kind="stable")]
            found[market] = Interest(at[mine], coins[mine])
    return found


def named(market: Market, span: Window) -> Underlying:
    """What the market's base stands for within ``span`` (of ``spans``)."""
    return underlying(market.symbol.partition("/")[0], span.start, market.venue)


Place = tuple[str, str, str]
"""Where a perpetual and spot are hedged with one another: a coin, a quote currency, a venue."""


def place_of(market: Market, stands_for: Underlying) -> Place:
    """The place of a market."""
    return stands_for.name, market.symbol.partition("/")[2].partition(":")[0], market.venue


def spots_beside(markets: Iterable[Market], span: Window) -> dict[Place, list[tuple[Market, Underlying]]]:
    """The spot markets of each place."""
    found: dict[Place, list[tuple[Market, Underlying]]] = {}
    for market in markets:
        if market.kind == SPOT:
            stands_for = named(market, span)
            found.setdefault(place_of(market, stands_for), []).append((market, stands_for))
    return found


def spans(window: Window) -> list[Window]:
    """``window``, cut wherever a name passed from one coin to another: within a part each name means one."""
    ends = {at for one in MEANINGS for at in (one.since, one.until) if at is not None}
    cuts: list[Instant] = sorted(at for at in ends if window.start < at < window.end)
    return [Window(start, end) for start, end in pairwise([window.start, *cuts, window.end])]


def quotes(
    lake: Lake, markets: Sequence[Market], window: Window, commit: int, half_spread: float
) -> dict[Market, Quotes]:
    """Closes for quotes in ``window`` and shortly before; a market without candles has none."""
    early = Window(window.start - LEAD_MS, window.end)
    found: dict[Market, Quotes] = {}
    for step in QUOTED_BY:
        wanted = {Series.candles(market, step): market for market in markets if market not in found}
        for series, held in lake.held_of(list(wanted), early, as_of=commit).items() if wanted else ():
            if len(held.candles):
                found[wanted[series]] = Quotes.of_candles(held.candles, step.step, half_spread)
    nothing = Quotes(np.empty(0, np.int64), np.empty(0), np.empty(0))
    return {market: found.get(market, nothing) for market in markets}
