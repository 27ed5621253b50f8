"""Days of a few months as plain sets: the slow, obvious model that gaps and agendas are checked against."""

from collections.abc import Iterable

from hypothesis import strategies as st

from qmd_platform.coverage.causes import AGREED, DELISTED, OMITTED, TOO_OLD, UNPROVEN
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window

DAY = 86_400_000
FIRST = 20_454 * DAY
"""2026-01-01."""

DAYS = 100
"""January to the tenth of April."""

NOW = FIRST + DAYS * DAY

KNOWN = (
    (State.PRESENT, ""),
    (State.UNLISTED, "before the venue listed it"),
    (State.UNLISTED, DELISTED),
    (State.VERIFIED_EMPTY, OMITTED),
    (State.VERIFIED_EMPTY, AGREED),
    (State.MISSING, UNPROVEN),
    (State.MISSING, TOO_OLD),
    (State.QUARANTINED, "high is below low"),
)


def days(start: int, length: int) -> Window:
    """``length`` days from day ``start``."""
    return Window(FIRST + start * DAY, FIRST + (start + length) * DAY)


def opens(windows: Iterable[Window]) -> list[int]:
    """Every day in ``windows``, one that is in two of them twice."""
    return [at for window in windows for at in range(window.start, window.end, DAY)]


@st.composite
def some_known(draw: st.DrawFn) -> tuple[list[Run], list[Attempt]]:
    """Coverage, and how often what is not there was asked for; both sorted, disjoint, with holes."""
    runs = [Run(window, *draw(st.sampled_from(KNOWN))) for window in draw(stretches)]
    ago = st.integers(0, 40 * 3_600_000)
    return runs, [Attempt(window, draw(st.integers(1, 8)), NOW - draw(ago)) for window in draw(stretches)]


@st.composite
def _stretches(draw: st.DrawFn) -> list[Window]:
    at, found = 0, []
    for _ in range(draw(st.integers(0, 8))):
        start = at + draw(st.integers(0, 6))
        length = draw(st.integers(1, 30))
        if start + length > DAYS:
            break
        found.append(days(start, length))
        at = start + length
    return found


stretches = _stretches()


def told(runs: list[Run], attempts: list[Attempt], wanted: Iterable[int]) -> dict[int, int | None]:
    """Day by day, every one that is wanted and not settled, and when it is due (None: never)."""
    known = {at: (run.state, run.cause) for run in runs for at in opens([run.window])}
    asked = {at: (one.asks, one.last_at) for one in attempts for at in opens([one.window])}
    found: dict[int, int | None] = {}
    for at in wanted:
        state, cause = known.get(at, (State.MISSING, ""))
        if (state, cause) == (State.UNLISTED, DELISTED):
            state, cause = State.MISSING, ""
        due = next_ask(state, cause, *asked.get(at, (0, 0)))
        if state in {State.MISSING, State.QUARANTINED} or due is not None:
            found[at] = due
    return found
