"""What unit a rate is in, told by its size: percent or fraction. Pure numpy.

What lives here: the signs. What does not: what becomes of rows in the wrong unit (``funding.suspicions``), the unit of a time
(``model.epoch``).
"""

import numpy as np
from numpy.typing import NDArray

INTEREST_PERCENT = 0.01
"""The interest term in percent per 8 hours: what nearly half of all settlements are to the digit."""

LEAST_PRINTS, PRINT_SHARE = 3, 0.1
"""Settlements, and share of them, that must be the interest term in percent for rates to look like percent."""

BEYOND_ANY_CAP = 0.25
"""Fraction per settlement no venue allows (the largest cap we know is Hyperliquid's 0.04). In percent, BTC reached 0.375."""

MEDIAN_DAYS, MEDIAN_PERCENT = 30, 0.002
"""Over 30 days and more, the median of the rates' sizes per 8 hours. Recorded as fractions: 0.0001 at most; times a
hundred, 0.0038 at least. 0.002 is 219 % a year; shorter squeezes reach that."""


def looks_like_percent(rates: NDArray[np.float64], hours: NDArray[np.float64]) -> str:
    """Why the rates look like percent (0.01 for 1 bp) or like annual ones where fractions per settlement are meant.

    Empty where they do not.

    Args:
        rates: settled rates of one market. The more of them, the more can be said.
        hours: of their intervals; rows with NaN say nothing.
    """
    known = np.isfinite(hours) & (rates != 0)
    sizes, lasted = np.abs(rates[known]), hours[known]
    if not len(sizes):
        return ""
    advice = "the rates look like percent or annual ones, not fractions per settlement:"
    if sizes.max() >= BEYOND_ANY_CAP:
        return f"{advice} one is {sizes.max():g}, and no venue lets a settlement be {100 * sizes.max():g} %"
    eights = sizes / lasted * 8
    prints = int(np.isclose(eights, INTEREST_PERCENT, rtol=1e-9, atol=0).sum())
    if prints >= LEAST_PRINTS and prints >= PRINT_SHARE * len(sizes):
        told = f"{prints} of {len(sizes)} are {INTEREST_PERCENT} per 8 hours, the usual interest term in percent"
        return f"the rates look like percent, not fractions (divide by 100): {told}"
    median = float(np.median(eights))
    if lasted.sum() >= 24 * MEDIAN_DAYS and median >= MEDIAN_PERCENT:
        return f"{advice} half of {len(sizes)} are {median:g} or more per 8 hours, {median * 109500:,.0f} % a year"
    return ""
