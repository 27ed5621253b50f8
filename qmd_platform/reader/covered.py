"""What the lake knows of a window, without its rows.

What lives here: ``Coverage``. What does not: what is done about gaps (``reader.strategies``).
"""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from qmd_platform.coverage.expected import expected
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.coverage.summary import Summary, summarised
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run, State, clipped, overlaid
from qmd_platform.model.window import Window
from qmd_platform.reader import shown
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.gathered import NEVER_ASKED
from qmd_platform.reader.stored import made_at, no_later, the_lake

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Coverage:
    """Every expected candle of a window, and what is known of it.

    Attributes:
        series: of candles.
        window: the expected part of what was asked for: closed candles. None when none is closed yet.
        runs: states with causes in words; sorted, they fill ``window``.
    """

    series: Series
    window: Window | None
    runs: tuple[Run, ...]

    def __repr__(self) -> str:
        return shown.coverage(self)

    def _repr_html_(self) -> str:
        return shown.coverage_as_html(self)

    @cached_property
    def summary(self) -> Summary:
        """The candles counted by state."""
        return summarised(self.runs, self.series.timeframe.step)

    @property
    def share(self) -> float:
        """How much of what is expected is there, or known not to exist: 0 to 1; 1 where nothing is expected."""
        counts = self.summary
        lacking = counts.missing + counts.quarantined
        return (counts.expected - lacking) / counts.expected if counts.expected else 1.0

    @property
    def gaps(self) -> list[Window]:
        """The windows that are not settled: missing, quarantined, never asked for."""
        return to_fetch(self.window, self.runs) if self.window else []

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a run: ``start``, ``end`` (UTC, exclusive), ``candles``, ``state``, ``cause``."""
        import pandas as pd  # noqa: PLC0415 - only for who wants a frame

        step = self.series.timeframe.step
        made = pd.DataFrame(
            [
                (one.window.start, one.window.end, one.window.steps(step), one.state.value, one.cause)
                for one in self.runs
            ],
            columns=["start", "end", "candles", "state", "cause"],
        )
        for name in ("start", "end"):
            made[name] = pd.to_datetime(made[name], unit="ms", utc=True)
        return made


def covered(asked: Asked) -> Coverage:
    """The coverage of what is asked for; errors as ``reader.read``."""
    series = asked.series
    clock = time.time_ns() // 1_000_000 if asked.now is None else asked.now
    wanted = expected(asked.window, series.timeframe.step, clock)
    with the_lake(asked) as (lake, commit):
        known = [] if wanted is None else lake.coverage(series, wanted, as_of=commit)
        clock = no_later(clock, made_at(lake, commit), known)
    if wanted is not None and (wanted := expected(asked.window, series.timeframe.step, clock)) is not None:
        known = clipped(known, wanted)
    unknown = [] if wanted is None else [Run(wanted, State.MISSING, NEVER_ASKED)]
    return Coverage(series, wanted, tuple(overlaid(unknown, known)))
