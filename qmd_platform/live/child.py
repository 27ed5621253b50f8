"""The process of one venue's collector: ``python -m qmd_platform.live.child VENUE``.

What lives here: what it listens to by the universe file, its lock, its end. What does not: collecting
(``live.collector``), keeping it running (``cli.live``).

It ends with 0 when it is asked to (SIGINT or SIGTERM), after it has written what waited; with the exit code of the error,
told on stderr, when it cannot go on.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

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
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        log.close()


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
