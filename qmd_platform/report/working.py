"""A pair's row worked out again from the rows it was made from, line by line, beside what the table says. Pure.

What lives here: each formula with its numbers put in, and whether the table agrees. What does not: finding the numbers
(``inputs``), the formulas' home (``arbitrage.hedges``, ``arbitrage.economics``): this is the same sum done a second
time, by hand, so that a reader can follow it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from qmd_platform.arbitrage.carry import COVERED
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.funding.annual import HOURS_PER_YEAR
from qmd_platform.model.arbitrage_tables import HEDGE_HOLDS
from qmd_platform.report import figures
from qmd_platform.report.figures import HOUR_MS, MINUS, TIMES, bps, number, percent
from qmd_platform.report.legs import Leg
from qmd_platform.report.records import Pair

BPS = 10_000
NEAR = 1e-9
"""Relative difference up to which two ways to add up the same numbers agree."""

LEAST = 1e-12
"""And the absolute one: sums that should be nothing."""

FILLS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the working: what, how with the numbers put in, what it comes to, and what the table says.

    ``value`` and ``stored`` are in the unit of the table's ``column``; a line without one is on the way to another.
    """

    name: str
    how: str
    result: str
    value: float
    column: str = ""
    stored: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the table says the same; what neither knows is the same too."""
        if not figures.is_known(self.value) or not figures.is_known(self.stored):
            return figures.is_known(self.value) == figures.is_known(self.stored)
        return math.isclose(self.value, self.stored or 0.0, rel_tol=NEAR, abs_tol=LEAST)


def working(pair: Pair, short: Leg, long: Leg, rules: Rules) -> list[Line]:
    """Every figure of the pair's row that is on the board, in the order in which they follow from each other."""
    return list(_Work(pair, short, long, rules).lines())


def agrees(lines: list[Line]) -> bool:
    """Whether the table says what follows from the lake's rows as they are now."""
    return all(line.agrees for line in lines if line.column)


