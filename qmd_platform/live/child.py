"""The process of one venue's collector: ``python -m qmd_platform.live.child VENUE``.

What lives here: what it listens to by the universe file, its lock, its end. What does not: collecting
(``live.collector``), keeping it running (``cli.live``).

It ends with 0 when it is asked to (SIGINT or SIGTERM), after it has written what waited; with the exit code of the error,
told on stderr, when it cannot go on.
"""

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from qmd_platform.config import Universe, VenueUniverse, load_universe, qmd_home, venue_url, world
from qmd_platform.errors import ConfigError, QmdError, choices
from qmd_platform.live.collector import Collector
from qmd_platform.live.lock import alone
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.series import Market, Series


def wanted(venue: VenueUniverse) -> list[Series | Market]:
    """What is listened to: the fetched timeframes of every market, as far as the venue streams them, and the perpetuals."""
    from qmd_platform.venues.streams.dialects import TABLE  # noqa: PLC0415 - the dialects, which only a collector needs

    spoken = TABLE[venue.venue].candles
    steps = (venue.base, *venue.native)
    candles = [
        Series.candles(market, step)
        for market in venue.markets
        for step in steps
        if step in spoken.get(market.kind, ())
    ]
    return [*candles, *venue.perpetuals]


def unheard(venue: VenueUniverse, heard: Sequence[Series | Market]) -> list[Series]:
    """The fetched series that the venue does not stream: REST alone has them."""
    steps = (venue.base, *venue.native)
    fetched = (Series.candles(market, step) for market in venue.markets for step in steps)
    return [one for one in fetched if one not in heard]


def known(universe: Universe, name: str) -> VenueUniverse:
    """The venue called ``name``; ConfigError when the universe file has none such."""
    if name not in universe.venues:
        raise ConfigError(f"{universe.path} has no venue {name!r}", hint=choices(name, universe.venues))
    return universe.venues[name]


async def collect(venue: VenueUniverse, folder: Path, url: str | None) -> None:
    """Collect until SIGINT or SIGTERM. Raises what makes it impossible to go on."""
    from qmd_platform.venues.streams.listening import listen  # noqa: PLC0415 - aiohttp, only where it listens

    log, listened = Log(folder, world=world(url)), wanted(venue)
    for one in unheard(venue, listened):
        sys.stderr.write(f"{venue.venue} streams no candles of {one}: tails ask for them\n")
    if not listened:
        return
    collector = Collector(venue.venue, listened, log, listen, url=url)
    running = asyncio.create_task(collector.run())
    with ended_by_the_first_signal(running):
        try:
            with suppress(asyncio.CancelledError):
                await running
        finally:
            log.close()


@contextmanager
def ended_by_the_first_signal(running: "asyncio.Task[None]") -> Iterator[None]:
    """The first SIGINT or SIGTERM cancels; those after it are ignored until the process ends, for what waits is being written.

    A service manager signals the whole group, and the service passes the signal on besides.
    """
    loop, numbers, came = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM), False

    def first(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(running.cancel)

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        if not came:
            for number, handler in before.items():
                signal.signal(number, handler)


def main(arguments: Sequence[str]) -> int:
    """Collect from the venue named; the exit code."""
    (name,) = arguments
    try:
        venue = known(load_universe(), name)
        folder = qmd_home() / FOLDER
        with alone(folder / name / "lock", f"a collector of {name}"):
            asyncio.run(collect(venue, folder, venue_url()))
    except QmdError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
