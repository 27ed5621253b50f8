"""The sandbox's own doors: ``/__sandbox/...``, for tests and for who plays with it.

What lives here: which request does what to a sandbox, and what is answered. What does not: the venues (``dispatch``).

| request | does |
|---|---|
| ``GET /__sandbox/stats`` | counters since the start or the last reset |
| ``GET /__sandbox/requests`` | requests one by one, oldest first |
| ``POST /__sandbox/reset`` | counters, limits and the fault plan's counting start again |
| ``GET /__sandbox/faults`` | the plan, and how often each fault was met and struck |
| ``POST /__sandbox/faults`` | another plan in its place: TOML or JSON as in a faults file |
| ``POST /__sandbox/listings`` | other listing dates in their place: TOML or JSON as in a listings file |
| ``POST /__sandbox/clock`` | ``{"now": "2026-11-20T12:00:00Z"}``: move the clock that stands still |
| ``POST /__sandbox/advance`` | ``{"seconds": 600}``: let time pass on it, with all that WebSockets say meanwhile |
| ``GET /__sandbox/truth`` | ``market``, ``timeframe``, ``start``, ``end``: the closed candles a lake ought to hold |
| ``GET /__sandbox/settlements`` | ``market``, ``start``, ``end``: the settlements of funding a lake ought to hold |

What is refused changes nothing: status 400, ``error`` says what and where, ``hint`` what to write.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, InstantLike, Window
from qmd_platform.sandbox.exchange import Answer, Query, as_json

PREFIX = "/__sandbox/"
"""Where the paths begin."""
ADVANCE = f"{PREFIX}advance"
"""Lets time pass; not among the doors, because it takes a while."""
MOST_SECONDS = 7 * 86_400
"""The most that passes at once."""
_BODY = "the request"


class Controlled(Protocol):
    """What can be done to a sandbox while it runs."""

    def figures(self) -> Mapping[str, object]:
        """All counters."""
        ...

    def requests(self) -> list[dict[str, object]]:
        """Requests one by one."""
        ...

    def reset(self) -> None:
        """Start counting again."""
        ...

    def faults_met(self) -> list[dict[str, object]]:
        """The fault plan and its counts."""
        ...

    def set_faults(self, text: str, where: str) -> None:
        """Put another fault plan in its place."""
        ...

    def set_listings(self, text: str, where: str) -> None:
        """Put other listing dates in their place."""
        ...

    def move_clock(self, now: InstantLike) -> Instant:
        """Set the clock that stands still."""
        ...

    def truth(self, market: Market, timeframe: Timeframe, window: Window) -> Candles:
        """The candles a lake ought to hold."""
        ...

    def settlements_truth(self, market: Market, window: Window) -> Settlements:
        """The settlements a lake ought to hold."""
        ...


def answer(sandbox: Controlled, method: str, path: str, query: Query, body: bytes) -> Answer:
    """What the sandbox answers for itself."""
    door = _DOORS.get((method, path.removeprefix(PREFIX)))
    if door is None:
        return Answer(as_json({"error": f"nothing at {method} {path}"}), 404)
    try:
        return Answer(as_json(door(sandbox, query, body)))
    except ConfigError as error:
        return refused(error)


def refused(error: ConfigError) -> Answer:
    """What is answered to a request that is not as it must be."""
    return Answer(as_json({"error": error.message, "hint": error.hint}), 400)


def span(body: bytes) -> int:
    """The milliseconds that ``{"seconds": 600}`` says; ConfigError where it says none."""
    hint = 'send {"seconds": 600}'
    try:
        wanted = msgspec.json.decode(body, type=dict[str, float])
    except msgspec.DecodeError as error:
        raise ConfigError(f"{_BODY}: {error}", hint=hint) from None
    if set(wanted) != {"seconds"} or not 0 <= wanted["seconds"] <= MOST_SECONDS:
        raise ConfigError(f"{_BODY} does not say how much time passes", hint=f"{hint}, at most {MOST_SECONDS}")
    return round(wanted["seconds"] * 1000)


def _stats(sandbox: Controlled, query: Query, body: bytes) -> object:
    return sandbox.figures()


def _requests(sandbox: Controlled, query: Query, body: bytes) -> object:
    return sandbox.requests()


def _reset(sandbox: Controlled, query: Query, body: bytes) -> object:
    sandbox.reset()
    return {"reset": True}


def _faults(sandbox: Controlled, query: Query, body: bytes) -> object:
    return sandbox.faults_met()


def _set_faults(sandbox: Controlled, query: Query, body: bytes) -> object:
    sandbox.set_faults(_text(body), _BODY)
    return sandbox.faults_met()


def _set_listings(sandbox: Controlled, query: Query, body: bytes) -> object:
    sandbox.set_listings(_text(body), _BODY)
    return {"set": True}


def _clock(sandbox: Controlled, query: Query, body: bytes) -> object:
    try:
        wanted = msgspec.json.decode(body, type=dict[str, str | int])
    except msgspec.DecodeError as error:
        raise ConfigError(f"{_BODY}: {error}", hint='send {"now": "2026-11-20T12:00:00Z"}') from None
    if set(wanted) != {"now"}:
        raise ConfigError(f"{_BODY} has no time", hint='send {"now": "2026-11-20T12:00:00Z"}')
    return {"now": sandbox.move_clock(wanted["now"])}


def _truth(sandbox: Controlled, query: Query, body: bytes) -> object:
    market, window = _asked(query, "market", "timeframe", "start", "end")
    found = sandbox.truth(market, timeframe(query["timeframe"]), window)
    return {name: getattr(found, name).tolist() for name in COLUMNS}


def _settlements(sandbox: Controlled, query: Query, body: bytes) -> object:
    found = sandbox.settlements_truth(*_asked(query, "market", "start", "end"))
    marks = [None if mark != mark else mark for mark in found.mark.tolist()]  # noqa: PLR0124 - NaN, which JSON has not
    return {"settled_at": found.settled_at.tolist(), "rate": found.rate.tolist(), "mark": marks}


def _asked(query: Query, *names: str) -> tuple[Market, Window]:
    if missing := [name for name in names if name not in query]:
        raise ConfigError(f"{missing[0]} is missing")
    start, end = (int(query[name]) if query[name].isdecimal() else query[name] for name in ("start", "end"))
    return Market.parse(query["market"]), Window.of(start, end)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_BODY}: {error}") from None


_DOORS: dict[tuple[str, str], Callable[[Controlled, Query, bytes], object]] = {
    ("GET", "stats"): _stats,
    ("GET", "requests"): _requests,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _set_faults,
    ("POST", "listings"): _set_listings,
    ("POST", "clock"): _clock,
    ("GET", "truth"): _truth,
    ("GET", "settlements"): _settlements,
}
