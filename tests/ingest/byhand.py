"""The tables of arbitrage worked out by hand: plain Python, a row at a time, sums of whole numbers.

What lives here: a second reading of what the columns mean, written from their definitions. It shares no line with
``arbitrage``, ``funding`` or ``ingest``, and knows of a market what the sandbox knows: its true intervals.
"""

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

HOUR = 3_600_000
MINUTE = 60_000
DAY = 24 * HOUR
YEAR = 8760
Row = dict[str, object]

FEES = {"binance": 5.0, "gate": 5.0, "bybit": 5.5, "okx": 5.0, "binance spot": 10.0, "bybit spot": 10.0}
"""Basis points a fill."""
SLIPPAGE = 1.0
BORROW = 0.10
ORDER = (
    "INTERVAL_MISMATCH",
    "INTERVAL_CHANGED",
    "AT_CAP",
    "SUSPECT_GAP",
    "STALE_QUOTE",
    "MULTIPLIER",
    "IDENTITY_UNPROVEN",
    "LOW_PERSISTENCE",
)
BLOCKING = {"SUSPECT_GAP", "STALE_QUOTE", "IDENTITY_UNPROVEN"}


@dataclass
class Perpetual:
    """What there is to know of a contract: settlements with their true intervals, and hourly closes by open time.

    ``rates`` are in 1e-8, as venues print them; ``lost`` settled without being listed.
    """

    market: str
    coin: str
    units: int
    at: list[int]
    rates: list[int]
    hours: list[int]
    marks: list[float]
    lost: set[int]
    closes: dict[int, float]
    known: list[int] = field(default_factory=list)
    suspect: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.suspect = [
            any(before < one < at for one in self.lost)
            for before, at in zip([self.at[0], *self.at], self.at, strict=False)
        ]
        self.known = [self._known(row) + MINUTE for row in range(len(self.at))]
        for row in range(1, len(self.known)):
            self.known[row] = max(self.known[row - 1 : row + 1])

    def _known(self, row: int) -> int:
        """When nobody can take the row for anything else any more: its own time, or that of a row after it."""
        if row < 2:  # the first interval is proven by the second and the third row
            return self.at[2]
        if self.suspect[row]:  # too long for a gap to be told from a new interval, until the old pace goes on
            return self.at[row + 1]
        first = row
        while first > row - 3 and self.hours[first - 1] == self.hours[row]:
            first -= 1
        return self.at[row] if first == row - 3 else self.at[first + 2] if first + 2 > row else self.at[row]

    def per_hour(self, row: int) -> float:
        return self.rates[row] / 1e8 / self.hours[row]


@dataclass
class Spot:
    """A spot market: hourly closes by open time."""

    market: str
    coin: str
    closes: dict[int, float]


def carry(one: Perpetual, start: int, end: int) -> Iterator[Row]:
    """Rows of funding_carry that became known from ``start`` to ``end``."""
    for row, at in enumerate(one.at):
        if not start <= one.known[row] < end:
            continue
        rate, hours = one.rates[row] / 1e8, one.hours[row]
        marks = one.marks[: row + 1]
        paid = math.fsum(rate * mark for rate, mark in zip(one.rates, marks, strict=False)) / 1e8
        found: Row = {
            "market": one.market,
            "underlying": one.coin,
            "settled_at": at,
            "available_at": one.known[row],
            "rate": rate,
            "interval_hours": float(hours),
            "rate_per_hour": rate / hours,
            "simple_per_year": rate / hours * YEAR,
            "compounded_per_year": math.expm1(math.log1p(rate) * YEAR / hours),
            "cumulative_rate": sum(one.rates[: row + 1]) / 1e8,
            "cumulative_quote": None if math.isnan(paid) else paid,
            "is_suspect": one.suspect[row],
        }
        for length in (24, 168, 720):
            rows = [n for n in range(row + 1) if at - length * HOUR < one.at[n]]
            found |= _windowed(one, rows, length)
        yield found


