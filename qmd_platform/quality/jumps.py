"""Prices and volumes that leave their level in a way markets do not. Pure numpy.

What lives here: the measures of ``price_jump`` and ``volume_unit``. What does not: rules about single rows
(``measures``), whether the rows are another market's (``contamination``).

**Scale.** A move is the logarithm of close over the close before, over the square root of the steps between. Its usual
size is 1.4826 times the median of the moves' sizes (MAD), zeros left out: an illiquid market's median is else zero.

**Threshold.** Markets' moves have tails that fall with the third power (the inverse cubic law: Gopikrishnan and others,
1998), and so has Student's t with three degrees of freedom, of which a share ``TAIL / z**3`` is beyond ``z`` scales. So
among ``n`` moves one beyond ``z`` happens by chance with at most ``n * TAIL / z**3``; it is claimed below ``CHANCE``. That
is ``z`` of 850 in a month of 1m candles, 220 of 1h, 77 of 1d. Crashes stay below (recorded: at most 38 on Binance, Bybit
and Hyperliquid in August 2024 and before, 290 on Gate in August 2023); a price ten times as high is at 4,600.

A *spike* is a move and the move back at once, to within a quarter. Were the two independent, their chance would be the
square (power 6); but a large order that empties a thin book moves the price and lets it come back, so they are not, and
the power is taken half way (``SPIKE_POWER``, 93 scales of 1m, 38 of 1h; recorded sweeps reach 38 of 1m, Bitfinex 2016).
Crashes come with rebounds, so a spike is measured by the moves around it where those are larger: a wrong price stands in
a calm neighbourhood. A *wick* goes out and back inside one candle. Thin books make long ones, so its threshold is a
jump's.

**Volume.** A unit that changes (contracts for coins) multiplies every volume from one candle to the next and stays. News
multiplies a market's volume too, up to some twentyfold within the hour (Bitfinex 2016), but not so that hours of it lie
wholly above hours before by more: ``VOLUME_BLOCKS`` medians of ``BLOCK`` candles on each side must not overlap, and be
``VOLUME_TIMES`` fold apart.
"""

from math import log

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.quality.measures import Columns

TAIL = 1.51
"""4 * sqrt(3) / pi / (1.4826 * 0.7649)**3: the share of Student's t(3) beyond z of its MAD scales is TAIL / z**3."""

CHANCE = 1e-4
"""Largest probability of chance over a whole month at which a jump is claimed."""

SPIKE_POWER = 4.5

LEAST = 20
"""Moves that a scale needs."""

BLOCK, VOLUME_BLOCKS, VOLUME_TIMES = 20, 6, 30.0
"""Candles a median, medians a side, and how far apart the sides must be. Contract sizes are powers of ten (Gate: 0.0001
to 10,000 coins). A change a hundredfold and more is seen; a tenfold one cannot be told from news."""

_NEAR = 30
_RETURNS = 0.25


def of_jumps(candles: Candles, step: int, before: Candles | None = None) -> Columns:
    """``jump_strength`` (in thresholds; more than 1 is claimed), ``jump``, ``volume_step`` (likewise) of each row.

    Args:
        candles: in any state; rows whose prices are not finite and positive have no moves.
        step: in ms.
        before: rows of the series before its first, if known: sorted, not many.
    """
    earlier = Candles.empty() if before is None else before
    whole = Candles.concat([earlier, candles])
    strength, words = _price(whole, step)
    volume = _volume(whole)
    mine = slice(len(earlier), None)
    if len(candles):  # where the level changes is known to a few rows: a change at the seam is this month's
        volume[len(earlier)] = volume[max(len(earlier) - BLOCK, 0) : len(earlier) + 1].max()
    return {"jump_strength": strength[mine], "jump": words[mine], "volume_step": volume[mine]}


