"""What an answer or a failure means: which of our errors it is.

What lives here: the mapping, pure. HTTP status and body come first, ccxt's class second: ccxt calls a 403 and a 404
"not available", which would be tried again for ever. OKX, Bybit and Kraken say what is wrong with status 200, in the
body. What does not: acting on an error (``retry``), sending (``transport``), candles older than Kraken serves, which only
the rows of its answer tell (``paging``).

| error | triggers | what the retry layer does |
|---|---|---|
| ``Banned`` | 418, Bybit's 403 "access too frequent" | stops all work for the venue |
| ``Throttled`` | 429, Bitfinex 11010, ccxt RateLimitExceeded, DDoSProtection | waits, all requests; no try used |
| ``BeyondHistory`` | Gate "too long ago" | none: older is no use |
| ``UnknownMarket`` | ccxt BadSymbol, Kraken "Unknown asset pair", Bybit "symbol invalid" | none |
| ``VenueDown`` | 5xx, 408, 425, cut or unparsable answers, time-outs, ccxt OperationFailed, an unknown code with 200 | tries again |
| ``Refused`` | other 4xx, other ccxt ExchangeError | none |
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from qmd_platform.errors import Banned, BeyondHistory, Refused, Throttled, UnknownMarket, VenueDown, VenueError
from qmd_platform.venues import facts

TEAPOT = HTTPStatus.IM_A_TEAPOT
"""418: Binance's answer to an address it has banned for not heeding 429."""

FAILURE = 300
"""Statuses from here on are not a success."""


class _Said(msgspec.Struct, gc=False):
    """Where the venues that fail with status 200 say so: OKX, Bybit, Kraken."""

    code: str | int = 0
    retCode: str | int = 0  # noqa: N815 - the venue's own key
    error: list[str] = []


_said = msgspec.json.Decoder(_Said)
_WELL = frozenset({0, "0"})
_NO_SUCH_MARKET = (b"unknown asset pair", b"symbol invalid", b"invalid symbol")
"""Words for an unknown market that ccxt's tables lack (Kraken; Bybit)."""
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_PLACES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})
_SHOWN = 200

_BY_CCXT_CLASS: tuple[tuple[str, type[VenueError]], ...] = (
    ("BadSymbol", UnknownMarket),
    ("RateLimitExceeded", Throttled),
    ("DDoSProtection", Throttled),
    ("OperationFailed", VenueDown),
    ("ExchangeError", Refused),
)
"""ccxt's classes by name, the first that matches an error's class or one of its bases."""


def of_answer(venue: str, status: int, headers: Mapping[str, str], body: bytes) -> VenueError | None:
    """What status and body alone say; None when they say nothing or all is well."""
    if status == TEAPOT or (status == HTTPStatus.FORBIDDEN and b"access too frequent" in body[:500]):
        return Banned(venue, f"banned: {shown(body)}", retry_after=_wait(headers, facts.VENUES[venue].ban_seconds))
    if status == HTTPStatus.TOO_MANY_REQUESTS or b'["error",11010' in body[:40].replace(b" ", b""):
        return throttled(venue, f"too many requests: {shown(body)}", headers)
    if status >= FAILURE and b"too long ago" in body[:500]:
        return BeyondHistory(venue, f"serves no candles this old: {shown(body)}")
    return None


def is_refusal(status: int, body: bytes) -> bool:
    """Whether the venue says that something went wrong: by the status, or in the body of a success."""
    if status >= FAILURE:
        return True
    if body[:1] != b"{":
        return False
    try:
        said = _said.decode(body)
    except msgspec.MsgspecError:
        return False  # not the shape of a refusal; the decoder says what it is instead
    return said.code not in _WELL or said.retCode not in _WELL or bool(said.error)


def of_words(venue: str, body: bytes) -> VenueError | None:
    """What the text of a refusal says that ccxt's tables do not know; None when it says nothing."""
    if any(words in body[:500].lower() for words in _NO_SUCH_MARKET):
        return UnknownMarket(venue, f"does not know the market: {shown(body)}")
    return None


def of_ccxt(venue: str, error: BaseException, status: int, headers: Mapping[str, str]) -> VenueError | None:
    """What ccxt's class says about a failed answer.

    None when it is ccxt's most general class, which says less than the status.
    """
    classes = [one.__name__ for one in type(error).__mro__]
    if classes[0] == "ExchangeError":
        return None
    ours = next((ours for name, ours in _BY_CCXT_CLASS if name in classes), None)
    if ours is None:
        return None
    said = f"{classes[0]} (HTTP {status}): {str(error)[:_SHOWN]}"
    return throttled(venue, said, headers) if ours is Throttled else ours(venue, said)


def of_status(venue: str, status: int, body: bytes) -> VenueError | None:
    """What is left to say by the status alone; None when it is a success."""
    if status < FAILURE:
        return None
    said = f"HTTP {status}: {shown(body)}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
        return VenueDown(venue, said)
    hint = "the venue refuses this place; it cannot be reached from here" if status in _PLACES else None
    return Refused(venue, said, hint=hint)


def unheard_of(venue: str, body: bytes) -> VenueError:
    """A success whose body says otherwise, in a code nobody knows. Trying again ends; a mistaken "never" would not."""
    return VenueDown(venue, f"says that something is wrong: {shown(body)}")


def throttled(venue: str, said: str, headers: Mapping[str, str]) -> Throttled:
    """A refusal for speed, with the wait the venue names or the usual one of the venue."""
    return Throttled(venue, said, retry_after=_wait(headers, facts.VENUES[venue].throttle_seconds))


def shown(body: bytes) -> str:
    """The beginning of a body, on one line, for a message."""
    text = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
    return (text or "an empty answer") + ("..." if len(body) > _SHOWN else "")


def _wait(headers: Mapping[str, str], usual: float) -> float:
    """Retry-After in seconds; ``usual`` when it is absent, negative or a date (no venue we know sends one)."""
    try:
        seconds = float(headers.get("Retry-After", usual))
    except ValueError:
        return usual
    return seconds if 0 <= seconds < float("inf") else usual
