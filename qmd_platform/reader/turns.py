"""Whose turn it is to fill: many reads at once do not open hundreds of connections and files, nor wait for other venues.

What lives here: how many fills of a venue this process runs at once; the others wait, within their deadline. What does
not: what a venue allows, which all processes share (``coordination``).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from qmd_platform.errors import OutOfTime
from qmd_platform.reader.filling import deadlines
from qmd_platform.reader.sla import Phase

AT_ONCE = {Phase.BACKFILL: 8, Phase.LIVE: 16}
"""Fills of one venue by phase: months of backfills do not hold up the newest candles. Each has files and sockets open,
of which a process may have as few as 1,024."""

LEAST_S = 0.001
"""What is left to whom it becomes the turn of at the last moment: a deadline is more than nothing."""

_GATES: dict[tuple[int, str, Phase], threading.Semaphore] = {}
"""By process, too: who is forked has none of the fills that were under way."""


@contextmanager
def turn(venue: str, phase: Phase, seconds: float | None) -> Iterator[float | None]:
    """Wait for a turn, then have it; what is left of ``seconds`` (None: as long as a backfill may take) by then.

    Raises:
        OutOfTime: the time was over first.
    """
    gate = _GATES.setdefault((os.getpid(), venue, phase), threading.Semaphore(AT_ONCE[phase]))
    began = time.monotonic()
    if not gate.acquire(timeout=deadlines(seconds).run_s):
        said = f"{AT_ONCE[phase]} other reads fill at this moment"
        raise OutOfTime(venue, said, hint="read again later, or give it more time")
    try:
        yield None if seconds is None else max(seconds - (time.monotonic() - began), LEAST_S)
    finally:
        gate.release()
