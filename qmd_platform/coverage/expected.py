"""Which candles can exist: closed by the venue's clock, listed. Pure.

What lives here: the closed-candle rule, in one place. Not here: asking the venue for its clock (``venues``).
"""

from qmd_platform.model.window import Instant, Window

SETTLE_MS = 2_000
"""Milliseconds after a candle's end before it may be taken: venues print late trades and their servers differ."""


def closed_before(venue_time: Instant, step: int, settle_ms: int = SETTLE_MS) -> Instant:
    """The exclusive end of what may be stored: a candle needs ``open_at + step + settle <= venue_time``."""
    return (venue_time - settle_ms) // step * step


def expected(window: Window, step: int, venue_time: Instant, settle_ms: int = SETTLE_MS) -> Window | None:
    """The part of ``window`` whose candles are on the grid and closed; None when there are none."""
    closed = closed_before(venue_time, step, settle_ms)
    snapped = window.snapped(step)
    if snapped is None or snapped.start >= closed:
        return None
    return Window(snapped.start, min(snapped.end, closed))
