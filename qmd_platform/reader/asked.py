"""What a read is asked for, checked before anything is opened.

What lives here: names, windows, states, strategies and their contradictions. What does not: reading
(``reader.strategies``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, InstantLike, Window, instant, iso
from qmd_platform.reader.sla import Sla

Snapshot = int | str | datetime | None
"""A state of the lake: a commit's id, a time or a pin's name, a time; None for now."""

OnMissing = Literal["raise", "allow"]

HOW_TO_ALLOW = "pass on_missing='allow'"
"""What a refusal for missing candles says to a caller from Python."""


class Strategy(StrEnum):
    """What a read does about what the lake lacks."""

    FAIL_FAST = "fail_fast"
    AUTO_BACKFILL = "auto_backfill"
    PARTIAL_FILL = "partial_fill"
    SEAMLESS = "seamless"


@dataclass(frozen=True, slots=True)
class Asked:
    """One read. ``state`` is the past it is of, None for now; ``is_pin`` says that it must be a pin of this series.

    ``required`` is the share of the expected rows that must be there in the end.
    """

    series: Series
    window: Window
    strategy: Strategy
    state: int | str | None = None
    is_pin: bool = False
    required: float = 1.0
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
        required=_required(on_missing, chosen, sla),
        sla=sla,
        home=Path(home).expanduser() if home is not None else None,
        now=None if now is None else instant(now, "now"),
        url=url,
    )


def named(market: str | Series, timeframe_: object, start: object, end: object) -> tuple[Series, Window]:
    """The series and the window of a call: ``(market, timeframe, start, end)``, or ``(series, start, end)``.

    Raises:
        ConfigError: one of them cannot be understood.
    """
    is_series = isinstance(market, Series) or _ends_in_timeframe(market)
    if is_series and end is None and timeframe_ is not None:
        timeframe_, start, end = None, timeframe_, start
    if is_series and timeframe_ is None:
        series = market if isinstance(market, Series) else Series.parse(market)
    elif timeframe_ is None:
        raise ConfigError(f"{market} has no timeframe", hint="write binance:BTC/USDT:1m, or pass the timeframe second")
    else:
        series = Series.candles(Market.parse(str(market)), timeframe(str(timeframe_)))
    if not series.is_candles:
        raise ConfigError(f"{series} is no series of candles", hint="read funding with reader.funding")
    return known(series), between(start, end)


def between(start: object, end: object) -> Window:
    """The window of two times; ConfigError when one is missing or is no time."""
    if start is None or end is None:
        raise ConfigError(f"a read needs {'a start' if start is None else 'an end'}", hint="pass start and end")
    return Window(_time(start, "start"), _time(end, "end"))


def _time(given: object, what: str) -> Instant:
    if not isinstance(given, int | str | datetime):
        hint = "give epoch ms, an aware datetime, or ISO text"
        raise ConfigError(f"{what} {given!r} is not a time", hint=hint)
    return instant(given, what)


def known(series: Series) -> Series:
    """The series, if its venue is one we know; ConfigError otherwise."""
    from qmd_platform.venues.facts import known_venue  # noqa: PLC0415 - not at import, which stays cheap

    known_venue(series.venue)
    return series


def _ends_in_timeframe(market: str) -> bool:
    head, _, tail = market.strip().rpartition(":")
    return ":" in head and tail in set(Timeframe)


def _strategy(given: str) -> Strategy:
    return Strategy(one_of(given, list(Strategy), "strategy"))


def one_of(given: str, valid: Iterable[str], what: str) -> str:
    """``given``, if it is one of ``valid``; ConfigError with the choices otherwise."""
    known_ = [str(one) for one in valid]
    if given not in known_:
        raise ConfigError(f"unknown {what} {given!r}", hint=choices(str(given), known_))
    return given


def _state(as_of: Snapshot) -> int | str | None:
    return iso(instant(as_of, "as_of")) if isinstance(as_of, datetime) else as_of


def _required(on_missing: str | None, strategy: Strategy, sla: Sla | None) -> float:
    """The share of rows that must be there: the SLA's, else all of them, unless the caller allows less."""
    if on_missing is not None and on_missing not in ("raise", "allow"):
        raise ConfigError(f"cannot treat missing candles as {on_missing!r}", hint="choose raise or allow")
    if sla is not None and sla.min_coverage is not None:
        if on_missing is not None:
            raise ConfigError("on_missing and the SLA's min_coverage say the same thing twice", hint="give one of them")
        return sla.min_coverage
    if on_missing is None:
        return 0.0 if strategy is Strategy.PARTIAL_FILL else 1.0
    return 1.0 if on_missing == "raise" else 0.0
