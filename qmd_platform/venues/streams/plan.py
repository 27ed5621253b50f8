"""Which streams share a connection, and how fast connections are opened.

What lives here: the split, and the door that new connections pass one by one. What does not: the limits (``habits``).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qmd_platform.venues.streams.habits import HABITS, Habits
from qmd_platform.venues.streams.wanted import Stream


@dataclass(frozen=True, slots=True)
class Share:
    """What one connection carries; ``name`` tells it from the venue's others."""

    name: str
    habits: Habits
    streams: Sequence[Stream]


def shares(venue: str, streams: Sequence[Stream]) -> list[Share]:
    """``streams`` on as few connections as the venue allows, each about as full as the others."""
    groups: dict[tuple[str, str], list[Stream]] = {}
    for stream in streams:
        groups.setdefault((stream.place, stream.apart), []).append(stream)
    made: list[Share] = []
    for (place, apart), some in groups.items():
        habits = HABITS[venue][place]
        count = -(-len(some) // habits.streams)
        for place_in_line in range(count):
            name = " ".join(word for word in (place, apart, f"{place_in_line + 1}/{count}") if word)
            made.append(Share(name, habits, some[place_in_line::count]))
    return made


class Door:
    """Lets through so many in so many seconds, and the rest wait their turn; where nothing is said, everybody at once."""

    def __init__(self, allowed: tuple[int, float] | None, clock: Callable[[], float]) -> None:
        self._count, self._seconds = allowed or (0, 0.0)
        self._clock = clock
        self._passed: deque[float] = deque(maxlen=self._count)
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Returns when it is our turn."""
        if not self._count:
            return
        async with self._queue:
            if len(self._passed) == self._count:
                await asyncio.sleep(max(0.0, self._passed[0] + self._seconds - self._clock()))
            self._passed.append(self._clock())
