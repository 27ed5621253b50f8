"""When a risk flag is raised: each rule with its limit. Pure.

What lives here: the limits and the conditions. What does not: what the flags mean and which block (``flags``).

What nobody knows raises nothing, except where not knowing is the risk: a price (STALE_QUOTE), an identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Capital, Column
from qmd_platform.arbitrage.flags import Flag
from qmd_platform.arbitrage.legs import Instants, Seen, Truths

Conditions = Mapping[Flag, Truths]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a flag is raised; all assumptions of ours, to be set to one's own.

    Attributes:
        quote_age_ms: older quotes are stale.
        mids_apart: mid prices per coin that differ by a larger fraction are not of one coin, or one is wrong.
        liquidation_distance: smallest move, a fraction of the price, that may liquidate a leg.
        maintenance: margin a venue keeps, a fraction of the notional; less than that left is liquidated.
        depth_of_size: how many times the size must be in the book.
        open_interest_quote: smallest open interest, in quote.
        delisting_ms: how long before the announced end of trading a market counts as ending.
        depeg: how far from 1 a quote currency may be, a fraction.
    """

    quote_age_ms: int = 2 * 3_600_000
    mids_apart: float = 0.05
    liquidation_distance: float = 0.20
    maintenance: float = 0.01
    depth_of_size: float = 3.0
    open_interest_quote: float = 1_000_000.0
    delisting_ms: int = 14 * 86_400_000
    depeg: float = 0.005


def of_pair(short: Seen, long: Seen, limits: Limits, capital: Capital, windows: tuple[float, ...]) -> Conditions:
    """The flags that the two legs alone raise, at each of their instants.

    ``windows`` are the hours over which the funding difference must have the same sign.
    """
    mids = np.maximum(short.mid / long.mid, long.mid / short.mid) - 1  # the same whichever is sold
    both = np.isfinite(short.interval_hours) & np.isfinite(long.interval_hours)
    return {
        Flag.INTERVAL_MISMATCH: both & (short.interval_hours != long.interval_hours),
        Flag.INTERVAL_CHANGED: short.has_changed | long.has_changed,
        Flag.AT_CAP: short.is_capped | long.is_capped,
        Flag.SUSPECT_GAP: short.is_suspect | long.is_suspect,
        Flag.STALE_QUOTE: np.maximum(short.quote_age_ms, long.quote_age_ms) > limits.quote_age_ms,
        Flag.MULTIPLIER: np.array(short.units != long.units or short.units != 1),
        Flag.IDENTITY_UNPROVEN: np.array(not (short.is_proven and long.is_proven)) | (mids > limits.mids_apart),
        Flag.QUOTE_MISMATCH: np.array(_quote(short) != _quote(long)),
        Flag.LIQ_DISTANCE: np.array(liquidation_distance(short, long, limits, capital) < limits.liquidation_distance),
        Flag.LOW_OI: low_open_interest(np.fmin(short.open_interest_quote, long.open_interest_quote), limits),
        Flag.LOW_PERSISTENCE: _changes_sign(short, long, windows),
    }


def _quote(leg: Seen) -> str:
    return leg.market.symbol.partition("/")[2].partition(":")[0]


def liquidation_distance(short: Seen, long: Seen, limits: Limits, capital: Capital) -> float:
    """The smallest move of the price, as a fraction, that liquidates a leg; infinite where neither can be."""
    legs = ((short, capital.short_leverage), (long, capital.long_leverage))
    return min(
        (1 / leverage - limits.maintenance for leg, leverage in legs if leg.market.kind != "spot"), default=np.inf
    )


def _changes_sign(short: Seen, long: Seen, windows: tuple[float, ...]) -> Truths:
    signs = [np.sign(short.per_hour[length] - long.per_hour[length]) for length in windows]
    known = [sign for sign in signs if len(sign)]
    if not known:
        return np.zeros(len(short.at), np.bool_)
    stacked = np.vstack(known)
    with np.errstate(invalid="ignore"):
        return np.asarray((stacked != stacked[0]).any(axis=0) & np.isfinite(stacked).all(axis=0))


def too_thin(depth_quote: Column, size_quote: float, limits: Limits) -> Truths:
    """THIN_DEPTH, from what is in the book near its middle; unknown depth raises nothing."""
    return np.asarray(depth_quote < size_quote * limits.depth_of_size)


def low_open_interest(open_interest_quote: Column, limits: Limits) -> Truths:
    """LOW_OI; unknown raises nothing."""
    return np.asarray(open_interest_quote < limits.open_interest_quote)


def delisting(at: Instants, announced_at: int | None, ends_at: int | None, limits: Limits) -> Truths:
    """DELISTING: the end of trading is near and was announced by then. Before the announcement nobody knew."""
    if announced_at is None or ends_at is None:
        return np.zeros(len(at), np.bool_)
    return np.asarray((at >= announced_at) & (at >= ends_at - limits.delisting_ms))


def depegged(value: Column, limits: Limits) -> Truths:
    """DEPEG, from the quote currency's value in what it promises; unknown raises nothing."""
    return np.asarray(np.abs(value - 1) > limits.depeg)


def at_cap(rate: Column, cap: NDArray[np.float64] | float, floor: NDArray[np.float64] | float) -> Truths:
    """AT_CAP: the last settled rate is at the venue's cap or floor, or beyond; unknown limits raise nothing."""
    with np.errstate(invalid="ignore"):
        return np.asarray((rate >= cap) | (rate <= floor))
