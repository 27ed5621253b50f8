"""Which file of the log a record belongs to, and what it is called in it.

What lives here: names of files, days, series. What does not: their bytes (``live.frames``), reading and writing (``live.log``).
"""

from pathlib import Path

from qmd_platform.live.frames import CANDLES, MARKS
from qmd_platform.model.window import Instant, Window, iso
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark

DAY = 86_400_000
STEMS = {CANDLES: "candles", MARKS: "marks"}


def path_of(folder: Path, one: Heard) -> Path:
    """The file of the log in ``folder`` that ``one`` belongs to."""
    if isinstance(one, HeardCandle):
        return path(folder, one.series.venue, CANDLES, one.open_at)
    return path(folder, one.market.venue, MARKS, said_at(one))


def path(folder: Path, venue: str, kind: int, at: Instant) -> Path:
    """The file of the day of ``at``."""
    return folder / venue / f"{STEMS[kind]}-{iso(at // DAY * DAY)[:10]}.log"


def name_of(one: Heard) -> str:
    """What ``one`` is about."""
    return str(one.series if isinstance(one, HeardCandle) else one.market)


def said_at(one: HeardMark) -> Instant:
    """When it was so, by the venue's clock if it told that."""
    return one.received_at if one.venue_at is None else one.venue_at


def day_of(path: Path) -> Window:
    """The day that a file is of."""
    day = path.stem.partition("-")[2]
    start = Window.of(day, f"{day}T23:59:59.999Z").start
    return Window(start, start + DAY)
