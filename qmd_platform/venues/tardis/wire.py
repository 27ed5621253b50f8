"""Asking Tardis: one session, its key, its refusals, retries.

What lives here: what a status means, and the loop around a request. What does not: files (``downloads``), what the API says
(``api``), tardis-machine, which has its own key (``machine``).

The key is in ``TARDIS_API_KEY`` and sent as a bearer token (docs.tardis.dev/api/http-api-reference, read on 2026-11-21). A key
is never shown.
"""

import os
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar

from qmd_platform.errors import ArchiveAbsent, Refused, Throttled, VenueDown, VenueError
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.retry import Meter, Patience, Retry
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.taxonomy import FAILURE, shown
from qmd_platform.venues.throttle import Pace
from qmd_platform.venues.transport import USER_AGENT, rehosted, uses_environment

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

KEY = "TARDIS_API_KEY"
"""The environment's name for the key."""
THROTTLE_SECONDS = 60.0
"""The wait after a 429 that names none (tardis-python, tardis_dev/_http.py)."""

_BUCKET = "tardis"
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_MOST_OF_A_REFUSAL = 4096


class Wire:
    """The way to Tardis's servers. One instance belongs to one event loop; use it as an async context manager."""

    def __init__(
        self,
        *,
        key: str | None = None,
        url: str | None = None,
        patience: Patience | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """A way to Tardis.

        Args:
            key: the key; ``TARDIS_API_KEY`` when not given, else none.
            url: a server in Tardis's place (a sandbox).
            patience: how long to keep trying.
            timeout_seconds: how long no byte may come.
        """
        self.traffic = Traffic()
        self._key = key or os.environ.get(KEY) or ""
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._pace = Pace(NAME, {})
        # Jitter only has to differ between processes; nobody gains by guessing it.
        self._retry = Retry(NAME, self._pace, patience or Patience(), random.Random())  # noqa: S311
        self._meter = Meter(self.traffic)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def asked(self, url: str, read: Callable[["aiohttp.ClientResponse", Meter], Awaitable[T]]) -> T:
        """What ``read`` makes of the answer to a GET of ``url``, asked again where that may help.

        Raises:
            Refused: 401 (no key, or one that does not reach so far), or another refusal for good.
            ArchiveAbsent: 404.
            VenueDown: no whole answer after the last try.
        """

        async def once() -> T:
            self._meter.waited(await self._pace.turn(_BUCKET, 1, self._retry.check))
            self._meter.request()
            async with self._opened(url) as answer:
                if answer.status >= FAILURE:
                    raise self._refusal(
                        url, answer.status, answer.headers, await answer.content.read(_MOST_OF_A_REFUSAL)
                    )
                return await read(answer, self._meter)

        return await self._retry.answer(once, self._meter)

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator["aiohttp.ClientResponse"]:
        import aiohttp  # noqa: PLC0415 - 0.2 s, paid by the first request and not by who imports this

        where = rehosted(url, self._url) if self._url else url
        if self._session is None:
            seconds = self._timeout_seconds
            headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds),
                headers=headers,
                # A data set is a packed file, and kept as it is.
                auto_decompress=False,
                trust_env=uses_environment(where),
            )
            self._session._retry_connection = False  # noqa: SLF001 - there is no public switch; repeating is ``Retry``'s
        try:
            # Neither the key nor anything else is sent on to where an answer points.
            async with self._session.get(where, allow_redirects=False) as answer:
                yield answer
        except TimeoutError:
            raise VenueDown(NAME, f"nothing came for {self._timeout_seconds:g} s: {url}") from None
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
            raise VenueDown(NAME, f"{type(error).__name__}: {error}: {url}") from error

    def _refusal(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> VenueError:
        said = f"HTTP {status}: {shown(body)}: {url}"
        if status == HTTPStatus.UNAUTHORIZED:
            whose = (
                f"the key in {KEY} is not valid, or does not reach so far"
                if self._key
                else f"there is no key; set {KEY}"
            )
            return Refused(NAME, said, hint=f"{whose}. The first day of each month is free without one")
        if status == HTTPStatus.NOT_FOUND:
            return ArchiveAbsent(NAME, f"has no {url} (yet)", hint="`qmd tardis exchanges` says from when until when")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(NAME, said, retry_after=_wait(headers))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
            return VenueDown(NAME, said)
        return Refused(NAME, said)


def _wait(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds; ``THROTTLE_SECONDS`` where it is absent or no number of seconds."""
    try:
        seconds = float(headers.get("Retry-After", THROTTLE_SECONDS))
    except ValueError:
        return THROTTLE_SECONDS
    return seconds if 0 <= seconds < float("inf") else THROTTLE_SECONDS
