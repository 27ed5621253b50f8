"""The worlds that pairs are simulated in, out of the lake, in one snapshot of it.

What lives here: which pairs there are, their candles, their listings, and where a pair's world ends. What does not: what is
simulated in it (``arbitrage.simulation``), the rows that come out (``ingest.simulation_rows``).

The universe is that of each time: a market that ended is in every pair it was in, and none is chosen by what it earned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.legs import Leg, Quotes
from qmd_platform.arbitrage.renames import MEANINGS
from qmd_platform.arbitrage.simulation.world import Traded, World, world
from qmd_platform.arbitrage.underlyings import Underlying
from qmd_platform.ingest.arbitrage_inputs import LEAD_MS, Known, Paid, known, named, place_of, spots_beside
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles, rolled_up
from qmd_platform.model.series import Market, Series
from qmd_platform.model.simulation_tables import CARRY, REVERSE, SPREAD
from qmd_platform.model.spans import parts_inside, subtracted, united, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months

STEP = Timeframe.H1.step
"""The clock of all simulations: one step for all pairs, so that they add up."""

EVER = Window(0, 2**62)


@dataclass(frozen=True, slots=True)
class Pair:
    """One hedge in one direction, and the world it is simulated in."""

    kind: str
    underlying: str
    world: World

    @property
    def short(self) -> Market:
        """What is sold."""
        return self.world.short.leg.market

    @property
    def long(self) -> Market:
        """What is bought."""
        return self.world.long.leg.market


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One state of the lake: ``histories`` of all perpetuals in it, the spot markets beside them, when each was listed."""

    lake: Lake
    commit: int
    histories: Sequence[Paid]
    spots: Sequence[Market]
    listings: dict[Market, list[Window]]
    half_spread: float


def whole(source: Source, month: Window) -> Window | None:
    """From the first settlement of all to the end of the month's data; None where there is no settlement before it.

    The data end with the last candle of a perpetual, or the hour of the last settlement: never with the clock, so that the
    same data give the same rows.
    """
    settled = [one.settlements.settled_at[one.settlements.settled_at < month.end] for one in source.histories]
    first = min((int(at[0]) for at in settled if len(at)), default=month.end)
    if first == month.end:
        return None
    last = max(int(at[-1]) for at in settled if len(at))
    until = min(month.end, last - last % STEP + STEP)
    for one in source.histories:
        if until == month.end:
            break
        candles = hourly(source, one.market, Window(until, month.end))
        until = max(until, int(candles.open_at[-1]) + STEP) if len(candles) else until
    return Window(first, until)


def listings(lake: Lake, markets: Sequence[Market], commit: int) -> dict[Market, list[Window]]:
    """When each market was listed, as its venue says, each time it was; of those it says nothing of, nothing."""
    found: dict[Market, list[Window]] = {}
    for venue in sorted({one.venue for one in markets}):
        rows = lake.read(Series.instruments(venue), as_of=commit)
        columns = (rows.column("listed_at").cast(pa.int64()), rows.column("delisted_at").cast(pa.int64()))
        told = zip(rows.column("symbol").to_pylist(), *(column.to_pylist() for column in columns), strict=True)
        for symbol, rows_of in groupby(told, key=itemgetter(0)):
            if windows := _lives([(since, until) for _, since, until in rows_of]):
                found[Market(venue, symbol)] = windows
    return found


def _lives(told: Sequence[tuple[Instant | None, Instant | None]]) -> list[Window]:
    """When a market was listed, of its rows, the one of now last: what a row says counts up to what newer ones speak of."""
    found: list[Window] = []
    for since, until in reversed(told):
        begin, end = since or EVER.start, until or EVER.end
        newer = found[0].start if found else EVER.end
        if since is not None:
            end = min(end, newer)  # how it ended was not seen, or it was still to come
        if begin < end <= newer:
            found = united([Window(begin, end), *found])
    return found


def pairs(source: Source, within: Window) -> Iterator[Pair]:
    """Every pair of one coin and one currency with data in ``within``, by coin; the candles of one coin at a time.

    Only what is settled in the currency it is priced in: the profit of others is not one of prices times coins.
    """
    perpetuals: dict[str, list[Known]] = {}
    for one in _known(source, within):
        perpetuals.setdefault(one.named.name, []).append(one)
    spots = spots_beside(source.spots, Window(within.end - 1, within.end))
    for coin, group in sorted(perpetuals.items()):
        legs = [_traded(source, one, within) for one in group]
        yield from _spreads(source, coin, legs, within)
        for one, leg in zip(group, legs, strict=True):
            for beside in spots.get(place_of(one.market, one.named), ()):
                cash = _spot(source, beside, within)
                yield from _pair(source, (CARRY, coin), (leg, cash), within)
                yield from _pair(source, (REVERSE, coin), (cash, leg), within)


