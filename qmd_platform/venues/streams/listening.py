"""Listening to one venue: from what is wanted to what is heard.

What lives here: the entry. What does not: single connections (``connection``), which market is which (``markets``), keeping
what was heard (``live``).
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

from qmd_platform.errors import ConfigError
from qmd_platform.venues import facts
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.streams.connection import Clock, Connection, Listener
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import Habits
from qmd_platform.venues.streams.machine import Machine
from qmd_platform.venues.streams.markets import Markets
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.plan import Door, shares
from qmd_platform.venues.streams.records import Heard
from qmd_platform.venues.streams.state import StreamState
from qmd_platform.venues.streams.wanted import Subject, Wanted, checked
from qmd_platform.venues.transport import USER_AGENT, uses_environment

_SCHEMES = {"http": "ws", "https": "wss"}


async def listen(
    venue: str,
    wanted: Sequence[Wanted],
    *,
    on_heard: Callable[[Heard], None],
    on_state: Callable[[StreamState], None] | None = None,
    url: str | None = None,
    instruments: Sequence[Instrument] = (),
    endurance: Endurance | None = None,
    dice: random.Random | None = None,
    clock: Clock | None = None,
    compress: bool = False,
) -> None:
    """Listen to ``venue`` for ever; cancel to stop.

    Connections that are lost are opened anew and everything is subscribed to again. What was said in between is not told:
    REST has it.

    Args:
        venue: one of ``facts.VENUES``.
        wanted: series for their candles, perpetuals for mark price, index price and predicted funding.
        on_heard: is handed each candle and each mark price as it comes, in the venue's order. It runs between messages: it
            must be quick. What it raises ends listening.
        on_state: is handed the state of each connection when its phase changes, and every second.
        url: base of a sandbox, ``http://host:port``, that is listened to in place of all venues.
        instruments: what is known of the markets (the lake's table); what is not in it is asked of the venue.
        endurance: our patience; the default is ``Endurance()``.
        dice: what waits are drawn with.
        clock: what time it is.
        compress: ask for compressed messages: fewer bytes, more work (docs/streams.md has figures).

    Raises:
        ConfigError: no such venue, nothing wanted, or something the venue does not stream.
        UnknownMarket: the venue lists none of the markets. Where it lists some, the others are refusals in the state.
    """
    facts.known_venue(venue)
    base = None if url is None else _base(url)
    if not wanted:
        raise ConfigError("nothing to listen to", hint="name a series, as binance:BTC/USDT:1m, or a perpetual")
    # Jitter only has to differ between processes; nobody gains by guessing it.
    dice = dice or random.Random()  # noqa: S311
    listener = Listener(on_heard, on_state or _nobody, endurance or Endurance(), dice, clock or Clock(), compress)
    asked = checked(venue, wanted, TABLE[venue].candles)
    known = await Markets(venue, url, listener).subjects(asked, instruments)
    await _all(_connections(venue, known, base, listener))


def _connections(venue: str, known: Sequence[Subject], base: str | None, listener: Listener) -> list[Connection]:
    dialect = TABLE[venue]
    split = shares(venue, [stream for one in known for stream in dialect.streams(one)])
    # A sandbox has no limit to keep.
    doors = {
        _host(one.habits): Door(one.habits.connects if base is None else None, listener.clock.seconds) for one in split
    }
    made: list[Connection] = []
    for one in split:
        machine = Machine(one.name, dialect, one.habits, one.streams, endurance=listener.endurance, dice=listener.dice)
        made.append(Connection(venue, machine, _address(one.habits, base), doors[_host(one.habits)], listener))
    return made


async def _all(runs: Sequence[Connection]) -> None:
    """All connections at once; the first that ends ends all, and its error is raised as it is."""
    import aiohttp  # noqa: PLC0415 - 0.2 s, paid by who listens and not by who imports the room

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        headers={"User-Agent": USER_AGENT},
        trust_env=uses_environment(runs[0].url),
    ) as session:
        tasks = [asyncio.create_task(run.run(session)) for run in runs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _base(url: str) -> str:
    """The WebSocket address of a sandbox whose base is ``url``."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise ConfigError(f"{url!r} is no base of a sandbox", hint="write http://127.0.0.1:8900")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/"), "", ""))


def _address(habits: Habits, base: str | None) -> str:
    return habits.url if base is None else f"{base}{habits.sandbox}"


def _host(habits: Habits) -> str:
    return urlsplit(habits.url).netloc


def _nobody(state: StreamState) -> None:
    """Nobody wants to know."""
