"""Which venue a path belongs to, and the answer it gets. Pure: no sockets, the time is an argument.

What lives here: the table of venues and the counters' names of endpoints. What does not: bodies on their way out
(``service``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from qmd_platform.model.window import Instant
from qmd_platform.sandbox import (
    archive,
    binance,
    bitfinex,
    bybit,
    derivatives,
    funding_wire,
    gate,
    kraken,
    okx,
    open_interest_wire,
    reference_wire,
    snapshot_wire,
    tardis,
)
from qmd_platform.sandbox.exchange import Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.limits import Verdict


@dataclass(frozen=True, slots=True)
class _Venue:
    """A venue's way of speaking: where its paths begin, what it answers, how it says "too much" and "broken"."""

    name: str
    prefixes: tuple[str, ...]
    answer: Callable[[Exchange, str, Query, Instant], Answer | None]
    throttled: Callable[[], bytes]
    broken: Callable[[], bytes]


VENUES = {
    venue.name: venue
    for venue in (
        _Venue(binance.NAME, binance.PREFIXES, binance.answer, binance.throttled, binance.broken),
        _Venue(gate.NAME, gate.PREFIXES, gate.answer, gate.throttled, gate.broken),
        _Venue(bitfinex.NAME, bitfinex.PREFIXES, bitfinex.answer, bitfinex.throttled, bitfinex.broken),
        _Venue(okx.NAME, okx.PREFIXES, okx.answer, okx.throttled, okx.broken),
        _Venue(bybit.NAME, bybit.PREFIXES, bybit.answer, bybit.throttled, bybit.broken),
        _Venue(kraken.NAME, kraken.PREFIXES, kraken.answer, kraken.throttled, kraken.broken),
    )
}
_OF_DERIVATIVES = (
    *(funding_wire.answer, derivatives.answer, reference_wire.answer),
    *(snapshot_wire.answer, open_interest_wire.answer),
)
"""Who is asked before the venues: what is about funding and contracts' states, of all venues."""

NOBODY = "unknown"
"""The venue of a path that belongs to none."""

_CANDLES = ("/klines", "/candlesticks", "/hist", "/last", "/candles", "/history-candles", "/kline", "/OHLC")
_FUNDING = ("/fundingRate", "/funding/history", "/funding_rate", "/funding-rate-history")


def venue_of(path: str) -> str:
    """The venue whose path this is; ``archive`` and ``tardis`` for what is theirs, ``unknown`` otherwise."""
    if path.startswith(archive.PREFIX):
        return archive.NAME
    if path.startswith(tardis.PREFIXES):
        return tardis.NAME
    return next((venue.name for venue in VENUES.values() if path.startswith(venue.prefixes)), NOBODY)


def weight(path: str, query: Query) -> float:
    """What a request costs of its venue's limit; 1 where the venue counts requests."""
    return binance.weight(path, query) if venue_of(path) == binance.NAME else 1


def refused(venue: str, verdict: Verdict) -> Answer:
    """The refusal for going over a limit, in the venue's words."""
    is_ban = verdict.status == HTTPStatus.IM_A_TEAPOT
    body = banned(venue) if is_ban else VENUES[venue].throttled()
    return Answer(body, verdict.status, {"Retry-After": str(verdict.retry_after)})


def banned(venue: str) -> bytes:
    """The body of a 418; Binance's, which is the one venue that has it, for all."""
    return binance.banned()


def is_candles(path: str) -> bool:
    """Whether the path asks for candles."""
    return path.endswith(_CANDLES) and not derivatives.is_snapshots(path)


def is_funding(path: str) -> bool:
    """Whether the path asks for a history of funding, or of mark, index or premium, whose rows faults treat alike."""
    return path.endswith(_FUNDING) or derivatives.is_snapshots(path) or reference_wire.has_rows(path)


def endpoint(path: str) -> str:
    """The path with what varies replaced by a name, so that counters stay few."""
    if path.startswith(archive.PREFIX):
        return archive.endpoint(path)
    if path.startswith(tardis.PREFIXES):
        return tardis.endpoint(path)
    if path.startswith("/v2/candles/"):
        return "/v2/candles/{key}/" + path.rpartition("/")[2]
    if derivatives.is_snapshots(path):
        return f"{derivatives.PREFIX}{{symbol}}{derivatives.SUFFIX}"
    if path.startswith("/v2/conf/"):
        return "/v2/conf/{config}"
    return path


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer:
    """What goes back for ``path``; 404 with the path in it where nobody knows it."""
    venue = venue_of(path)
    try:
        answers = (ask(exchange, path, query, now) for ask in _OF_DERIVATIVES)
        found = next((one for one in answers if one is not None), None)
        if found is None and venue in VENUES:
            found = VENUES[venue].answer(exchange, path, query, now)
    except Refusal as refusal:
        return refusal.answer
    if found is None:
        return Answer(as_json({"error": f"the sandbox has nothing at {path}"}), 404)
    return found