def _spreads(source: Source, coin: str, legs: Sequence[Traded], within: Window) -> Iterator[Pair]:
    for one, other in combinations(legs, 2):
        if _quote(one.leg.market) == _quote(other.leg.market):
            yield from _pair(source, (SPREAD, coin), (one, other), within)
            yield from _pair(source, (SPREAD, coin), (other, one), within)


def _known(source: Source, within: Window) -> Iterator[Known]:
    """The perpetuals by what settled within, since their names mean what they mean at the end."""
    last = Window(within.end - 1, within.end)
    for history in source.histories:
        if not history.market.symbol.endswith(f":{_quote(history.market)}"):
            continue
        since = meant_since(history.market, last.start)
        of = history.settlements
        one = replace(history, settlements=of.take(of.settled_at >= since))
        (found,) = known([one], last)
        if len(found.settlements):
            yield found


def meant_since(market: Market, at: Instant) -> Instant:
    """Since when the market's base has meant what it means at ``at``; 0 for always."""
    turns = {turn for one in MEANINGS for turn in (one.since, one.until) if turn is not None and turn <= at}
    now = named(market, Window(at, at + 1))
    for turn in sorted(turns, reverse=True):
        before = named(market, Window(turn - 1, turn))
        if (before.name, before.units) != (now.name, now.units):
            return turn
    return 0


def _quote(market: Market) -> str:
    return market.symbol.partition("/")[2].partition(":")[0]


def _traded(source: Source, one: Known, within: Window) -> Traded:
    bare = Quotes(np.empty(0, np.int64), np.empty(0), np.empty(0))
    leg = Leg(one.market, bare, one.settlements, one.found, one.named.units, one.named.is_proven)
    return _with_candles(source, leg, within)


def _spot(source: Source, spot: tuple[Market, Underlying], within: Window) -> Traded:
    market, stands_for = spot
    bare = Quotes(np.empty(0, np.int64), np.empty(0), np.empty(0))
    leg = Leg.of(market, bare, units=stands_for.units, is_proven=stands_for.is_proven)
    return _with_candles(source, leg, within)


def _with_candles(source: Source, leg: Leg, within: Window) -> Traded:
    since = max(within.start - LEAD_MS, meant_since(leg.market, within.end - 1))
    candles = hourly(source, leg.market, Window(since - since % STEP, within.end))
    listed = source.listings.get(leg.market)
    return Traded.of(leg, candles, STEP, half_spread=source.half_spread, listed=listed)


def hourly(source: Source, market: Market, window: Window) -> Candles:
    """The market's hours in ``window``: its candles of an hour, and where it has none, those all of whose minutes are held."""
    told = source.lake.candles(Series.candles(market, Timeframe.H1), window, as_of=source.commit)
    lacking = subtracted([window], windows_of(told.open_at, STEP))
    found = Candles.concat([told, *_of_minutes(source, market, lacking)])
    found = found.take(np.argsort(found.open_at))
    return found.take(found.open_at + STEP <= window.end)


def _of_minutes(source: Source, market: Market, lacking: Sequence[Window]) -> Iterator[Candles]:
    """Whole hours in ``lacking`` (sorted, disjoint), a month of minutes at a time."""
    series = Series.candles(market, Timeframe.M1)
    if not lacking:
        return
    held = {one.partition.month for one in source.lake.ledger.segments(series, as_of=source.commit)}
    for month, part in months(Window(lacking[0].start, lacking[-1].end)):
        inside = parts_inside(part, lacking)
        if inside and month in held:
            within = Window(inside[0].start, inside[-1].end)
            minutes = source.lake.candles(series, within, as_of=source.commit)
            hours, counts = rolled_up(minutes, STEP, Timeframe.M1.step)
            whole = hours.take(counts == STEP // Timeframe.M1.step)
            yield from (whole.within(one) for one in inside)


def _pair(source: Source, kind_coin: tuple[str, str], legs: tuple[Traded, Traded], within: Window) -> Iterator[Pair]:
    """The pair of a leg to sell and one to buy, if both have candles before the end of the one that ends first."""
    end = _end(source, legs, within)
    short, long = (replace(one, candles=one.candles.take(one.candles.open_at + STEP <= end)) for one in legs)
    if len(short.candles) and len(long.candles):
        yield Pair(*kind_coin, world(short, long, STEP))


def _end(source: Source, legs: Sequence[Traded], within: Window) -> Instant:
    """Where the world of these legs ends: where the candles of a market end that is still listed.

    Without candles nobody knows whether it trades, and to settle a position there would be to make an end up. A market that
    was delisted did end: the world goes on without it.
    """
    lasts, open_ends = [], []
    for leg in legs:
        last = int(leg.candles.open_at[-1]) + STEP if len(leg.candles) else within.start
        lasts.append(last)
        known = source.listings.get(leg.leg.market, [EVER])
        until = max((one.end for one in known if one.start < within.end), default=EVER.end)
        if until > within.end:
            open_ends.append(last)
    return min(open_ends) if open_ends else max(lasts)