def _windowed(one: Perpetual, rows: Sequence[int], length: int) -> Row:
    covered = sum(one.hours[n] for n in rows)
    simple = compounded = None
    if covered >= 0.9 * length:
        simple = sum(one.rates[n] for n in rows) / 1e8 / covered * YEAR
        compounded = math.expm1(math.fsum(math.log1p(one.rates[n] / 1e8) for n in rows) * YEAR / covered)
    return {
        f"simple_{length}h_per_year": simple,
        f"compounded_{length}h_per_year": compounded,
        f"covered_{length}h": covered / length,
    }


def anomalies(one: Perpetual, start: int, end: int) -> Iterator[Row]:
    """Rows of funding_anomalies that became known from ``start`` to ``end``."""
    value = [one.per_hour(row) for row in range(len(one.at))]
    for row, at in enumerate(one.at):
        if not start <= one.known[row] < end:
            continue
        rows = [n for n in range(row) if one.at[n] >= at - 30 * DAY]
        window = [value[n] for n in rows]
        enough = len(rows) >= 20 and sum(one.hours[n] for n in rows) >= 7 * 24
        centre = scale = robust = classic = None
        if enough:
            centre, sd = statistics.median(window), max(statistics.stdev(window), 1e-5 / 8)
            scale = max(1.4826 * statistics.median([abs(x - centre) for x in window]), sd)
            robust, classic = (value[row] - centre) / scale, (value[row] - statistics.fmean(window)) / sd
        yield {
            "market": one.market,
            "settled_at": at,
            "available_at": one.known[row],
            "rate_per_hour": value[row],
            "centre_per_hour": centre,
            "scale_per_hour": scale,
            "z_robust": robust,
            "z_classic": classic,
            "is_anomaly": robust is not None and abs(robust) >= 2.5,
            "is_scored": enough,
            "events": len(rows),
        }


@dataclass
class Seen:
    """A leg as it was known at ``at``; funding by window in hours, None where less than 0.9 of it was known."""

    leg: Perpetual | Spot
    at: int

    def __post_init__(self) -> None:
        opened = (self.at - HOUR) // HOUR * HOUR
        while opened not in self.leg.closes:
            opened -= HOUR
        self.price = self.leg.closes[opened] / (self.leg.units if isinstance(self.leg, Perpetual) else 1)
        self.age = self.at - opened - HOUR
        self.hours = self.next_at = None
        self.changed = self.suspect = self.capped = False
        self.funding: dict[int, float | None] = {72: 0.0, 24: 0.0, 168: 0.0}
        self.last, self.cumulative = 0.0, 0
        if isinstance(self.leg, Perpetual):
            self._funded(self.leg)

    def _funded(self, leg: Perpetual) -> None:
        stands = bisect_right(leg.known, self.at)
        self.hours, self.last = leg.hours[stands - 1], leg.per_hour(stands - 1)
        out = leg.at[stands - 1 : bisect_right(leg.at, self.at - MINUTE)]
        self.next_at = leg.at[stands - 1] + self.hours * HOUR
        while self.next_at <= out[-1]:
            self.next_at += self.hours * HOUR
        self.capped = _looks_capped(leg.rates[stands - 1])
        self.cumulative = sum(leg.rates[: bisect_right(leg.at, self.at - MINUTE)])
        for length in self.funding:
            inside = slice(bisect_right(leg.known, self.at - length * HOUR), stands)
            lasted = sum(leg.hours[inside])
            self.funding[length] = sum(leg.rates[inside]) / 1e8 / lasted if lasted >= 0.9 * length else None
        recent = range(bisect_right(leg.known, self.at - 72 * HOUR), stands)
        self.changed = any(row and leg.hours[row] != leg.hours[row - 1] for row in recent)
        is_late = self.at >= self.next_at + MINUTE
        is_long = any(after - before >= 1.5 * self.hours * HOUR for before, after in pairwise(out))
        self.suspect = is_late or is_long or any(leg.suspect[row] for row in recent)


def _looks_capped(rate: int) -> bool:
    """At least 25 bp, and a whole number of 2.5 bp: nobody knows the caps of all contracts."""
    return abs(rate) >= 250_000 and rate % 25_000 == 0


