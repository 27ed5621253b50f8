"""A collector that listens to a script, until all of it is written."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from qmd_platform.live.collector import Collector
from qmd_platform.live.log import Log
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Window
from qmd_platform.venues.streams.records import Heard
from tests.live.heard import BTC, DAY, ETH, MINUTE, NOON, PERPETUAL

ALL = Window(NOON - DAY, NOON + DAY)
Say = Callable[[Heard], None]
Play = Callable[[Say, Collector], Awaitable[None]]


def play(log: Log, script: Play, **options: Any) -> Collector:
    """Collect until the script is over and all it said has been written, then cancel."""
    done = asyncio.Event()

    async def listen(venue: str, wanted: Sequence[Series | Market], /, *, on_heard: Say, **rest: object) -> None:
        await script(on_heard, collector)
        done.set()
        await asyncio.Event().wait()

    collector = Collector("binance", [BTC, ETH, PERPETUAL], log, listen, **{"batch_seconds": 0.01, **options})

    async def story() -> None:
        running = asyncio.create_task(collector.run())
        over = asyncio.create_task(done.wait())
        await asyncio.wait([running, over], return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(story())
    return collector


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.005)


def says(*heard: Heard) -> Play:
    async def script(say: Say, _: Collector) -> None:
        for one in heard:
            say(one)

    return script


def minutes(log: Log, series: Series = BTC) -> list[int]:
    return ((log.candles(series, ALL).open_at - NOON) // MINUTE).tolist()
