"""Numbers as a desk reads them: few digits, a real minus, the unit beside it. Pure.

What lives here: numbers and instants to text. What does not: what they mean. Nothing known is a dash, never a zero.
"""

import math
from datetime import UTC, datetime

from qmd_platform.funding.annual import HOURS_PER_YEAR
from qmd_platform.model.window import Instant

NOTHING = "\N{EN DASH}"
"""What stands for a number nobody knows."""

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_CENTS_FROM = 10_000
"""From so much on a price has two digits behind the point; below it six in all."""

_DAYS_FROM = 72.0
"""From so many hours on a time is told in days."""


def is_known(value: float | None) -> bool:
    """Whether there is a number."""
    return value is not None and not math.isnan(value)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """``-1,234.50``, with a minus sign; ``sign`` also for positive ones. Infinite is ``∞``."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    rounded = round(value, digits) or 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign else ''},.{digits}f}".replace("-", MINUS)


def percent(fraction: float | None, digits: int = 2) -> str:
    """``12.34 %`` of a fraction."""
    said = number(None if fraction is None else 100 * fraction, digits)
    return said if said == NOTHING else f"{said} %"


def yearly(per_hour: float | None) -> float | None:
    """A fraction an hour as a simple fraction a year."""
    return None if per_hour is None else per_hour * HOURS_PER_YEAR


def bps(fraction: float | None, digits: int = 4) -> str:
    """A fraction in basis points, without the unit."""
    return number(None if fraction is None else 10_000 * fraction, digits)


def rate(fraction: float | None) -> str:
    """A settled rate as venues write it, to the eighth place of the fraction: ``0.0100 %``, ``0.012345 %``."""
    whole, point, places = percent(fraction, 6).removesuffix(" %").partition(".")
    return f"{whole}.{places.rstrip('0'):0<4} %" if point else whole


def price(value: float | None) -> str:
    """Six significant digits or what there is before the point; no exponent."""
    if value is None or not math.isfinite(value):
        return NOTHING
    is_large = abs(value) >= _CENTS_FROM or value == 0
    return number(value, 2 if is_large else max(5 - math.floor(math.log10(abs(value))), 0))


def hours(value: float | None) -> str:
    """``8 h``, ``5.2 h``, ``7.3 d``; ``never`` where it is infinite."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "never"
    if abs(value) >= _DAYS_FROM:
        return f"{number(value / 24, 1)} d"
    return f"{number(value, 1).removesuffix('.0')} h"


def interval(value: float | None) -> str:
    """A funding interval: ``8h``."""
    return NOTHING if value is None or math.isnan(value) else f"{value:g}h"


def span(milliseconds: int) -> str:
    """A time that has passed: ``12 min``, ``5.2 h``, ``7.3 d``."""
    if abs(milliseconds) < HOUR_MS:
        return f"{number(milliseconds / 60_000, 0)} min"
    return hours(milliseconds / HOUR_MS)


def minute(at: Instant | None) -> str:
    """``2026-11-21 16:00``, UTC."""
    return NOTHING if at is None else _moment(at).strftime("%Y-%m-%d %H:%M")


def short_minute(at: Instant | None) -> str:
    """``11-21 16:00``, UTC."""
    return NOTHING if at is None else _moment(at).strftime("%m-%d %H:%M")


def day(at: Instant) -> str:
    """``11-21``."""
    return _moment(at).strftime("%m-%d")


def _moment(at: Instant) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
