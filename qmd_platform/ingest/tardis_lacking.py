"""What is not there of a window that Tardis was asked for, and why, in words a person reads.

What lives here: minutes without a candle, minutes that are not whole, what is left alone of files. What does not: minutes and their
commit (``ingest.tardis_candles``).
"""

from collections.abc import Mapping, Sequence

from qmd_platform.ingest.tardis_days import Left
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, State, clipped, merged, subtracted
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, iso

TOLD_FROM = 15 * MINUTE
"""So much of a file that is left alone is told."""

NOT_WHOLE = "a row of Tardis's that belongs to this minute is refused"
UNSETTLED = "no file or replay that came so far has this minute whole"
OUT_OF_TIME = (
    "a trade came in so long after or before the time the venue says it was that the files may lack others of these minutes; "
    "the files of the days beside them, or a replay, may settle them"
)


def refusals(broken: Mapping[Instant, str]) -> tuple[str, ...]:
    """Which minutes are not whole and why, oldest first; at most one line a minute."""
    return tuple(f"{iso(at)} is not whole: {broken[at]}" for at in sorted(broken))


def not_whole(broken: Mapping[Instant, str], covered: Sequence[Window]) -> list[Run]:
    """The minutes among ``covered`` that are not whole, with the row that is refused."""
    runs = [Run(Window(at, at + MINUTE), State.MISSING, f"{NOT_WHOLE}: {why}") for at, why in broken.items()]
    return [run for run in sorted(runs) if any(one.contains(run.window.start) for one in covered)]


def lacking(lake: Lake, market: Market, window: Window, left: Sequence[Left]) -> tuple[Run, ...]:
    """The minutes of ``window``, but for those ``left``, that are neither there nor known to be empty, each with the reason."""
    asked = [whole for part in subtracted([window], [one.window for one in left]) if (whole := part.snapped(MINUTE))]
    known = lake.coverage(Series.candles(market, Timeframe.M1), window)
    absent = [one for one in known if one.state in (State.MISSING, State.QUARANTINED)]
    unknown = subtracted(asked, [one.window for one in known])
    found = [
        *(run for part in asked for run in clipped(absent, part)),
        *(Run(one, State.MISSING, UNSETTLED) for one in unknown),
    ]
    return tuple(merged(found))


def cut_off(files: Window, covered: Sequence[Window]) -> list[Left]:
    """What is left alone of the days of ``files`` beside the last minutes, which always are: more than ``TOLD_FROM``, and why."""
    parts = subtracted([files], covered)
    return [Left(one, OUT_OF_TIME) for one in parts if one.end - one.start > TOLD_FROM]
