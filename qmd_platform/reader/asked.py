"""What a read is asked for, checked before anything is opened.

What lives here: names, windows, states, strategies and their contradictions. What does not: reading
(``reader.strategies``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import index
from pathlib import Path
from typing import Literal, cast

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant, InstantLike, Window, instant, iso
from qmd_platform.reader.names import parted
from qmd_platform.reader.sla import Sla

Snapshot = InstantLike | None
"""A state of the lake: a commit's id, a time or a pin's name, a time; None for now."""

OnMissing = Literal["raise", "allow"]

HOW_TO_ALLOW = "pass on_missing='allow'"
"""What a refusal for missing candles says to a caller from Python."""


_FIRST = 1_230_768_000_000
"""2009 in epoch ms: nothing was traded before. What is written as a smaller number is seconds."""

_YEAR_1, _YEAR_9999 = -62_135_596_800_000, 253_402_214_400_000
"""The first day of the one and the last of the other, in epoch ms: what can be written as a date."""


class Strategy(StrEnum):
    """What a read does about what the lake lacks."""

    FAIL_FAST = "fail_fast"
    AUTO_BACKFILL = "auto_backfill"
    PARTIAL_FILL = "partial_fill"
    SEAMLESS = "seamless"


@dataclass(frozen=True, slots=True)
class Asked:
    """One read. ``state`` is the past it is of, None for now; ``is_pin`` says that it must be a pin of this series.

    ``required`` is the share of the expected rows that must be there in the end; who ``is_content`` is told that they
    are not, and given what is there.
    """

    series: Series
    window: Window
    strategy: Strategy
    state: int | str | None = None
    is_pin: bool = False
    required: float = 1.0
    is_content: bool = False
    sla: Sla | None = None
    home: Path | None = None
    now: Instant | None = None
    url: str | None = None

    @property
    def on_violation(self) -> str:
        """What follows when it is not met."""
        return self.sla.on_violation if self.sla else "raise"


def asked(
    series: Series,
    window: Window,
    *,
    default: Strategy,
    strategy: str | None = None,
    on_missing: str | None = None,
    as_of: Snapshot,
    pin: str | None,
    sla: Sla | None = None,
    home: Path | str | None,
    now: InstantLike | None,
    url: str | None = None,
) -> Asked:
    """The read of these arguments (see ``reader.read``); ``default`` is the strategy of who names none.

    Raises:
        ConfigError: an argument cannot be meant, or two contradict each other.
    """
    if as_of is not None and pin is not None:
        raise ConfigError("as_of and pin both say which state of the lake to read", hint="give one of them")
    is_past = as_of is not None or pin is not None
    chosen = _strategy(strategy) if strategy else (Strategy.FAIL_FAST if is_past else default)
    if is_past and chosen is not Strategy.FAIL_FAST:
        hint = "leave strategy out, or pass 'fail_fast'"
        raise ConfigError(f"strategy {chosen.value!r} cannot fill the past: it stays what it was", hint=hint)
    if chosen is Strategy.PARTIAL_FILL and sla is not None and sla.on_violation == "hold":
        raise ConfigError("partial_fill gives what is there at once, and cannot hold", hint="choose auto_backfill")
    return Asked(
        series,
        window,
        chosen,
        state=pin if pin is not None else _state(as_of),
        is_pin=pin is not None,
        required=_required(on_missing, sla),
        is_content=chosen is Strategy.PARTIAL_FILL and on_missing is None and (sla is None or sla.min_coverage is None),
        sla=sla,
        home=Path(home).expanduser() if home is not None else None,
        now=None if now is None else _time(now, "now"),
        url=url,
    )


def named(market: str | Market | Series, timeframe_: object, start: object, end: object) -> tuple[Series, Window]:
    """The series and the window of a call: ``(market, timeframe, start, end)``, or ``(series, start, end)``.

    Raises:
        ConfigError: one of them cannot be understood.
    """
    series, start, end = parted(market, timeframe_, start, end)
    if not series.is_candles:
        raise ConfigError(f"{series} is no series of candles", hint="read funding with reader.funding")
    return known(series), between(start, end)


def between(start: object, end: object) -> Window:
    """The window of two times; ConfigError when one is missing or is no time."""
    if start is None or end is None:
        raise ConfigError(f"a read needs {'a start' if start is None else 'an end'}", hint="pass start and end")
    return Window(_time(start, "start"), _time(end, "end"))


def _time(given: object, what: str) -> Instant:
    if isinstance(given, bool):
        raise ConfigError(
            f"{what} {given!r} is not a time", hint="give epoch ms, an aware datetime, ISO text or a date"
        )
    at = instant(cast("InstantLike", given), what)
    if not _YEAR_1 <= at <= _YEAR_9999:
        raise ConfigError(f"{what} {given} is in no year", hint="give epoch ms, not micro- or nanoseconds")
    if hasattr(given, "__index__") and 0 < at < _FIRST:
        raise ConfigError(f"{what} {given} is in {iso(at)[:4]}", hint="give epoch ms: this looks like seconds")
    return at


def known(series: Series) -> Series:
    """The series, if its venue is one we know; ConfigError otherwise."""
    from qmd_platform.venues.facts import known_venue  # noqa: PLC0415 - not at import, which stays cheap

    known_venue(series.venue)
    return series


def _strategy(given: str) -> Strategy:
    return Strategy(one_of(given, list(Strategy), "strategy"))


def one_of(given: str, valid: Iterable[str], what: str) -> str:
    """``given``, if it is one of ``valid``; ConfigError with the choices otherwise."""
    known_ = [str(one) for one in valid]
    if given not in known_:
        raise ConfigError(f"unknown {what} {given!r}", hint=choices(str(given), known_))
    return given


def _state(as_of: Snapshot) -> int | str | None:
    if as_of is None or isinstance(as_of, str):
        return as_of
    return index(as_of) if hasattr(as_of, "__index__") else iso(instant(as_of, "as_of"))


def _required(on_missing: str | None, sla: Sla | None) -> float:
    """The share of rows that must be there: the SLA's, else all of them, unless the caller allows less."""
    if on_missing is not None and on_missing not in ("raise", "allow"):
        raise ConfigError(f"cannot treat missing candles as {on_missing!r}", hint="choose raise or allow")
    if sla is not None and sla.min_coverage is not None:
        if on_missing is not None:
            raise ConfigError("on_missing and the SLA's min_coverage say the same thing twice", hint="give one of them")
        return sla.min_coverage
    return 0.0 if on_missing == "allow" else 1.0