def _price(candles: Candles, step: int) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    strength, words = np.zeros(len(candles)), np.full(len(candles), "", "<U20")
    with np.errstate(all="ignore"):  # zero, negative and infinite prices are other rules' business
        steps = np.maximum(np.diff(candles.open_at) / step, 1)
        moves = np.r_[0.0, np.diff(np.log(candles.close)) / np.sqrt(steps)]
        up = np.log(candles.high / np.maximum(candles.open, candles.close))
        down = np.log(np.minimum(candles.open, candles.close) / candles.low)
    moves[~np.isfinite(moves)] = 0
    sizes = np.abs(moves)
    moving = sizes[sizes > 0]
    if len(moving) < LEAST:
        return strength, words
    scale = 1.4826 * float(np.median(moving))
    level = (TAIL * len(moving) / CHANCE) ** (1 / 3)
    wicks = np.nan_to_num(np.maximum(up, down), nan=0.0, posinf=0.0, neginf=0.0)
    for name, values in (("jump that stays", sizes / (scale * level)), ("wick", wicks / (scale * level))):
        words[(values > 1) & (values > strength)] = name
        strength = np.maximum(strength, values)
    for row, value in _spikes(moves, scale, len(moving)):
        strength[row], words[row] = max(strength[row], value), "spike that returns"
        strength[row + 1], words[row + 1] = 0.0, ""
    return strength, words


def _spikes(moves: NDArray[np.float64], scale: float, moving: int) -> list[tuple[int, float]]:
    """Rows that are a spike, and how many thresholds high."""
    out, back = moves[:-1], moves[1:]
    sizes = np.minimum(np.abs(out), np.abs(back))
    level = (TAIL ** (SPIKE_POWER / 3) * moving / CHANCE) ** (1 / SPIKE_POWER)
    likely = np.flatnonzero((sizes > scale * level) & (out * back < 0) & (np.abs(out + back) < _RETURNS * sizes))
    found = []
    for row in likely.tolist():
        around = np.abs(np.r_[moves[max(row - _NEAR, 0) : row], moves[row + 2 : row + 2 + _NEAR]])
        near = 1.4826 * float(np.median(around)) if len(around) else 0.0
        value = float(sizes[row]) / (max(scale, near) * level)
        if value > 1:
            found.append((row, value))
    return found


def _volume(candles: Candles) -> NDArray[np.float64]:
    """For the row where the unit seems to change: by how much, in thresholds; 0 elsewhere."""
    result = np.zeros(len(candles))
    blocks = len(candles) // BLOCK
    if blocks <= 2 * VOLUME_BLOCKS:
        return result
    with np.errstate(all="ignore"):  # volumes that are not finite or negative are other rules' business
        logs = np.log(candles.volume[: blocks * BLOCK])
    medians = np.median(np.where(np.isfinite(logs), logs, -np.inf).reshape(blocks, BLOCK), axis=1)
    spans = np.lib.stride_tricks.sliding_window_view(medians, VOLUME_BLOCKS)
    left, right = spans[: -VOLUME_BLOCKS - 1], spans[VOLUME_BLOCKS + 1 :]
    with np.errstate(invalid="ignore"):  # markets that trade less than every other candle: nothing is claimed
        rise = np.maximum(right.min(axis=1) - left.max(axis=1), left.min(axis=1) - right.max(axis=1))
    rise[~np.isfinite(rise)] = 0
    strength = rise / log(VOLUME_TIMES)
    for block in np.flatnonzero((strength > 1) & (strength == _highest_near(strength))).tolist():
        result[_where(logs, (block + VOLUME_BLOCKS) * BLOCK)] = strength[block]
    return result


def _highest_near(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The highest of each value and its neighbours a block away: one change is seen from several blocks."""
    padded = np.r_[0.0, values, 0.0]
    highest: NDArray[np.float64] = np.maximum(np.maximum(padded[:-2], padded[2:]), values)
    return highest


def _where(logs: NDArray[np.float64], first: int) -> int:
    """The row from ``first`` on, within a block and its neighbours, at which the level of the volume changes most."""
    part = np.nan_to_num(logs[first - BLOCK : first + 2 * BLOCK], neginf=-50.0, posinf=50.0)
    at = np.arange(5, len(part) - 5)
    change = [abs(float(np.median(part[:row]) - np.median(part[row:]))) for row in at]
    return first - BLOCK + int(at[int(np.argmax(change))])
