"""Whether longer candles equal the shorter ones they ought to be made of. Pure numpy.

What lives here: the difference between a natively fetched candle and the rollup of shorter candles. What does
not: the rollup's arithmetic (``model.candles``), how much difference is too much (``rules.TOLERANCE``).

This is the reliable detector of half-built candles: a candle stored while it was still forming differs from its
parts, alone or at every page's end, in one month or in many years.
"""

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import COLUMNS, Candles, rolled_up
from qmd_platform.quality.measures import Columns


def of_agreement(candles: Candles, step: int, shorter: Candles, shorter_step: int) -> Columns:
    """``shorter_difference``: the largest relative difference of any value from the rollup, and the rollup.

    NaN where the rule does not speak: the bucket lacks a shorter candle, or a value is NaN.

    Args:
        candles: of ``step`` ms, in any state.
        step: length of ``candles`` in ms.
        shorter: sorted, unique candles as the lake holds them.
        shorter_step: length of ``shorter`` in ms; divides ``step``.
    """
    rolled, parts = rolled_up(shorter, step, shorter_step)
    whole = rolled.take(parts == step // shorter_step)
    places = np.searchsorted(whole.open_at, candles.open_at)
    places[places == len(whole)] = 0
    matched = whole.open_at[places] == candles.open_at if len(whole) else np.zeros(len(candles), bool)
    columns: Columns = {}
    worst = np.where(matched, 0.0, np.nan)
    for name in COLUMNS[1:]:
        wanted = np.full(len(candles), np.nan)
        wanted[matched] = getattr(whole, name)[places[matched]]
        columns[f"shorter_{name}"] = wanted
        worst = np.maximum(worst, _relative(getattr(candles, name), wanted))
    return columns | {"shorter_difference": worst}


def _relative(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The difference as a share of the larger of both; 0 where they are equal, zeros included."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = np.abs(found - wanted) / np.maximum(np.abs(found), np.abs(wanted))
    return np.where(found == wanted, 0.0, share)
