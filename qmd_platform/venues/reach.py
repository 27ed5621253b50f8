"""Whether a venue answers at all: for ``qmd doctor``, before anything else is set up.

What lives here: one plain request to a venue's clock, without ccxt, retries or an event loop, so that it works when
those do not. What does not: fetching anything that is kept.
"""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qmd_platform.errors import BadPage
from qmd_platform.model.window import Instant
from qmd_platform.venues import facts, listing, taxonomy
from qmd_platform.venues.transport import USER_AGENT, rehosted, uses_environment

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class Reach:
    """What one request to a venue's clock showed.

    Attributes:
        venue: which venue.
        url: what was asked.
        is_reachable: whether it answered with its time.
        latency_ms: from asking to the whole answer, connecting included; None without an answer.
        clock_skew_ms: the venue's clock minus ours, negative when ours is ahead; None without a time. Venues whose
            clock is HTTP's tell whole seconds only, cut off, so up to -1000 says nothing there.
        error: why it is not reachable, in words; "" when it is.
    """

    venue: str
    url: str
    is_reachable: bool
    latency_ms: float | None = None
    clock_skew_ms: float | None = None
    error: str = ""


def ping(venue: str, venue_url: str | None = None, *, timeout_seconds: float = 5.0) -> Reach:
    """Ask ``venue`` (or the server in its place) for its time, once.

    Raises:
        ConfigError: no such venue.
    """
    import requests  # noqa: PLC0415 - 0.1 s, and only the doctor asks this way

    known = facts.VENUES[facts.known_venue(venue)]
    url = rehosted(known.clock_url, venue_url) if venue_url else known.clock_url
    asked_at, began = _now_ms(), time.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = uses_environment(url)
            response = session.get(url, timeout=timeout_seconds, headers={"User-Agent": USER_AGENT})
    except requests.Timeout:
        return Reach(venue, url, is_reachable=False, error=f"no answer within {timeout_seconds:g} s")
    except requests.RequestException as error:
        return Reach(venue, url, is_reachable=False, error=_in_words(error, url))
    latency_ms = (time.monotonic() - began) * 1000
    if response.status_code >= taxonomy.FAILURE:
        said = f"HTTP {response.status_code}: {taxonomy.shown(response.content)}"
        return Reach(venue, url, is_reachable=False, latency_ms=latency_ms, error=said)
    try:
        venue_time = listing.clock(venue, response.headers.get("Date", ""), response.content)
    except BadPage as error:
        return Reach(venue, url, is_reachable=False, latency_ms=latency_ms, error=error.message)
    # The answer was made about half-way between asking and having it.
    skew = venue_time - (asked_at + latency_ms / 2)
    return Reach(venue, url, is_reachable=True, latency_ms=latency_ms, clock_skew_ms=skew)


def _in_words(error: "requests.RequestException", url: str) -> str:
    """The cause in a few words: the library's own text is its whole chain of objects."""
    import requests  # noqa: PLC0415 - see ping

    by_proxy = isinstance(error, requests.exceptions.ProxyError)
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"cannot resolve {'the proxy' if by_proxy else urlsplit(url).hostname}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"connection refused{' by the proxy' if by_proxy else ''}"
    said = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return said[-1] if said else type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` and what it was raised from or for, the outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _now_ms() -> Instant:
    return time.time_ns() // 1_000_000
