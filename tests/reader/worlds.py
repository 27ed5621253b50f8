"""A sandbox beside lakes in the states a read may meet, and what a read of each asked the venue.

What lives here: the states, made once and copied. What does not: reading (the tests).
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox

NOW = "2026-03-05T12:00:30Z"
MARKET = Market("binance", "BTC/USDT")
NEW = Market("binance", "NEW/USDT")
SERIES = Series.candles(MARKET, Timeframe.M1)
LISTED_AT = instant("2026-03-05T11:10Z")
LISTINGS = [{"market": str(NEW), "like": "binance:LINK/USDT", "listed_at": "2026-03-05T11:10:00Z"}]
NEVER = 120
"""Seconds a request hangs: longer than any test."""

OUTAGE = [{"kind": "outage", "refused": True, "since": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}]
HANG = [{"kind": "hang", "seconds": NEVER}]
HANG_ONCE = [{"kind": "hang", "seconds": 1, "first": 1}]
"""For a fill in the background, which is to end within the test."""


def at(clock: str) -> int:
    """A time of the day the tests are about."""
    return instant(f"2026-03-05T{clock}Z")


def span(start: str, end: str) -> Window:
    """A window of that day."""
    return Window(at(start), at(end))


HOUR = span("11:00", "12:00")
"""The hour before the sandbox's time: all of its candles are closed."""


@dataclass
class World:
    """A sandbox that stands still at NOW, and a folder for homes."""

    sandbox: Sandbox
    folder: Path

    def home(self, name: str, *windows: Window, market: Market = MARKET) -> Path:
        """A new home whose lake holds ``windows`` of ``market``; made once by ``name`` of the windows, then copied."""
        key = "_".join([market.slug, *(f"{one.start}-{one.end}" for one in windows)])
        model = self.folder / "models" / key
        if not model.exists():
            self.sandbox.plan_faults(None)
            with Lake.open(model / "lake") as lake:
                for one in windows:
                    backfill(lake, [market], Timeframe.M1, one, run_id="before", url=self.sandbox.url)
        home = self.folder / name
        shutil.copytree(model, home)
        return home

    def fails(self, faults: list[dict[str, Any]] | None = None) -> None:
        """The faults from now on, and nothing counted yet. What earlier reads were cut off from has ended by then."""
        for thread in threading.enumerate():
            if thread.name.startswith("qmd-"):
                thread.join(60)
        self.sandbox.plan_faults(faults)
        self.sandbox.reset()

    @property
    def asked(self) -> int:
        """Requests since then, answered or not."""
        requests: Any = self.sandbox.stats.requests
        return int(requests.total())

    def truth(self, window: Window, market: Market = MARKET) -> Candles:
        """The candles there are."""
        return self.sandbox.truth(market, Timeframe.M1, window)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """See ``World``."""
    with serving(now=instant(NOW), listings=LISTINGS) as sandbox:
        yield World(sandbox, folder)
