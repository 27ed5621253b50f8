"""What a hedge of two legs is worth: break-even, net return a year, return on the capital it ties up. Pure.

What lives here: three formulas, for numbers or columns, and the capital. What does not: where cost and income come from
(``spreads``, ``cash_and_carry``).

All amounts are fractions of one leg's notional; income is per hour; a year has 8,760 hours. Returns are simple: funding is
paid in quote on a notional that stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.funding.annual import HOURS_PER_YEAR

HOLDS = (24.0, 72.0, 168.0, 720.0)
"""Hours for which a net return is told: a day, three, a week, thirty days. Never without one: cost over time is all."""

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Capital:
    """What holding a hedge ties up.

    Attributes:
        short_leverage: notional over margin of the short leg; 1 is fully funded.
        long_leverage: the same of the long leg.
        buffer: kept free beside the margins, as a fraction of one leg's notional.
    """

    short_leverage: float = 3.0
    long_leverage: float = 3.0
    buffer: float = 0.10

    def __post_init__(self) -> None:
        if min(self.short_leverage, self.long_leverage) <= 0 or self.buffer < 0:
            raise ConfigError("leverage must be above 0 and the buffer not below it", hint="1 is fully funded")

    @property
    def per_notional(self) -> float:
        """Capital for a notional of 1 on each leg."""
        return 1 / self.short_leverage + 1 / self.long_leverage + self.buffer


def break_even_hours(cost: ArrayLike, per_hour: ArrayLike) -> Column:
    """Hours after which the income has paid the round trip: infinite where it never does, NaN where a number is unknown.

    Args:
        cost: of the whole round trip, a fraction of the notional; what costs nothing is even at once.
        per_hour: net funding income, a fraction of the notional.
    """
    costs, income = np.broadcast_arrays(np.asarray(cost, np.float64), np.asarray(per_hour, np.float64))
    hours = np.full(costs.shape, np.inf)
    with np.errstate(over="ignore"):  # an income of next to nothing: infinite
        np.divide(costs, income, out=hours, where=income > 0)
    hours[costs <= 0] = 0.0
    hours[np.isnan(costs) | np.isnan(income)] = np.nan
    return hours


def net_per_year(per_hour: ArrayLike, cost: ArrayLike, hold_hours: float) -> Column:
    """Net simple return a year on one leg's notional if held ``hold_hours``: (income of the hold - cost) a year."""
    _positive(hold_hours)
    income = np.asarray(per_hour, np.float64) * hold_hours
    return (income - np.asarray(cost, np.float64)) / hold_hours * HOURS_PER_YEAR


def return_on_capital(per_hour: ArrayLike, cost: ArrayLike, hold_hours: float, capital: Capital) -> Column:
    """Return of one hold on the capital tied up; not a year's."""
    _positive(hold_hours)
    gained = np.asarray(per_hour, np.float64) * hold_hours - np.asarray(cost, np.float64)
    return gained / capital.per_notional


def _positive(hold_hours: float) -> None:
    if not hold_hours > 0:
        raise ConfigError(f"a hold of {hold_hours} hours has no return a year", hint="name a hold above 0 hours")
