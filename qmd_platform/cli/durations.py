"""Lengths of time on the command line: ``7d``, ``24h``, ``90m``.

What lives here: reading and writing them. What does not: instants (``model.window``), timeframes
(``model.timeframe``).
"""

import re
from typing import Any

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_SHAPE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([a-z]?)")
_SECONDS = "give seconds above 0, or a number and a unit: 600, 30s, 10m, 1.5h"
_HINT = "write a number and a unit: 7d, 24h, 90m, 30s"


def duration(text: str, what: str = "duration") -> int:
    """Milliseconds of ``7d``, ``24h``, ``90m``, ``30s``, ``2w`` or ``0``; ConfigError for anything else."""
    found = _SHAPE.fullmatch(text.strip().lower())
    if text.strip().startswith("-"):
        raise ConfigError(f"{what} {text!r} is negative", hint=_HINT)
    if found is None or (found[2] and found[2] not in _UNITS):
        raise ConfigError(f"{what} {text!r} is not a length of time", hint=_HINT)
    if not found[2] and float(found[1]):
        raise ConfigError(f"{what} {text!r} has no unit", hint=_HINT)
    return round(float(found[1]) * _UNITS.get(found[2], 0))


def seconds(text: str) -> float:
    """The seconds of a ``--deadline``: ``600``, ``10m``. ConfigError for what is no length of time, or is not above 0."""
    bare = text.strip()
    try:
        milliseconds = duration(f"{bare}s" if bare.replace(".", "", 1).isdecimal() else bare, "--deadline")
    except ConfigError as error:
        raise ConfigError(str(error), hint=_SECONDS) from None
    if not milliseconds:
        raise ConfigError("--deadline is 0", hint=_SECONDS)
    return milliseconds / 1000


def text_of(milliseconds: int) -> str:
    """The shortest way to write a duration: ``7d``, ``36h``; ``0`` for none."""
    if not milliseconds:
        return "0"
    unit = next((unit for unit, size in _UNITS.items() if unit != "w" and not milliseconds % size), None)
    return f"{milliseconds // _UNITS[unit]}{unit}" if unit else f"{milliseconds / 1000:g}s"


def option_type(option: str) -> Any:  # noqa: ANN401 - click's ParamType of int
    """The click type of an option that takes a duration; refusals name ``option``."""
    return kit.Parsed("duration", lambda text: duration(text, option))
