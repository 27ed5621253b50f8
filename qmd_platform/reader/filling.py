"""Filling what a read finds lacking, in this process, by the ways every other fill goes.

What lives here: which rule makes a series, the fill. What does not: fetching, leases, budgets, commits (``ingest``), a fill
that Dagster does (``reader.orchestrated``).
"""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from qmd_platform.config import load_universe, open_lake, universe_path, venue_url, world
from qmd_platform.errors import ConfigError
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.following import brought_by
from qmd_platform.ingest.rollup import ROLLUP, roll_up
from qmd_platform.ingest.shared import OnProgress, Progress
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.reader.stopping import Stop

EVERY_S = 5.0
"""Seconds between two lines of the log about one fill."""

log = logging.getLogger("qmd_platform.reader")


def new_run() -> str:
    """An id for a run that fills for a reader."""
    return f"qmd-read-{uuid.uuid4()}"


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be filled of one series: all that the lake lacks of ``window``, which is on its grid.

    ``run_id``: who does. ``stop``: ends it, when it is said.
    """

    series: Series
    window: Window
    home: Path | None
    url: str | None
    run_id: str = field(default_factory=new_run)
    stop: Stop = field(default_factory=Stop, compare=False)

    def __str__(self) -> str:
        return f"{self.series} {self.window}"


def fill(errand: Errand, seconds: float | None, on_venue_time: Callable[[Instant], None]) -> list[str]:
    """Make the lake hold what it lacks of the errand's window, as the universe's rule says: fetched, or rolled up.

    Args:
        errand: what.
        seconds: what it may take; None for what every backfill may (``ingest.asking.Deadlines``).
        on_venue_time: told the time by which the venue's candles are closed, if it was asked.

    Returns:
        what failed, page by page, in words.

    Raises:
        OutOfTime: the time was over; what had come is committed.
        VenueError: the venue will not answer.
        WrongWorld: the lake holds the other world's data.
    """
    url = venue_url(errand.url)
    run_id = errand.run_id
    if errand.home is not None:
        errand.home.mkdir(parents=True, exist_ok=True)
    with open_lake(errand.home, world=world(url)) as lake:
        series, market = errand.series, errand.series.market
        base = made_of(lake, series, errand.home)
        fetched = series if base is None else Series.candles(market, base)
        receipts = backfill(
            lake,
            [market],
            fetched.timeframe,
            _with_one_before(lake, fetched, errand.window),
            run_id=run_id,
            url=url,
            asking=Asking(deadlines=deadlines(seconds)),
            on_progress=_logged(errand),
            on_venue_time=ended_by(errand.stop, on_venue_time),
        )
        if base is not None:
            roll_up(lake, market, series.timeframe, errand.window, run_id=run_id, base=base)
    return [failure for receipt in receipts for failure in receipt.failures]


def ended_by(stop: Stop, on_venue_time: Callable[[Instant], None]) -> Callable[[Instant], None]:
    """``on_venue_time`` of a fill that ends when ``stop`` is said, from the time on at which the venue has answered."""

    def told(venue_time: Instant) -> None:
        loop = asyncio.get_running_loop()  # of the fill alone: when its tasks are cancelled, it gives back its leases

        def end() -> None:
            with suppress(RuntimeError):  # it has ended, and its loop is closed
                loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])

        stop.also(end)
        on_venue_time(venue_time)

    return told


def _logged(errand: Errand) -> OnProgress:
    """Says how far a long fill is, now and then."""
    said_at = time.monotonic()

    def told(progress: Progress) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= EVERY_S:
            said_at = time.monotonic()
            log.info("filling %s: %s of %s candles", errand, f"{progress.done:,}", f"{progress.total:,}")

    return told


def _with_one_before(lake: Lake, series: Series, window: Window) -> Window:
    """``window`` and the candle before it, where that is known: then the venue need not be asked for its oldest one."""
    before = Window(window.start - series.timeframe.step, window.start)
    return Window(before.start, window.end) if lake.coverage(series, before) else window


def dagster_url() -> str | None:
    """The address of Dagster's UI that backfills for readers, ``QMD_DAGSTER_URL``; None: this process does."""
    if not (url := os.environ.get("QMD_DAGSTER_URL")):
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ConfigError(f"QMD_DAGSTER_URL {url!r} is not a server's address", hint="write http://127.0.0.1:3000")
    return url.rstrip("/")


def deadlines(seconds: float | None) -> Deadlines:
    """Those of ingest, none of them later than ``seconds``; one request keeps its own, so that a hung one is cut once."""
    usual = Deadlines()
    if seconds is None:
        return usual
    return Deadlines(usual.request_s, min(usual.partition_s, seconds), min(usual.run_s, seconds))


def made_of(lake: Lake, series: Series, home: Path | None) -> Timeframe | None:
    """The timeframe that the candles of ``series`` are rolled up from; None where they are fetched as such.

    The universe says it. What the lake has fetched as such already goes on so: a rollup takes the place of whole months.
    """
    base = derived_from(series, home)
    source = brought_by(lake, series)
    return None if source and not source.startswith(ROLLUP) else base


def derived_from(series: Series, home: Path | None) -> Timeframe | None:
    """What the universe in force rolls ``series`` up from; None where it does not, or there is no universe file."""
    own = None if home is None or os.environ.get("QMD_UNIVERSE") else home / "universe.toml"
    path = own if own is not None and own.exists() else universe_path()
    if not path.exists():
        return None
    venue = load_universe(path).venues.get(series.venue)
    return venue.base if venue is not None and series.timeframe in venue.derived else None
