"""Which series a call means: a market and a timeframe, or both in one text.

What lives here: telling a timeframe that is wrong, or was forgotten, from a time. What does not: how markets and series are
written (``model.series``), times and windows (``reader.asked``).
"""

import re

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe, timeframe

_TIMEFRAME = re.compile(r"\d+([a-z]|min|hour|day|week|month)s?", re.IGNORECASE)
"""What can only be meant as a timeframe, known or not: no time, and no coin that a perpetual settles in."""


def parted(
    market: str | Market | Series, timeframe_: object, start: object, end: object
) -> tuple[Series, object, object]:
    """The series of ``(market, timeframe, start, end)`` or ``(series, start, end)``, and the two times.

    Raises:
        ConfigError: no series is meant by it.
    """
    series = market if isinstance(market, Series) else _written(str(market))
    if series is not None and end is None and timeframe_ is not None:
        timeframe_, start, end = None, timeframe_, start
    if series is not None and timeframe_ is None:
        return series, start, end
    if timeframe_ is None or (end is None and not _TIMEFRAME.fullmatch(str(timeframe_))):
        known = ", ".join(Timeframe)
        hint = f"write {market}:1m, or pass the timeframe second; there are {known}"
        raise ConfigError(f"{market} has no timeframe", hint=hint)
    return Series.candles(Market.parse(str(market)), timeframe(str(timeframe_))), start, end


def _written(text: str) -> Series | None:
    """The series, if the text ends in a timeframe, or in what is meant as one: ConfigError blames that."""
    head, _, tail = text.strip().rpartition(":")
    return Series.parse(text) if ":" in head and _TIMEFRAME.fullmatch(tail) else None
