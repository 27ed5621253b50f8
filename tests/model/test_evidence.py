"""How often what is not there was asked for: the arithmetic, against a model that counts candle by candle."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.evidence import Attempt, attempted
from qmd_platform.model.window import Window

GRID = 12
WINDOWS = st.lists(
    st.tuples(st.integers(0, GRID - 1), st.integers(1, 4)).map(lambda one: Window(one[0], min(one[0] + one[1], GRID))),
    max_size=4,
)


@given(st.lists(st.tuples(WINDOWS, WINDOWS), max_size=5))
def test_every_candle_is_remembered_with_how_often_and_when_it_was_asked_for_until_it_is_there(
    rounds: list[tuple[list[Window], list[Window]]],
) -> None:
    kept: tuple[Attempt, ...] = ()
    model: dict[int, tuple[int, int]] = {}
    for at, (asked, absent) in enumerate(rounds, 1):
        kept = attempted(kept, asked, at, absent)
        lacking = {candle for window in absent for candle in range(window.start, window.end)}
        wanted = {candle for window in asked for candle in range(window.start, window.end)}
        model = {
            candle: (model.get(candle, (0, 0))[0] + 1, at) if candle in wanted else model[candle]
            for candle in lacking
            if candle in wanted or candle in model
        }
        said = {candle: (one.asks, one.last_at) for one in kept for candle in range(one.window.start, one.window.end)}
        assert said == model
        assert all(one.window.end <= after.window.start for one, after in pairwise(kept))
