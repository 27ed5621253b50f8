"""Listening through everything a WebSocket can do wrong, tails in between: the lake ends up true, without hole or repeat."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from qmd_platform.ingest.absorbed import fill_heard
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.instruments import refresh
from qmd_platform.lake.store import Lake
from qmd_platform.live.collector import Collector
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant, Window, instant
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.streams import Endurance, Phase, listen

NOW = "2026-12-01T00:10:30Z"
START = instant("2026-12-01T00:00:00Z")
MINUTE = 60_000
WANTED = {
    "binance": ("binance:BTC/USDT:1m", "binance:BTC/USDT:USDT:1m"),
    "bitfinex": ("bitfinex:BTC/USD:1m",),
    "kraken": ("kraken:BTC/USD:1m",),
}
QUICK = Endurance(base_seconds=0.01, cap_seconds=0.05)
WATCHFUL = Endurance(base_seconds=0.01, cap_seconds=0.05, stall_cap_seconds=1.5)
"""Gives up who is silent for so long of real time; between two steps of a test everybody is."""
PATIENCE = 60.0

Entry = Mapping[str, object]
FAULTS: dict[str, Sequence[Entry]] = {
    "nothing": [],
    "drops": [{"kind": "ws_drop", "share": 0.3, "seed": 1}],
    "repeats": [{"kind": "ws_duplicate", "share": 0.5, "seed": 2}],
    "disorder": [{"kind": "ws_reorder", "share": 0.4, "seed": 3, "within": 3}],
    "cuts": [{"kind": "ws_cut", "share": 0.05, "seed": 4}],
    "no way back for a while": [{"kind": "ws_cut", "at": [15, 40]}, {"kind": "ws_refused", "first": 4}],
    "torn messages": [{"kind": "ws_truncated", "share": 0.2, "seed": 5}],
    "unknown messages": [{"kind": "ws_unknown", "share": 0.3, "seed": 6}],
    "clock to and fro": [{"kind": "ws_skew", "seconds": 45, "share": 0.5, "seed": 7}],
    "clock ahead": [{"kind": "ws_skew", "seconds": 45}],
    "clock behind": [{"kind": "ws_skew", "seconds": -45}],
    "silence": [{"kind": "ws_stall", "since": "2026-12-01T00:13:00Z", "until": "2026-12-01T00:16:00Z"}],
    "restart": [{"kind": "ws_restart", "since": "2026-12-01T00:14:30Z", "until": "2026-12-01T00:16:00Z"}],
}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


@dataclass
class Story:
    """A sandbox whose clock a test moves, a lake beside a log, and collectors that come and go."""

    sandbox: Sandbox
    lake: Lake
    log: Log
    series: Mapping[str, Sequence[Series]]

    async def passing(self, minutes: float) -> None:
        """Time passes; whoever listens has read what was said, or has lost its connection, when this is over."""
        for _ in range(round(minutes * 2)):
            await self.sandbox.passing(MINUTE // 2)
            await asyncio.sleep(0.02)

    async def hearing(self, more: int) -> None:
        """Time passes until so many more candles are heard: whoever has lost its connection comes back meanwhile."""
        goal = heard(self) + more
        async with asyncio.timeout(PATIENCE):
            while heard(self) < goal:
                await self.passing(1)
                await asyncio.sleep(0.05)

    def until(self, venue: str) -> set[Instant | None]:
        """Up to when the series of ``venue`` were heard."""
        return {Log(self.log.folder).heard_until(one) for one in self.series[venue]}

    async def tail(self) -> None:
        """A run of each venue's tail, as a schedule starts it."""
        await asyncio.to_thread(self._tail)

    def _tail(self) -> None:
        for of_venue in self.series.values():
            partitions = [Partition(one, "2026-12") for one in of_venue]
            asking = Asking(tail=5, archive=False)
            fill_heard(self.lake, partitions, run_id="r", url=self.sandbox.url, asking=asking, log=Log(self.log.folder))

    def assert_true(self) -> None:
        """The lake is the truth; so is every single candle that was heard, and each is heard once."""
        for one in [one for of_venue in self.series.values() for one in of_venue]:
            held = self.lake.candles(one)
            truth = self.sandbox.truth(one.market, one.timeframe, Window(START, self.sandbox.clock.now()))
            # Where empty minutes are left out, nothing is known yet of those at the very end.
            assert held.open_at.tolist() == truth.open_at.tolist(), one
            assert held.equals(truth), one
            heard = Log(self.log.folder).candles(one, Window(START, self.sandbox.clock.now() + MINUTE))
            assert set(heard.open_at.tolist()) <= set(truth.open_at.tolist()), "none that is not over"


