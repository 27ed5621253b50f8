"""One HTTP request at a time: sockets, time-outs, and what goes wrong on the wire.

What lives here: an aiohttp session for one client. What does not: URLs and signatures (ccxt makes them), what an
error status means (``taxonomy``), repeating (``retry``).
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from qmd_platform.errors import VenueDown
from qmd_platform.venues.retry import Meter
from qmd_platform.venues.throttle import Pace

if TYPE_CHECKING:
    import aiohttp

USER_AGENT = "qmd-platform"

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
"""Binance's header: the weight this address has used in the current minute, whoever asked."""


UNREACHED = "is the network up, and the address right? QMD_VENUE_URL or --venue-url names a sandbox; without it the venue itself is asked"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``body`` decompressed, ``headers`` found whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Toll:
    """What a request costs whom: ``weight`` of ``bucket``'s budget, counted by ``meter``."""

    bucket: str
    weight: float
    meter: Meter


class Transport:
    """Sends requests, at most ``concurrency`` at once, each when its turn has come."""

    def __init__(
        self, venue: str, pace: Pace, check: Callable[[], None], *, concurrency: int, timeout_seconds: float
    ) -> None:
        """``check`` raises when there is no sense in sending; ``timeout_seconds`` bounds a whole request."""
        self._venue = venue
        self._pace = pace
        self._check = check
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        # Slots are ours, not the connection pool's: a request's time-out must not run while it waits for one.
        self._slots = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def get(self, url: str, headers: Mapping[str, str], toll: Toll) -> Answer:
        """The answer to GET ``url``, whatever its status.

        Raises:
            VenueDown: there was none: time-out, refused or cut connection, a body cut short or badly compressed.
            RuntimeError: the transport is closed; asking it is a mistake in our code.
        """
        async with self._slots:
            toll.meter.waited(await self._pace.turn(toll.bucket, toll.weight, self._check))
            toll.meter.request()
            answer = await self._sent(url, headers)
        toll.meter.answer(len(answer.body))
        await self._corrected(toll.bucket, answer.headers)
        return answer

    async def _corrected(self, bucket: str, headers: Mapping[str, str]) -> None:
        """Heed what the venue counts itself (Binance, by the minute of its own clock)."""
        used = headers.get(USED_WEIGHT, "")
        if used.isdecimal():
            date = parsedate(headers.get("Date", ""))
            await self._pace.used(bucket, float(used), 60.0 - (date[5] if date else 0))

    async def _sent(self, url: str, headers: Mapping[str, str]) -> Answer:
        import aiohttp  # noqa: PLC0415 - 0.2 s, paid by the first request and not by who imports the client
        from yarl import URL  # noqa: PLC0415 - comes with aiohttp

        if self._is_closed:
            raise RuntimeError(f"the client of {self._venue} is closed and was asked for {url}")
        if self._session is None:
            self._session = self._opened(url)
        try:
            async with self._session.get(URL(url, encoded=True), headers=headers) as response:
                return Answer(response.status, response.headers, await response.read())
        except TimeoutError:
            raise VenueDown(self._venue, f"no answer within {self._timeout_seconds:g} s: {url}") from None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise VenueDown(
                self._venue, f"cannot be reached at {url}: {error or type(error).__name__}", hint=UNREACHED
            ) from error

    def _opened(self, url: str) -> "aiohttp.ClientSession":
        """A session for ``url`` and those after it: one client talks to the venue's hosts, or to what replaces them."""
        import aiohttp  # noqa: PLC0415 - see _sent

        seconds = self._timeout_seconds
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency),
            # total alone leaves reading from a silently dead connection to the system's time-out
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds, sock_read=seconds),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
            trust_env=uses_environment(url),
        )
        # aiohttp would silently send a GET again after a reset; that is the retry layer's business, and it counts.
        session._retry_connection = False  # noqa: SLF001 - there is no public switch; its own test client sets it too
        return session

    async def close(self) -> None:
        """Give back sockets. May be called twice."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def uses_environment(url: str) -> bool:
    """Whether HTTP_PROXY and its kin, and .netrc, apply to ``url``: always, except on this machine (a sandbox)."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def rehosted(url: str, host: str) -> str:
    """``url`` with its scheme and host replaced by those of ``host``; the path stays, below ``host``'s own if any."""
    there, here = urlsplit(host), urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + here.path, here.query, ""))
