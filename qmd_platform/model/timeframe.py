"""A candle's length: as text (``1m``) and as a step in milliseconds.

What lives here: the closed list of timeframes and which are whole multiples of which. Not here: venue
spellings of them (``venues.dialects``).
"""

from enum import StrEnum

from qmd_platform.errors import ConfigError, choices

MINUTE = 60_000
"""Milliseconds in a minute."""


class Timeframe(StrEnum):
    """Candle lengths. All divide a day, so every month is a whole number of candles."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"

    @property
    def step(self) -> int:
        """Length in milliseconds."""
        return _STEPS[self]

    # All four, since str brings its own: with __lt__ alone, 5m > 15m and max() goes by spelling.
    def __lt__(self, other: str) -> bool:
        """Order by length, not by spelling."""
        return self.step < Timeframe(other).step

    def __le__(self, other: str) -> bool:
        """As ``<``."""
        return self.step <= Timeframe(other).step

    def __gt__(self, other: str) -> bool:
        """As ``<``."""
        return self.step > Timeframe(other).step

    def __ge__(self, other: str) -> bool:
        """As ``<``."""
        return self.step >= Timeframe(other).step


_UNITS = {"m": MINUTE, "h": 60 * MINUTE, "d": 1440 * MINUTE}
_STEPS = {t: int(t.value[:-1]) * _UNITS[t.value[-1]] for t in Timeframe}


def timeframe(text: str) -> Timeframe:
    """The timeframe written ``text``; ConfigError with the valid choices otherwise."""
    try:
        return Timeframe(text)
    except ValueError:
        raise ConfigError(f"unknown timeframe {text!r}", hint=choices(text, [t.value for t in Timeframe])) from None
