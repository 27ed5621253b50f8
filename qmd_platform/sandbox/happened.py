"""What events do to candles: minutes silenced or restated, candles the API lost.

What lives here: columns in, columns out. What does not: the events themselves (``events``), prices (``market``).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox.columns import TOTALS, Trading
from qmd_platform.sandbox.events import Events


def silenced(rows: Trading, events: Events, close_before: Callable[[Instant], int]) -> Trading:
    """Minutes with every silence in them: left out, or flat at the close before the silence; none while it was delisted."""
    if events.away is not None:
        rows = rows.take(~_inside(rows, events.away))
    for silence in events.silences:
        mute = _inside(rows, silence.window)
        if not mute.any():
            continue
        rows = _flat(rows, mute, close_before(silence.window.start)) if silence.flat else rows.take(~mute)
    return rows


def restated(rows: Trading, events: Events, now: Instant) -> Trading:
    """Minutes with every restatement that is known at ``now``. A price never falls below one tick."""
    for one in events.restatements:
        if now < one.since:
            continue
        by = np.where(_inside(rows, one.window), one.ticks, 0)
        rows = replace(
            rows,
            open=np.maximum(rows.open + by, 1),
            high=np.maximum(rows.high + by, 1),
            low=np.maximum(rows.low + by, 1),
            close=np.maximum(rows.close + by, 1),
        )
    return rows


def without_holes(rows: Trading, events: Events, step: int) -> Trading:
    """Candles of ``step`` ms without those the API has lost."""
    for hole in events.holes:
        if hole.timeframe.step == step:
            rows = rows.take(~_inside(rows, hole.window))
    return rows


def _flat(rows: Trading, mute: NDArray[np.bool_], close: int) -> Trading:
    prices = (np.where(mute, close, getattr(rows, name)) for name in ("open", "high", "low", "close"))
    totals = (np.where(mute, 0, getattr(rows, name)) for name in TOTALS)
    return Trading(rows.open_at, *prices, *totals)


def _inside(rows: Trading, window: Window) -> NDArray[np.bool_]:
    return np.asarray((rows.open_at >= window.start) & (rows.open_at < window.end))
