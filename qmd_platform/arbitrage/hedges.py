"""A hedge of two legs at given instants: what it costs, earns and risks. Pure.

What lives here: the columns that perp-perp and spot-perp hedges share, and the terms they are judged by. What does not:
which legs make which hedge (``spreads``, ``cash_and_carry``).

For a size Q the profit is Q[(S_in - L_in) - (S_out - L_out)] + funding of the short - funding of the long - fees of four
fills - slippage of four fills - transfer and borrowing. What is told here is that sum at the quotes of now: opened and
closed at once, it loses the entry and the exit cross spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.basis import BPS
from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.economics import (
    HOLDS,
    Capital,
    Column,
    break_even_hours,
    net_per_year,
    return_on_capital,
)
from qmd_platform.arbitrage.flags import masks
from qmd_platform.arbitrage.legs import Instants, Seen
from qmd_platform.arbitrage.risks import Conditions, Limits, of_pair
from qmd_platform.errors import ConfigError
from qmd_platform.funding.annual import HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Terms:
    """What hedges are judged by; every default is a choice of ours.

    Attributes:
        costs: fees, slippage, borrowing, transfer.
        capital: leverage and buffer.
        limits: from where on a risk flag is raised.
        windows: hours over which funding is measured. The first is the estimate of what comes; the sign of the difference
            must be the same over all of them (LOW_PERSISTENCE).
        holds: hours for which net returns are told.
    """

    costs: Costs = field(default_factory=Costs)
    capital: Capital = field(default_factory=Capital)
    limits: Limits = field(default_factory=Limits)
    windows: tuple[float, ...] = (72.0, 24.0, 168.0)
    holds: tuple[float, ...] = HOLDS


@dataclass(frozen=True, slots=True, eq=False)
class Hedge:
    """One short leg against one long leg: columns with a row an instant; fractions of one leg's notional unless said.

    Attributes:
        short, long: the markets, as text.
        at: epoch ms; nothing in the row was known later.
        price_spread_bps: short mid over long mid, per coin, minus 1.
        entry_spread_bps: (long ask - short bid) / mid: what crossing both books to open costs.
        exit_spread_bps: (short ask - long bid) / mid: the same to close.
        funding_per_hour: short's minus long's, over the first window; what the hedge earns while it is held.
        last_funding_per_hour: the same of each leg's last settlement.
        cumulative_difference: C_short - C_long; its change between two rows is what was earned between them.
        borrow_per_hour: for a coin sold short on spot; else 0.
        net_per_hour: funding less borrowing.
        fees_bps, slippage_bps, transfer_bps: of the whole round trip.
        cost_bps: all of it, with both cross spreads; NaN without quotes.
        break_even_hours: infinite where it never does.
        net_per_year: simple, by hold in hours.
        return_on_capital: of one hold, by hold in hours.
        short_hours, long_hours, short_next_at, long_next_at: each leg's interval and when it is next due.
        flags: bits (``flags``).
    """

    short: str
    long: str
    at: Instants
    price_spread_bps: Column
    entry_spread_bps: Column
    exit_spread_bps: Column
    funding_per_hour: Column
    last_funding_per_hour: Column
    cumulative_difference: Column
    borrow_per_hour: Column
    net_per_hour: Column
    fees_bps: Column
    slippage_bps: Column
    transfer_bps: Column
    cost_bps: Column
    break_even_hours: Column
    net_per_year: Mapping[float, Column]
    return_on_capital: Mapping[float, Column]
    short_hours: Column
    long_hours: Column
    short_next_at: Instants
    long_next_at: Instants
    flags: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def pair(self) -> str:
        """The two markets as one name, the short one first."""
        return f"{self.short}|{self.long}"

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Hedge":
        """The rows selected by position, mask or slice."""
        return Hedge(**{one.name: _taken(getattr(self, one.name), rows) for one in fields(self)})


def _taken(value: Any, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Any:  # noqa: ANN401 - any column
    if isinstance(value, np.ndarray):
        return value[rows]
    if isinstance(value, Mapping):
        return {key: column[rows] for key, column in value.items()}
    return value


def hedge(
    short: Seen, long: Seen, terms: Terms, *, borrow_per_year: float = 0.0, also: Conditions | None = None
) -> Hedge:
    """The hedge that sells ``short`` and buys ``long``, at each instant the two were seen at.

    Args:
        short: with ``terms.windows``; prices per coin.
        long: the same, at the same instants, in the same currency.
        terms: what it is judged by; both legs' leverage is in ``terms.capital``.
        borrow_per_year: where the short leg is a borrowed coin.
        also: flags that others raise (depth, open interest, incidents), a column each.

    Raises:
        ConfigError: the legs are at different instants.
    """
    if not np.array_equal(short.at, long.at):
        raise ConfigError("the two legs are seen at different instants", hint="look at both at the same instants")
    apart, entry, exit_ = _crossed(short, long)
    kinds = [(leg.market.venue, leg.market.kind) for leg in (short, long)]
    fees, slippage = terms.costs.fees_of_round_trip(kinds), terms.costs.slippage_of_round_trip(kinds)
    cost = entry + exit_ + fees + slippage + terms.costs.transfer
    funding = short.per_hour[terms.windows[0]] - long.per_hour[terms.windows[0]]
    per_hour = funding - borrow_per_year / HOURS_PER_YEAR
    raised = {**of_pair(short, long, terms.limits, terms.capital, terms.windows), **(also or {})}
    rows = len(short.at)
    return Hedge(
        str(short.market),
        str(long.market),
        short.at,
        apart * BPS,
        entry * BPS,
        exit_ * BPS,
        funding,
        short.last_per_hour - long.last_per_hour,
        short.cumulative_rate - long.cumulative_rate,
        np.full(rows, borrow_per_year / HOURS_PER_YEAR),
        per_hour,
        np.full(rows, fees * BPS),
        np.full(rows, slippage * BPS),
        np.full(rows, terms.costs.transfer * BPS),
        cost * BPS,
        break_even_hours(cost, per_hour),
        {hold: net_per_year(per_hour, cost, hold) for hold in terms.holds},
        {hold: return_on_capital(per_hour, cost, hold, terms.capital) for hold in terms.holds},
        short.interval_hours,
        long.interval_hours,
        short.next_at,
        long.next_at,
        masks(raised, rows),
    )


def _crossed(short: Seen, long: Seen) -> tuple[Column, Column, Column]:
    """How far the mids are apart, and what crossing both books costs at entry and at exit; fractions of the mid."""
    mid = (short.mid + long.mid) / 2
    with np.errstate(all="ignore"):  # no quotes yet
        return (short.mid - long.mid) / mid, (long.ask - short.bid) / mid, (short.ask - long.bid) / mid
