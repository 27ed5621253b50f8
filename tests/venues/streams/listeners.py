"""Listening to a sandbox inside a test: what was heard, what was told, and time that passes.

What lives here: helpers for this folder. What does not: assertions about the world.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.streams import Endurance, Heard, HeardCandle, HeardMark, Phase, StreamState, listen

NOW = "2026-11-20T12:34:30Z"
START = instant("2026-11-20T12:34:00Z")
"""When the minute in which a test begins to listen began."""

PATIENCE = 60.0
"""Seconds in which anything has to happen; on a busy machine too."""

QUICK = Endurance(base_seconds=0.01, cap_seconds=0.05, tell_seconds=0.05)

Row = tuple[int, float, float, float, float, float]


class Ears:
    """What one ``listen`` heard, and the newest state of each connection."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.states: list[StreamState] = []
        self.newest: dict[str, StreamState] = {}

    def on_state(self, state: StreamState) -> None:
        self.states.append(state)
        self.newest[state.connection] = state

    @property
    def candles(self) -> list[HeardCandle]:
        return [one for one in self.heard if isinstance(one, HeardCandle)]

    @property
    def marks(self) -> list[HeardMark]:
        return [one for one in self.heard if isinstance(one, HeardMark)]

    def closed(self, series: Series) -> dict[int, Row]:
        """Closed candles by their open time; of several the last that was heard."""
        found = [one for one in self.candles if one.is_closed and one.series == series]
        return {one.open_at: (one.open_at, one.open, one.high, one.low, one.close, one.volume) for one in found}

    def total(self, name: str) -> int:
        return sum(value for state in self.newest.values() if isinstance(value := state.counters[name], int))

    def is_live(self) -> bool:
        phases = [state.phase for state in self.newest.values() if state.streams]
        return bool(phases) and all(phase is Phase.LIVE for phase in phases)


async def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``, looking often."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - whatever the test waits for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(
    venue: str, wanted: Sequence[Series | Market], url: str | None, endurance: Endurance = QUICK
) -> AsyncIterator[Ears]:
    """``listen`` as a task, cancelled at the end; its error is raised where it is looked at next."""
    ears = Ears()
    task = asyncio.create_task(
        listen(
            venue,
            wanted,
            on_heard=ears.heard.append,
            on_state=ears.on_state,
            url=url,
            endurance=endurance,
            dice=random.Random(7),  # noqa: S311 - a test that can be repeated
        )
    )
    try:
        yield ears
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def topics(sandbox: Sandbox, venue: str) -> int:
    """How many subscriptions the sandbox has taken."""
    found = sandbox.streams.figures()["topics"]
    assert isinstance(found, dict)
    return int(found.get(venue, 0))


def series(*texts: str) -> list[Series]:
    return [Series.parse(text) for text in texts]


def true_rows(sandbox: Sandbox, one: Series, window: Window) -> dict[int, Row]:
    """The candles of ``window`` as of the truth, by open time."""
    found = sandbox.truth(one.market, Timeframe(one.timeframe), window)
    columns = (found.open_at, found.open, found.high, found.low, found.close, found.volume)
    return {row[0]: row for row in zip(*(column.tolist() for column in columns), strict=True)}
