"""Fills in the background: one a series at a time, found again by whoever reads the series meanwhile.

What lives here: the fills of this process. What does not: what they do (``reader.phases``, ``reader.settlements``).
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from qmd_platform.config import lake_root
from qmd_platform.errors import UnknownMarket
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.waiting import Filling

_LOCK = threading.Lock()
_FILLINGS: dict[tuple[int, Path, str], Filling] = {}
"""The latest of each series of each lake, whether it goes on or has ended; by process, since a fork takes no thread along."""


def begun(asked: Asked, work: Callable[[], None]) -> Filling:
    """``work`` begun in the background; or what is under way for this series of this lake already.

    Raises:
        UnknownMarket: the venue has said so of this series when it was asked last. It is asked again after that.
    """
    key = os.getpid(), lake_root(asked.home).absolute(), str(asked.series)
    with _LOCK:
        running = _FILLINGS.get(key)
        if running is not None and isinstance(unknown := running.error, UnknownMarket):
            del _FILLINGS[key]
            raise unknown
        if running is None or running.is_done:
            running = _FILLINGS[key] = Filling(work, str(asked.series))
        return running


def begun_for(home: Path | str | None) -> dict[str, Filling]:
    """The latest of each series of one lake, by the series' name."""
    root = lake_root(Path(home).expanduser() if home is not None else None).absolute()
    with _LOCK:
        return {series: one for (pid, lake, series), one in _FILLINGS.items() if (pid, lake) == (os.getpid(), root)}
