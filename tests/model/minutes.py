"""Windows as plain sets of minutes: the slow, obvious model that the arithmetic is checked against."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window

HORIZON = 40
"""Minutes the sets are drawn from: small, so that touching, nested and repeated windows all come up."""

CAUSES = ("", "the venue sent none")


def minutes_of(windows: Iterable[Window]) -> set[int]:
    """Every minute inside any of ``windows``."""
    return {at for window in windows for at in range(window.start, window.end, MINUTE)}


def told_by(runs: Iterable[Run]) -> dict[int, tuple[State, str]]:
    """What is said about each minute; a minute told twice is a mistake."""
    told: dict[int, tuple[State, str]] = {}
    for run in runs:
        for at in minutes_of([run.window]):
            assert at not in told, f"two runs speak about minute {at // MINUTE}"
            told[at] = (run.state, run.cause)
    return told


def is_canonical(windows: list[Window]) -> bool:
    """Sorted, disjoint, and not even touching."""
    return all(a.end < b.start for a, b in pairwise(windows))


def window(start: int, length: int) -> Window:
    """``length`` minutes from minute ``start``."""
    return Window(start * MINUTE, (start + length) * MINUTE)


a_window = st.builds(window, st.integers(0, HORIZON), st.integers(1, 12))
some_windows = st.lists(a_window, max_size=6)


@st.composite
def some_runs(draw: st.DrawFn) -> list[Run]:
    """Sorted runs that do not overlap; neighbours may say the same."""
    runs: list[Run] = []
    at = 0
    for _ in range(draw(st.integers(0, 6))):
        start = at + draw(st.integers(0, 4))
        length = draw(st.integers(1, 8))
        runs.append(Run(window(start, length), draw(st.sampled_from(list(State))), draw(st.sampled_from(CAUSES))))
        at = start + length
    return runs
