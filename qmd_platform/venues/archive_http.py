"""Downloads from an archive: one GET at a time, never more bytes than a file may have.

What lives here: an aiohttp session and what goes wrong on the wire, as ``transport`` is for the API. What does not:
names of files (``archive_facts``), what is inside them (``archive_zip``), repeating (``retry``).

No budget is spent: the files lie with a content network, not with the venue's API. What it asks to wait is waited.
"""

import asyncio
import ssl
from typing import TYPE_CHECKING

from qmd_platform.errors import ArchiveAbsent, ArchiveDamaged, VenueDown
from qmd_platform.venues import taxonomy
from qmd_platform.venues.retry import Meter
from qmd_platform.venues.transport import USER_AGENT, uses_environment

if TYPE_CHECKING:
    import aiohttp

_CHUNK = 1 << 16
_ABSENT = 404
_MOST_OF_A_REFUSAL = 4096
"""Bytes of an error's body that are read: enough for its message."""

_AGAIN = {"Cache-Control": "no-cache"}
"""Asked of caches on the way when what they gave does not fit together."""


class Downloads:
    """Bodies by URL, at most ``concurrency`` at once."""

    def __init__(self, venue: str, *, concurrency: int, timeout_seconds: float) -> None:
        """``timeout_seconds`` bounds a whole download."""
        self._venue = venue
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        # Slots are ours, not the connection pool's: a download's time-out must not run while it waits for one.
        self._slots = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def get(self, url: str, meter: Meter, *, most_bytes: int, is_fresh: bool = False) -> bytes:
        """The body at ``url``. ``is_fresh`` asks caches on the way for what the origin has now.

        Raises:
            ArchiveAbsent: 404.
            ArchiveDamaged: it is larger than ``most_bytes``; the rest is not read.
            VenueDown: no answer, a 5xx, or a body cut short.
            Throttled, Refused: as ``taxonomy`` reads the status.
            RuntimeError: closed already; asking is a mistake in our code.
        """
        async with self._slots:
            meter.request()
            return await self._got(url, meter, most_bytes, _AGAIN if is_fresh else {})

    async def _got(self, url: str, meter: Meter, most_bytes: int, headers: dict[str, str]) -> bytes:
        import aiohttp  # noqa: PLC0415 - 0.2 s, paid by the first download and not by who imports the archive

        try:
            async with self._opened(url).get(url, headers=headers) as answer:
                is_good = answer.status < taxonomy.FAILURE
                body = await self._read(answer, most_bytes if is_good else _MOST_OF_A_REFUSAL, meter)
                if not is_good:
                    self._refuse(url, answer, body)
        except TimeoutError:
            raise VenueDown(self._venue, f"no whole file within {self._timeout_seconds:g} s: {url}") from None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise VenueDown(self._venue, f"{type(error).__name__}: {error}: {url}") from error
        if len(body) > most_bytes:
            raise ArchiveDamaged(self._venue, f"{url} has more than {most_bytes} bytes")
        return body

    @staticmethod
    async def _read(answer: "aiohttp.ClientResponse", most_bytes: int, meter: Meter) -> bytes:
        """The body, or at least one byte too much of it."""
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_chunked(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > most_bytes:
                break
        meter.answer(size)
        return b"".join(parts)

    def _refuse(self, url: str, answer: "aiohttp.ClientResponse", body: bytes) -> None:
        if answer.status == _ABSENT:
            raise ArchiveAbsent(self._venue, f"has no {url} (yet)")
        error = taxonomy.of_answer(self._venue, answer.status, answer.headers, body)
        error = error or taxonomy.of_status(self._venue, answer.status, body)
        if error is not None:
            raise error

    def _opened(self, url: str) -> "aiohttp.ClientSession":
        import aiohttp  # noqa: PLC0415 - see _got

        if self._is_closed:
            raise RuntimeError(f"the archive of {self._venue} is closed and was asked for {url}")
        if self._session is None:
            seconds = self._timeout_seconds
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._concurrency),
                # total alone leaves reading from a silently dead connection to the system's time-out
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds, sock_read=seconds),
                # A zip is compressed already, and its checksum is that of the bytes as they lie there.
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                trust_env=uses_environment(url),
            )
            # Repeating is the retry layer's business, and it counts (see transport).
            self._session._retry_connection = False  # noqa: SLF001 - there is no public switch
        return self._session

    async def close(self) -> None:
        """Give back sockets. May be called twice."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()
