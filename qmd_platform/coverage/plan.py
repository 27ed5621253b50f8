"""What to ask for next: the windows nothing is known about. Pure.

What lives here: known runs and a wanted window in, windows to fetch out. Not here: cutting windows into a
venue's pages (``venues.paging``), asking (``ingest``).
"""

from collections.abc import Iterable

from qmd_platform.model.spans import Run, State, in_state, subtracted
from qmd_platform.model.window import Window

SETTLED = (State.PRESENT, State.VERIFIED_EMPTY, State.UNLISTED)
"""States that need no request. MISSING and QUARANTINED are asked again."""


def to_fetch(wanted: Window, known: Iterable[Run]) -> list[Window]:
    """The windows inside ``wanted`` that are not settled yet, oldest first."""
    return subtracted([wanted], in_state(known, *SETTLED))