@dataclass(frozen=True, slots=True)
class _Work:
    pair: Pair
    short: Leg
    long: Leg
    rules: Rules

    def lines(self) -> Iterator[Line]:
        """All."""
        yield from self._funding()
        yield from self._prices()
        yield from self._costs()
        yield from self._worth()
        yield from self._next()

    def _line(self, column: str, name: str, how: str, result: str, value: float) -> Line:
        return Line(name, how, result, value, column, self.pair.row[column])

    @property
    def terms(self) -> Terms:
        return self.rules.terms

    @property
    def funding(self) -> float:
        return self.short.per_hour - self.long.per_hour

    @property
    def borrow(self) -> float:
        """Per hour; only a coin that is sold on spot is borrowed."""
        return self.terms.costs.borrow_per_year / HOURS_PER_YEAR if self.short.is_spot else 0.0

    @property
    def net(self) -> float:
        return self.funding - self.borrow

    def _funding(self) -> Iterator[Line]:
        window = self.terms.windows[0]
        for name, leg in (("short leg", self.short), ("long leg", self.long)):
            how = (
                "spot has no funding"
                if leg.is_spot
                else f"{len(leg.used)} settlements of {window:g} h: {number(leg.rates, 8)} / {number(leg.hours, 2)} h"
            )
            if math.isnan(leg.per_hour):
                how += f", less than {COVERED:g} of it"
            yield Line(f"funding of the {name}", how, f"{bps(leg.per_hour)} bp/h", leg.per_hour)
        both = f"{bps(self.short.per_hour)} {MINUS} {_bracketed(bps(self.long.per_hour))}"
        yield self._line("funding_per_hour", "funding difference", both, f"{bps(self.funding)} bp/h", self.funding)
        year = percent(figures.yearly(self.funding))
        how = f"{bps(self.funding)} bp/h {TIMES} 8,760 h"
        yield Line("… a year, simple", how, year, self.funding * HOURS_PER_YEAR)
        last = _last(self.short) - _last(self.long)
        how = f"{_last_text(self.short)} {MINUS} {_bracketed(_last_text(self.long))}"
        yield self._line("last_funding_per_hour", "difference of the last settlements", how, f"{bps(last)} bp/h", last)
        if self.borrow:
            how = f"{percent(self.terms.costs.borrow_per_year)} a year / 8,760 h"
            yield self._line("borrow_per_hour", "borrowing the coin", how, f"{bps(self.borrow)} bp/h", self.borrow)
        how = f"{bps(self.funding)} {MINUS} {bps(self.borrow)}"
        yield self._line("net_per_hour", "net income", how, f"{bps(self.net)} bp/h", self.net)
        sums = self.short.cumulative - self.long.cumulative
        how = f"{number(self.short.cumulative, 8)} {MINUS} {_bracketed(number(self.long.cumulative, 8))}"
        yield self._line("cumulative_difference", "difference of the running sums", how, number(sums, 8), sums)

    def _quote(self, leg: Leg, side: int) -> float:
        """Bid (-1), middle (0) or ask (1) of one coin."""
        close = math.nan if leg.price is None else leg.price.close
        return close * (1 + side * self.rules.half_spread) / leg.units

    def _prices(self) -> Iterator[Line]:
        one, other = self._quote(self.short, 0), self._quote(self.long, 0)
        mid = (one + other) / 2
        spread = (one - other) / mid * BPS
        for name, leg in (("short", self.short), ("long", self.long)):
            units = f" / {leg.units:,.0f} coins a unit" if leg.units != 1 else ""
            close = figures.price(None if leg.price is None else leg.price.close)
            value = self._quote(leg, 0)
            yield Line(f"price of one coin, {name} leg", f"close {close}{units}", figures.price(value), value)
        how = f"({figures.price(one)} {MINUS} {figures.price(other)}) / {figures.price(mid)}"
        yield self._line("price_spread_bps", "price spread", how, f"{number(spread)} bp", spread)
        crossings = (
            ("entry_spread_bps", "crossing to open", f"long ask {MINUS} short bid", self.long, self.short),
            ("exit_spread_bps", "crossing to close", f"short ask {MINUS} long bid", self.short, self.long),
        )
        for column, name, words, bought, sold in crossings:
            ask, bid = self._quote(bought, 1), self._quote(sold, -1)
            value = (ask - bid) / mid * BPS
            how = f"{words}: ({figures.price(ask)} {MINUS} {figures.price(bid)}) / {figures.price(mid)}"
            yield self._line(column, name, how, f"{number(value)} bp", value)

    @property
    def fees(self) -> float:
        return sum(2 * leg.fee.taker * BPS for leg in (self.short, self.long))

    @property
    def slippage(self) -> float:
        return FILLS * self.terms.costs.slippage * BPS

    @property
    def transfer(self) -> float:
        return self.terms.costs.transfer * BPS

    @property
    def crossing(self) -> float:
        """Both cross spreads, which leaves the two legs' own spreads."""
        one, other = self._quote(self.short, 0), self._quote(self.long, 0)
        asks = self._quote(self.short, 1) + self._quote(self.long, 1)
        bids = self._quote(self.short, -1) + self._quote(self.long, -1)
        return (asks - bids) / ((one + other) / 2) * BPS

    @property
    def cost(self) -> float:
        return self.crossing + self.fees + self.slippage + self.transfer

    def _costs(self) -> Iterator[Line]:
        taken = " + ".join(
            f"2 {TIMES} {number(leg.fee.taker * BPS)} ({leg.market.venue})" for leg in (self.short, self.long)
        )
        yield self._line("fees_bps", "taker fees of four fills", taken, f"{number(self.fees)} bp", self.fees)
        how = f"4 {TIMES} {number(self.terms.costs.slippage * BPS)}"
        yield self._line("slippage_bps", "slippage of four fills", how, f"{number(self.slippage)} bp", self.slippage)
        yield self._line("transfer_bps", "transfer", "assumed", f"{number(self.transfer)} bp", self.transfer)
        parts = (self.crossing, self.fees, self.slippage, self.transfer)
        how = "crossing {} + fees {} + slippage {} + transfer {}".format(*(number(one) for one in parts))
        yield self._line("cost_bps", "cost of the round trip", how, f"{number(self.cost)} bp", self.cost)

    def _worth(self) -> Iterator[Line]:
        cost = self.cost / BPS
        even = _even(cost, self.net)
        how = f"{number(self.cost)} bp / {bps(self.net)} bp/h"
        yield self._line("break_even_hours", "break-even", how, figures.hours(even), even)
        for hold in HEDGE_HOLDS:
            gained = self.net * hold - cost
            year = gained / hold * HOURS_PER_YEAR
            how = f"({bps(self.net)} {TIMES} {hold} {MINUS} {number(self.cost)}) bp / {hold} h {TIMES} 8,760 h"
            yield self._line(f"net_{hold}h_per_year", f"net a year, held {hold} h", how, percent(year), year)
        ties = capital_of(self.pair, self.terms).per_notional
        for hold in HEDGE_HOLDS:
            gained = self.net * hold - cost
            how = f"{bps(gained, 2)} bp / {number(ties, 4)} of capital a notional"
            back = gained / ties
            yield self._line(f"return_{hold}h", f"return on capital, held {hold} h", how, percent(back, 3), back)

    def _next(self) -> Iterator[Line]:
        for side, leg in (("short", self.short), ("long", self.long)):
            if leg.last is not None:
                times = leg.intervals_on
                due = leg.last.settled_at + times * leg.last.hours * HOUR_MS
                many = "" if times == 1 else f"{times} {TIMES} "
                how = f"{figures.minute(leg.last.settled_at)} + {many}{leg.last.hours:g} h ({leg.last.evidence})"
                name = f"next settlement, {side} leg"
                told = figures.minute(None if math.isnan(due) else int(due))
                yield self._line(f"{side}_next_at", name, how, told, due)


def capital_of(pair: Pair, terms: Terms) -> Capital:
    """What holding the pair ties up: spot is paid in full, as is what is lent to be sold short."""
    usual = terms.capital
    if pair.long.kind == "spot":
        return Capital(usual.short_leverage, 1.0, usual.buffer)
    if pair.short.kind == "spot":
        return Capital(1.0, usual.long_leverage, usual.buffer)
    return usual


def _even(cost: float, net: float) -> float:
    if math.isnan(cost) or math.isnan(net):
        return math.nan
    if cost <= 0:
        return 0.0
    return cost / net if net > 0 else math.inf


def _last(leg: Leg) -> float:
    if leg.is_spot:
        return 0.0
    return math.nan if leg.last is None else leg.last.rate / leg.last.hours


def _last_text(leg: Leg) -> str:
    if leg.is_spot or leg.last is None:
        return "0" if leg.is_spot else figures.NOTHING
    return f"{figures.rate(leg.last.rate)} / {leg.last.hours:g} h"


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith(MINUS) else text
