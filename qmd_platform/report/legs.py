"""A leg of a pair, as values: what its figures were made from, and how fresh its data is.

What lives here: plain records. What does not: finding them (``inputs``), what they come to (``working``).
"""

import math
from dataclasses import dataclass

from qmd_platform.arbitrage.carry import COVERED
from qmd_platform.arbitrage.cash_and_carry import SPOT
from qmd_platform.arbitrage.costs import Fee
from qmd_platform.funding.intervals import Intervals
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Instant
from qmd_platform.report.figures import HOUR_MS
from qmd_platform.report.records import Origin


@dataclass(frozen=True, slots=True)
class Used:
    """One settlement of the trailing window: what was settled, for how long, what proves it, since when it counts."""

    settled_at: Instant
    rate: float
    hours: float
    evidence: str
    known_at: Instant
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Price:
    """The close that stood for a leg's quote: of the candle that opened at ``open_at``, known ``step`` later."""

    open_at: Instant
    step: int
    close: float
    origin: Origin | None

    @property
    def known_at(self) -> Instant:
        """The end of the candle."""
        return self.open_at + self.step


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One leg of a pair with everything its figures were made from.

    Attributes:
        market: which.
        units: coins in one unit of its base.
        fee: what it costs to trade.
        window: hours of the trailing window.
        used: settlements of it, oldest first; none for spot.
        last: the last settlement whose interval stood; None for spot.
        published_at: of the last settlement that was out by then, also if its interval did not stand yet; None for spot.
        cumulative: sum of all rates published by then.
        price: None without candles.
        settlements, found: its whole history, for the charts.
    """

    market: Market
    units: float
    fee: Fee
    window: float
    used: tuple[Used, ...]
    last: Used | None
    published_at: Instant | None
    cumulative: float
    price: Price | None
    settlements: Settlements
    found: Intervals

    @property
    def is_spot(self) -> bool:
        """Whether it has no funding."""
        return self.market.kind == SPOT

    @property
    def rates(self) -> float:
        """The sum of the window's rates."""
        return sum(one.rate for one in self.used)

    @property
    def hours(self) -> float:
        """The sum of the hours they were for."""
        return sum(one.hours for one in self.used)

    @property
    def per_hour(self) -> float:
        """Funding per hour over the window; NaN where too little of it is accounted for to say, as in the table."""
        if self.is_spot:
            return 0.0
        return self.rates / self.hours if self.hours >= COVERED * self.window else float("nan")

    @property
    def intervals_on(self) -> int:
        """How many intervals after ``last`` the leg is next due: more than one where it has settled since.

        Up to half an interval off counts as on time.
        """
        if self.last is None or self.published_at is None or math.isnan(self.last.hours):
            return 1
        return math.ceil((self.published_at - self.last.settled_at) / HOUR_MS / self.last.hours - 0.5) + 1


@dataclass(frozen=True, slots=True)
class Age:
    """How fresh a market's data is.

    Attributes:
        market: which.
        settled_at: the newest settlement; None for spot and without any.
        interval_hours: of that settlement.
        is_overdue: whether the next one should be in the lake by now.
        suspects: settlements in the window of the report before which others seem to be missing.
        unknown: settlements in it whose interval nothing proves.
        priced_at: the end of the newest candle; None without any.
        missing: candles of the window that ought to be there and are not.
    """

    market: Market
    settled_at: Instant | None
    interval_hours: float
    is_overdue: bool
    suspects: int
    unknown: int
    priced_at: Instant | None
    missing: int
