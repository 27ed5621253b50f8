"""How each venue is asked for candles: requests, made of its spelling and of what is known about it.

What lives here: the questions, as pure functions from a market record and a window to parameters. What does not: each
venue's spelling (``spellings``), limits and budgets (``facts``), sending (``ccxt_client``), decoding (``parsing``).

Every request names both ends of its window, so pages are independent of each other and of the clock. Only Kraken cannot
be told an end: it answers with all there is since the start, of which its newest 720.
"""

from dataclasses import dataclass

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import facts
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.spellings import TABLE, Dialect, Params

__all__ = [
    "Dialect",
    "Params",
    "Request",
    "candle_request",
    "longest_lasts",
    "longest_request",
    "of",
    "oldest_request",
    "onward_request",
    "rungs",
    "spelling",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One request for candles: ``method`` called with ``params``; ``weight`` is what it costs."""

    method: str
    params: Params
    weight: float


def candle_request(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe, window: Window) -> Request:
    """The request for the candles that open in ``window``.

    Raises:
        ConfigError: the venue has no such timeframe, or no such kind of market.
        ValueError: the window holds more candles than a request brings; some would be left out silently.
    """
    known, dialect = facts.of(venue, kind), of(venue, kind)
    count = window.steps(timeframe.step)
    if count > known.page_limit:
        raise ValueError(f"{window} holds {count} candles of {timeframe}, a page of {venue} {kind} {known.page_limit}")
    params = _head(venue, kind, market, timeframe) | dialect.window_params(window, timeframe.step)
    if "limit" in params:
        # Both ends are said, so a larger limit brings no candle more; a row sent twice then pushes none out of the answer.
        params["limit"] = known.room(count)
    return Request(dialect.method, params, known.weight(count))


def oldest_request(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe) -> Request | None:
    """The request for the oldest candle the venue has; None when the venue cannot be asked that."""
    dialect = of(venue, kind)
    if dialect.oldest_params is None:
        return None
    head = _head(venue, kind, market, timeframe)
    return Request(dialect.method, head | dialect.oldest_params, facts.of(venue, kind).weight(1))


def onward_request(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe, at: Instant) -> Request | None:
    """The request for the first candle that opens at or after ``at``; None when the venue cannot be asked that.

    It is the one for the oldest candle, begun later.
    """
    oldest = oldest_request(venue, kind, market, timeframe)
    if oldest is None:
        return None
    begin = next(name for name in _BEGIN if name in oldest.params)
    return Request(oldest.method, oldest.params | {begin: at}, oldest.weight)


_BEGIN = ("startTime", "start")
"""What venues call the time of the first candle asked for, where they can be asked for the oldest."""


def longest_request(venue: str, kind: str, market: CcxtMarket) -> Request | None:
    """The request for the newest page of the venue's longest candles; None where ``oldest_request`` does better."""
    dialect = of(venue, kind)
    if dialect.longest is None:
        return None
    page = facts.of(venue, kind).page_limit
    return Request(dialect.method, dialect.params(market) | dialect.longest.params, facts.of(venue, kind).weight(page))


def longest_lasts(venue: str, kind: str) -> int:
    """The most milliseconds one of the venue's longest candles lasts; 0 where they are not asked for."""
    longest = of(venue, kind).longest
    return longest.length if longest else 0


def rungs(timeframe: Timeframe) -> list[Timeframe]:
    """Shorter and shorter timeframes down to ``timeframe``, each page of which covers a candle of the one before."""
    return [rung for rung in (Timeframe.D1, Timeframe.H1) if rung > timeframe] + [timeframe]


def of(venue: str, kind: str) -> Dialect:
    """The dialect for ``kind`` of market at ``venue``; ConfigError when either is not known."""
    facts.of(venue, kind)
    return TABLE[venue, kind]


def spelling(venue: str, kind: str, timeframe: Timeframe) -> str:
    """The venue's spelling of ``timeframe``; ConfigError with those it has when it has no such candles."""
    timeframes = of(venue, kind).timeframes
    if timeframe not in timeframes:
        valid = [known.value for known in timeframes]
        raise ConfigError(f"{venue} has no {timeframe} candles", hint=choices(timeframe.value, valid))
    return timeframes[timeframe]


def _head(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe) -> Params:
    dialect = of(venue, kind)
    return dialect.params(market) | {dialect.timeframe_param: spelling(venue, kind, timeframe)}