@asynccontextmanager
async def collecting(story: Story, endurance: Endurance = QUICK) -> AsyncIterator[Mapping[str, Collector]]:
    """Every venue's collector, at work until the block ends."""
    ears = partial(listen, endurance=endurance, dice=random.Random(7))  # noqa: S311 - a test that can be repeated
    logs = {venue: Log(story.log.folder, world="sandbox") for venue in story.series}
    found = {
        venue: Collector(venue, of_venue, logs[venue], ears, url=story.sandbox.url, batch_seconds=0.05)
        for venue, of_venue in story.series.items()
    }
    tasks = [asyncio.create_task(one.run()) for one in found.values()]
    try:
        await until(lambda: any(task.done() for task in tasks) or all(map(is_live, found.values())))
        yield found
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        for log in logs.values():
            log.close()


def is_live(collector: Collector) -> bool:
    """Whether all its connections tell, with all that was subscribed to."""
    connections = collector.told().connections
    return bool(connections) and all(one.phase == Phase.LIVE for one in connections)


def heard(story: Story) -> int:
    log = Log(story.log.folder)
    everything = Window(START, START + 86_400_000)
    return sum(len(log.candles(one, everything)) for of_venue in story.series.values() for one in of_venue)


@asynccontextmanager
async def told(folder: Path, venues: Sequence[str]) -> AsyncIterator[Story]:
    series = {venue: [Series.parse(text) for text in WANTED[venue]] for venue in venues}
    async with Sandbox(now=NOW, stream_seconds=10) as sandbox:
        with Lake.open(folder / "lake") as lake:
            for venue in venues:
                await asyncio.to_thread(refresh, lake, venue, run_id="r", url=sandbox.url)
            yield Story(sandbox, lake, Log(folder / FOLDER), series)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_befalls_the_connections_the_lake_ends_up_true(fault: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with told(tmp_path, list(WANTED)) as story:
            await story.tail()
            async with collecting(story, WATCHFUL if fault == "silence" else QUICK):
                story.sandbox.plan_faults(FAULTS[fault])
                await story.passing(6)
                assert all(one["struck"] for one in story.sandbox.faults_met())
                await story.tail()
                story.assert_true()
                story.sandbox.plan_faults([])
                await story.hearing(2 * sum(map(len, WANTED.values())))
            await story.tail()
            story.assert_true()

    asyncio.run(play())


def test_a_collector_that_is_restarted_over_a_minutes_end_leaves_no_hole_and_no_repeat(tmp_path: Path) -> None:
    async def play() -> None:
        async with told(tmp_path, ["binance", "kraken"]) as story:
            await story.tail()
            async with collecting(story):
                await story.passing(3)
                await until(lambda: story.until("binance") == {START + 13 * MINUTE})
                story.sandbox.reset()
                await story.tail()
                # Kraken never says that a candle is over: what was heard of it is read again.
                assert {market for market, *_ in story.sandbox.stats.candles} == {"kraken:BTC/USD"}
                story.assert_true()
            await story.passing(2)
            await story.tail()
            story.assert_true()
            async with collecting(story) as collectors:
                await story.passing(3)
                await until(lambda: collectors["binance"].keeping.holes)
            await story.tail()
            story.assert_true()

    asyncio.run(play())
