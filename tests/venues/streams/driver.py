"""A connection's machine without a socket: time that is set, and a venue that answers as the test says.

What lives here: helpers for this folder. What does not: real sockets (``listeners``).
"""

import json
import random

from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import HABITS
from qmd_platform.venues.streams.machine import Machine
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.records import Heard
from qmd_platform.venues.streams.state import Phase, StreamState
from tests.venues.streams.reading import streams

EPOCH: Instant = 1_700_000_000_000

MARKETS = ("BTC", "ETH", "SOL")
BATCH = 3


class Driver:
    """One connection to Binance's spot, with three streams of candles; ``now`` is in seconds from 0."""

    def __init__(self, endurance: Endurance | None = None, seed: int = 1, venue: str = "binance") -> None:
        self.now = 0.0
        self.endurance = endurance or Endurance()
        self.habits = HABITS[venue][{"binance": "spot"}.get(venue, "public")]
        self.sent: list[tuple[float, str]] = []
        self.pings: list[float] = []
        self.hung_up: list[tuple[float, str]] = []
        self.heard: list[Heard] = []
        every = [one for name in MARKETS for one in streams(f"{venue}:{name}/USDT:1m", f"{name}USDT")]
        self.topics = [one.topic for one in every]
        dice = random.Random(seed)  # noqa: S311 - a test that can be repeated
        self.machine = Machine("spot 1/1", TABLE[venue], self.habits, every, endurance=self.endurance, dice=dice)

    @property
    def at(self) -> Instant:
        return EPOCH + round(self.now * 1000)

    @property
    def state(self) -> StreamState:
        return self.machine.state(self.at)

    @property
    def is_open(self) -> bool:
        return self.machine.phase in {Phase.CONNECTING, Phase.LIVE}

    def open(self) -> None:
        """A socket is opened."""
        self.machine.begin(self.at)
        self.machine.opened(self.now, self.at)

    def wait(self) -> float:
        """The wait before the next socket, waited."""
        waited = self.machine.due(self.now) - self.now
        self.now += waited
        return waited

    def passes(self, seconds: float) -> None:
        """Time passes, and what is due is done when it is; ends early when it hangs up."""
        end = self.now + seconds
        while self.is_open and self.now <= end:
            action = self.machine.tick(self.now, self.at)
            if action.hang_up:
                self.hung_up.append((self.now, action.hang_up))
                return
            self.sent += [(self.now, text) for text in action.texts]
            self.pings += [self.now] if action.ping else []
            self.now = max(self.machine.due(self.now), self.now + 0.001)
        self.now = end

    def subscribed(self) -> list[str]:
        """Every topic that was asked for, in order, with repetitions."""
        return [topic for _, text in self.sent for topic in json.loads(text).get("params", ())]

    def says(self, text: str) -> None:
        """The venue says this."""
        self.heard += self.machine.said(text, self.now, self.at)

    def tells(self, name: str) -> None:
        """The venue tells the candle of one market that forms."""
        open_at = self.at // 60_000 * 60_000
        candle = {"t": open_at, "i": "1m", "o": "1", "h": "1", "l": "1", "c": "1", "v": "1", "x": False}
        self.says(json.dumps({"e": "kline", "E": self.at, "s": f"{name}USDT", "k": candle}))

    def tells_all(self) -> None:
        for name in MARKETS:
            self.tells(name)
