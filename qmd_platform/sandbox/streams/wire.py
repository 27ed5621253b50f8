"""Single numbers and times as the text a venue prints, and requests read from text.

What lives here: scalars. What does not: pages of rows (``sandbox.text``), any venue's messages.
"""

from decimal import Decimal
from functools import lru_cache

import msgspec

from qmd_platform.model.window import Instant, iso

Json = dict[str, object]
"""A request or an answer."""


def fixed(value: int, digits: int) -> str:
    """``value / 10**digits`` with all its decimals; not negative."""
    if not digits:
        return str(value)
    whole, part = divmod(value, 10**digits)
    return f"{whole}.{part:0{digits}d}"


def trimmed(value: int, digits: int) -> str:
    """``fixed`` without trailing zeros."""
    text = fixed(value, digits)
    return text.rstrip("0").rstrip(".") if digits else text


def times(value: int, digits: int, size: Decimal) -> tuple[int, int]:
    """``value / 10**digits`` times ``size``, exactly: the same as a whole number and its decimals."""
    factor, exponent = _whole(size)
    return value * factor, digits + exponent


@lru_cache(maxsize=256)
def _whole(size: Decimal) -> tuple[int, int]:
    exponent = int(size.as_tuple().exponent)
    return int(size.scaleb(-exponent)), -exponent


def nanoseconds(at: Instant) -> str:
    """``2026-11-20T12:00:00.000000000Z``."""
    return f"{iso(at // 1000 * 1000).removesuffix('Z').partition('.')[0]}.{at % 1000:03d}000000Z"


def request(text: str) -> Json | None:
    """The JSON object in ``text``; None where it holds none."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def printed(value: object) -> str:
    """``value`` as JSON."""
    return msgspec.json.encode(value).decode()


def echoed(asked: Json, *names: str) -> Json:
    """What an answer repeats of the request."""
    return {name: asked[name] for name in names if name in asked}