def hedge(short: Seen, long: Seen, ties_up: float) -> Row:
    """What the tables of hedges say of two legs, whichever kind they are."""
    mid = (short.price + long.price) / 2
    apart = (short.price - long.price) / mid * 1e4
    funding = _difference(short, long, 72)
    is_borrowed = isinstance(short.leg, Spot)
    borrow = BORROW / YEAR if is_borrowed else 0.0
    net = None if funding is None else funding - borrow
    fees = 2 * (_fee(short) + _fee(long))
    cost = fees + 4 * SLIPPAGE  # closes have no spread: what is lost at the entry comes back at the exit
    flags = [name for name in ORDER if name in _flags(short, long)]
    found: Row = {
        "short_market": short.leg.market,
        "long_market": long.leg.market,
        "seen_at": short.at,
        "underlying": short.leg.coin,
        "price_spread_bps": apart,
        "entry_spread_bps": -apart,
        "exit_spread_bps": apart,
        "funding_per_hour": funding,
        "last_funding_per_hour": short.last - long.last,
        "cumulative_difference": (short.cumulative - long.cumulative) / 1e8,
        "borrow_per_hour": borrow,
        "net_per_hour": net,
        "fees_bps": fees,
        "slippage_bps": 4 * SLIPPAGE,
        "transfer_bps": 0.0,
        "cost_bps": cost,
        "break_even_hours": None if net is None else cost / 1e4 / net if net > 0 else math.inf,
        "flags": " ".join(flags),
        "risk": "HIGH" if BLOCKING & set(flags) else "MEDIUM" if flags else "LOW",
    }
    for name, leg in (("short", short), ("long", long)):
        found |= {f"{name}_interval_hours": leg.hours and float(leg.hours), f"{name}_next_at": leg.next_at}
    for hold in (24, 72, 168, 720):
        gained = None if net is None else net * hold - cost / 1e4
        found[f"net_{hold}h_per_year"] = None if gained is None else gained / hold * YEAR
        found[f"return_{hold}h"] = None if gained is None else gained / ties_up
    return found


def _difference(short: Seen, long: Seen, length: int) -> float | None:
    one, other = short.funding[length], long.funding[length]
    return None if one is None or other is None else one - other


def _fee(side: Seen) -> float:
    venue = side.leg.market.partition(":")[0]
    return FEES[f"{venue} spot" if isinstance(side.leg, Spot) else venue]


def _flags(short: Seen, long: Seen) -> set[str]:
    signs = [_difference(short, long, length) for length in (72, 24, 168)]
    units = {side.leg.units if isinstance(side.leg, Perpetual) else 1 for side in (short, long)}
    raised = {
        "INTERVAL_MISMATCH": None not in (short.hours, long.hours) and short.hours != long.hours,
        "INTERVAL_CHANGED": short.changed or long.changed,
        "AT_CAP": short.capped or long.capped,
        "SUSPECT_GAP": short.suspect or long.suspect,
        "STALE_QUOTE": max(short.age, long.age) > 2 * HOUR,
        "MULTIPLIER": units != {1},
        "IDENTITY_UNPROVEN": abs(short.price / long.price - 1) > 0.05,
        "LOW_PERSISTENCE": None not in signs and len({math.copysign(1, one) if one else 0 for one in signs}) > 1,
    }
    return {name for name, is_up in raised.items() if is_up}


def spreads(legs: Sequence[Perpetual], start: int, end: int) -> Iterator[Row]:
    """Rows of venue_spreads of one coin's perpetuals: every pair, whenever a settlement of one of the two was out."""
    ordered = sorted(legs, key=lambda one: one.market.split(":", 1))
    for number, first in enumerate(ordered):
        for second in ordered[number + 1 :]:
            for at in sorted({one + MINUTE for one in first.at + second.at}):
                if start <= at < end:
                    sides = [Seen(first, at), Seen(second, at)]
                    if (_difference(*sides, 72) or 0) < 0:
                        sides.reverse()
                    yield hedge(*sides, ties_up=1 / 3 + 1 / 3 + 0.1)


def cash_and_carry(one: Perpetual, spot: Spot, start: int, end: int) -> Iterator[Row]:
    """Rows of cash_and_carry: at every settlement of the perpetual."""
    for at in one.at:
        if start <= at + MINUTE < end:
            sides = [Seen(one, at + MINUTE), Seen(spot, at + MINUTE)]
            if (_difference(*sides, 72) or 0) < 0:
                sides.reverse()
            yield hedge(*sides, ties_up=1 / 3 + 1 + 0.1)
