"""What to ask for next: the windows nothing is known about, or nothing that still holds. Pure.

What lives here: known runs and a wanted window in, windows to fetch out. Not here: cutting windows into a
venue's pages (``venues.paging``), asking (``ingest``).
"""

from collections.abc import Iterable
from dataclasses import replace

from qmd_platform.coverage.causes import DELISTED
from qmd_platform.model.spans import Run, State, in_state, subtracted
from qmd_platform.model.window import Instant, Window

SETTLED = (State.PRESENT, State.VERIFIED_EMPTY, State.UNLISTED)
"""States that need no request. MISSING and QUARANTINED are asked again."""


def to_fetch(wanted: Window, known: Iterable[Run]) -> list[Window]:
    """The windows inside ``wanted`` that are not settled yet, oldest first."""
    return subtracted([wanted], in_state(known, *SETTLED))


def believed(runs: Iterable[Run], delisted_at: Instant | None) -> list[Run]:
    """``runs`` without what was said of a market while it was thought delisted, where it is known better now.

    Args:
        runs: what is known.
        delisted_at: since when the market is not traded any more, as far as is known today; None while it is.
    """
    kept: list[Run] = []
    for run in runs:
        if run.state is not State.UNLISTED or run.cause != DELISTED:
            kept.append(run)
        elif delisted_at is not None and run.window.end > delisted_at:
            kept.append(replace(run, window=Window(max(run.window.start, delisted_at), run.window.end)))
    return kept
