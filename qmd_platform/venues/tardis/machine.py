"""tardis-machine: a server of one's own that replays what Tardis recorded, as normalised messages.

What lives here: asking it over HTTP (``/replay-normalized``) or WebSocket (``/ws-replay-normalized``, and
``/ws-stream-normalized`` for what is said now), message by message. What does not: the messages themselves (``messages``),
minutes made of its trade bars (``replayed``). Sources, read on 2026-11-21: docs.tardis.dev/tardis-machine/replaying-historical-data and /streaming-real-time-data; tardis-machine,
src/http/replaynormalized.ts, src/ws.

Facts: the machine has its own key, ``TM_API_KEY``. By default HTTP is on port 8000 and WebSocket on 8001.
"""

import hashlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from qmd_platform.errors import ConfigError, Refused, VenueDown, VenueError
from qmd_platform.model.window import Window, iso
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.tardis.messages import Message, decoded
from qmd_platform.venues.taxonomy import FAILURE, shown
from qmd_platform.venues.transport import USER_AGENT, uses_environment

if TYPE_CHECKING:
    import aiohttp

URL = "TARDIS_MACHINE_URL"
"""The environment's name for the machine's address."""
BARS = "trade_bar_1m"

_CHUNK = 1 << 16
_MOST_OF_A_LINE = 16 << 20
_MOST_OF_A_REFUSAL = 4096
_FINAL = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})
_FINE = 1000
"""The code of a WebSocket that ends because all is said."""


@dataclass(slots=True)
class Wanted:
    """What to ask a machine for.

    Attributes:
        exchange: Tardis's id.
        symbols: as Tardis spells them.
        types: of messages: ``trade``, ``trade_bar_1m``, ``derivative_ticker``, ``book_change``, ``book_snapshot_5_1s``, ...
        window: by the time messages came in, on whole minutes; None for what comes now, over WebSocket only.
        rows, bytes: messages and bytes that came.
        digest: of all that came, in order; hex once it is over.
    """

    exchange: str
    symbols: Sequence[str]
    types: Sequence[str]
    window: Window | None
    rows: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
    digest: str = field(default="", init=False)

    @property
    def options(self) -> str:
        """The question as the machine takes it. Times of disconnection are always asked for."""
        wanted: dict[str, object] = {
            "exchange": self.exchange,
            "symbols": list(self.symbols),
            "dataTypes": list(self.types),
            "withDisconnectMessages": True,
        }
        if self.window is not None:
            wanted |= {"from": iso(self.window.start), "to": iso(self.window.end)}
        return msgspec.json.encode([wanted]).decode()


def address(url: str) -> str:
    """``url`` as the address of a machine; ConfigError where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.netloc:
        hint = "write http://127.0.0.1:8000, or ws://127.0.0.1:8001 for WebSocket"
        raise ConfigError(f"{without_login(url)!r} is not the address of a tardis-machine", hint=hint)
    return url.rstrip("/")


def without_login(url: str) -> str:
    """``url`` as it may be shown: a machine may be behind a server that asks for a password."""
    scheme, between, rest = url.partition("://")
    return f"{scheme}{between}{rest.rpartition('@')[2]}"


async def messages(url: str, wanted: Wanted, *, timeout_seconds: float = 300) -> AsyncIterator[Message]:
    """What the machine at ``url`` says, in order.

    Args:
        url: ``http://`` for one streamed answer, ``ws://`` for a WebSocket.
        wanted: what to ask for; counts what comes.
        timeout_seconds: how long no byte may come. A machine that has nothing cached asks Tardis first.

    Raises:
        ConfigError: ``url`` is no address, or what comes now is asked for over HTTP.
        Refused: the machine refuses, as it has no key that reaches so far.
        VenueDown: no answer, a cut one, or one that says that something went wrong.
    """
    import aiohttp  # noqa: PLC0415 - 0.2 s, paid by the first question

    base, digest = address(url), hashlib.sha256()
    is_ws = urlsplit(base).scheme in {"ws", "wss"}
    if wanted.window is None and not is_ws:
        raise ConfigError("tardis-machine tells what comes now over WebSocket only", hint="write ws://127.0.0.1:8001")
    name = "replay-normalized" if wanted.window is not None else "stream-normalized"
    where = f"{base}/{'ws-' if is_ws else ''}{name}?{urlencode({'options': wanted.options})}"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_seconds, sock_read=timeout_seconds)
    headers = {"User-Agent": USER_AGENT}
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=uses_environment(base)) as session:
            lines = _heard(session, where, timeout_seconds) if is_ws else _read(session, where)
            async for line in lines:
                digest.update(line + b"\n")
                wanted.rows, wanted.bytes = wanted.rows + 1, wanted.bytes + len(line) + 1
                yield decoded(line)
    except TimeoutError:
        raise _down(f"the machine at {without_login(base)} said nothing for {timeout_seconds:g} s") from None
    except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
        raise _down(f"the machine at {without_login(base)}: {type(error).__name__}: {error}") from error
    wanted.digest = digest.hexdigest()


def _down(why: str) -> VenueDown:
    return VenueDown(NAME, why, hint=f"does a tardis-machine run there? --machine, or {URL}, says where")


async def _read(session: "aiohttp.ClientSession", where: str) -> AsyncIterator[bytes]:
    """The lines of a streamed answer."""
    async with session.get(where) as answer:
        if answer.status >= FAILURE:
            raise _refusal(answer.status, await answer.content.read(_MOST_OF_A_REFUSAL))
        left = b""
        async for chunk in answer.content.iter_chunked(_CHUNK):
            *lines, left = (left + chunk).split(b"\n")
            for line in filter(None, lines):
                yield line
            if len(left) > _MOST_OF_A_LINE:
                raise VenueDown(NAME, f"a message has more than {_MOST_OF_A_LINE} bytes")
        if left:
            yield left  # every message ends with a new line: this is what went wrong, and its decoder says so


def _refusal(status: int, body: bytes) -> VenueError:
    said = f"the machine says HTTP {status}: {shown(body)}"
    if status in _FINAL:
        return Refused(NAME, said, hint="its own key is in TM_API_KEY where it runs")
    return VenueDown(NAME, said)


async def _heard(session: "aiohttp.ClientSession", where: str, seconds: float) -> AsyncIterator[bytes]:
    """The messages of a WebSocket."""
    from aiohttp import WSMsgType  # noqa: PLC0415 - see messages

    async with session.ws_connect(where, max_msg_size=_MOST_OF_A_LINE) as socket:
        while (one := await socket.receive(seconds)).type is WSMsgType.TEXT:
            yield one.data.encode()
        if one.type is not WSMsgType.CLOSE or one.data != _FINE:
            raise VenueDown(NAME, f"the machine ended with {one.data} {one.extra or ''}".rstrip())
