"""What the phases of a read do: hear the log, fill here, or have Dagster fill.

What lives here: the work that may hang. What does not: which phase follows which (``reader.strategies``), the deadlines
(``reader.waiting``).

A phase writes into a record of its own. Only when it has come back in time is that taken into the read: a thread that was
cut off goes on, and must not change what is being judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Instant, Window
from qmd_platform.quality.offenders import row_offenders
from qmd_platform.reader import clocks, filling, tail
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.filling import Errand
from qmd_platform.reader.sla import Phase
from qmd_platform.reader.stopping import Stop, stop_of_this_read
from qmd_platform.reader.turns import turn
from qmd_platform.venues.retry import telling

HERE = "in process"
IN_DAGSTER = "dagster"


@dataclass(slots=True)
class Brought:
    """What one phase has brought.

    Attributes:
        heard: closed candles of the log; None where the phase was not about them.
        refused: those of the log that no lake would take, with the rule they break.
        venue_time: by which the venue says its candles are closed, epoch ms; None when it was not asked.
        behind: how far that is behind our clock, ms; at most 0.
        failures: what failed, in words.
        trouble: the last attempt that failed, though it was tried again: it is told when a deadline comes first.
        stop: ends the phase.
    """

    heard: Candles | None = None
    refused: list[Run] = field(default_factory=list)
    venue_time: Instant | None = None
    behind: int = 0
    failures: list[str] = field(default_factory=list)
    trouble: str = ""
    stop: Stop = field(default_factory=stop_of_this_read)

    def note(self, error: Exception) -> None:
        """An attempt has failed."""
        self.trouble = str(error)


def hear(asked: Asked, lacking: list[Window], brought: Brought) -> None:
    """Take from the log the closed candles of ``lacking``; ingest's rules about single rows hold for them too."""
    found = tail.heard(asked, lacking)
    step = asked.series.timeframe.step
    bad = np.zeros(len(found), bool)
    for rule, mask in row_offenders(found, step).items():
        brought.refused += [
            Run(Window(at, at + step), State.QUARANTINED, f"heard, and refused: {rule}")
            for at in found.open_at[mask & ~bad].tolist()
        ]
        bad |= mask
    brought.heard = found.take(~bad)


def backfill(asked: Asked, windows: Sequence[Window], run_id: str, seconds: float | None, brought: Brought) -> None:
    """Fill ``windows`` (sorted) where backfills run: in Dagster if there is one for readers, else here."""
    url = filling.dagster_url()
    if url is None:
        fill_here(asked, windows, run_id, seconds, brought, phase=Phase.BACKFILL)
        return
    from qmd_platform.reader import orchestrated  # noqa: PLC0415 - requests, which only this way needs

    orchestrated.fill(_errand(asked, windows, run_id), url, seconds)


def fill_here(
    asked: Asked,
    windows: Sequence[Window],
    run_id: str,
    seconds: float | None,
    brought: Brought,
    *,
    phase: Phase = Phase.LIVE,
) -> None:
    """Fill ``windows`` in this process, by the venue's REST API, when it is our turn."""

    def told(venue_time: Instant) -> None:
        brought.venue_time, brought.behind = venue_time, min(venue_time - clocks.now(), 0)

    errand = replace(_errand(asked, windows, run_id), stop=brought.stop)
    with telling(brought.note), turn(asked.series.venue, phase, seconds) as left:
        brought.failures += filling.fill(errand, left, told)


def backfiller() -> str:
    """Who would do a backfill."""
    return HERE if filling.dagster_url() is None else IN_DAGSTER


def _errand(asked: Asked, windows: Sequence[Window], run_id: str) -> Errand:
    return Errand(asked.series, Window(windows[0].start, windows[-1].end), asked.home, asked.url, run_id)
