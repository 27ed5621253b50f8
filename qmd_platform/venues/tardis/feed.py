"""What venues said over their WebSockets, to the byte, a minute at a time: Tardis's ``/v1/data-feeds/:exchange``.

What lives here: asking for a minute, its lines. What does not: what a venue's messages mean, normalised messages (``machine``),
files of days (``downloads``). Sources, read on 2026-11-21: docs.tardis.dev/api/http-api-reference; tardis-node, src/worker.ts and
src/replay.ts.

Facts: a line is when the message came in, as ISO text with seven decimals, a blank, and the venue's own JSON. Minutes are by
that time. An empty line says that Tardis's connection broke. The first day of each month is free, other days need a key.
"""

import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import msgspec

from qmd_platform.errors import BadPage, ConfigError, Refused, VenueDown
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, iso
from qmd_platform.venues.retry import Meter
from qmd_platform.venues.tardis.api import HOST
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.tardis.exchanges import exchange as known
from qmd_platform.venues.tardis.wire import Wire

if TYPE_CHECKING:
    import aiohttp

_DAY = Timeframe.D1.step
_US = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,7}Z")
_MOST = 256 << 20
"""Bytes a minute may have, unpacked."""
_SHOWN = 200


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages of one of the venue's channels; of these symbols, in the venue's own spelling, or of all."""

    channel: str
    symbols: tuple[str, ...] = ()


class Said(NamedTuple):
    """One message: when it came in at Tardis (us), and the venue's own JSON as it came."""

    local_us: int
    message: bytes


async def data_feed(wire: Wire, exchange: str, at: Instant, filters: Sequence[Filter] = ()) -> list[Said | None]:
    """What ``exchange`` said in the minute that begins at ``at``, in the order in which it came.

    Args:
        wire: the way to Tardis.
        exchange: one of ``exchanges.EXCHANGES``.
        at: the minute's start, epoch ms.
        filters: what is wanted; everything where there are none.

    Returns:
        the messages; None where Tardis's connection broke, so that what the venue said until the next one is not there.

    Raises:
        ConfigError: no exchange of ours, or ``at`` is not on a whole minute.
        Refused: 401, the key does not reach so far; or another refusal for good, as of a channel that there is not; or the minute is too
            large at once.
        VenueDown: no whole answer after the last try.
        BadPage: a line is not as documented, or not of the minute.
    """
    if at % MINUTE:
        raise ConfigError(f"{iso(at)} is not on a whole minute", hint=f"write {iso(at // MINUTE * MINUTE)}")
    day = at // _DAY * _DAY
    query = {"from": iso(day), "offset": str((at - day) // MINUTE)}
    if filters:
        query["filters"] = msgspec.json.encode(filters).decode()
    path = f"/v1/data-feeds/{known(exchange).id}?{urlencode(query)}"

    async def read(answer: "aiohttp.ClientResponse", meter: Meter) -> list[Said | None]:
        body = await answer.content.read()
        meter.answer(len(body))
        packed = answer.headers.get("Content-Encoding") == "gzip"
        lines = (_unpacked(body, path) if packed else body).split(b"\n")
        return [_said(line, at, path) if line else None for line in lines[: None if lines[-1] else -1]]

    return await wire.asked(HOST + path, read)


def _unpacked(body: bytes, path: str) -> bytes:
    """``body`` unpacked, of however many parts it is."""
    found = bytearray()
    while body:
        part = zlib.decompressobj(31)
        try:
            found += part.decompress(body, _MOST - len(found) + 1)
        except zlib.error as error:
            raise VenueDown(NAME, f"{path} is damaged: {error}") from None
        if len(found) > _MOST:
            raise Refused(NAME, f"{path} has more than {_MOST} bytes", hint="ask for fewer channels or symbols")
        if not part.eof:
            raise VenueDown(NAME, f"{path} is cut short")
        body = part.unused_data
    return bytes(found)


def _said(line: bytes, at: Instant, path: str) -> Said:
    local, _, message = line.partition(b" ")
    local_us = _us(local)
    if local_us is None or not at * _US <= local_us < (at + MINUTE) * _US:
        raise BadPage(NAME, f"{path}: a line has no time of the minute from {iso(at)}", sample=line[:_SHOWN])
    try:
        msgspec.json.decode(message, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        raise BadPage(NAME, f"{path}: a message is no JSON: {error}", sample=line[:_SHOWN]) from None
    return Said(local_us, message)


def _us(text: bytes) -> int | None:
    """Microseconds of a time as Tardis writes it, what is below them cut; None where it is none."""
    if not _LOCAL.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text[:26].decode() + "+00:00")
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)
