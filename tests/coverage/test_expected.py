"""The closed-candle rule: a candle is expected once the venue's clock is past its end, and not before."""

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.expected import SETTLE_MS, closed_before, expected
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant

steps = st.sampled_from([t.step for t in (Timeframe.M1, Timeframe.M5, Timeframe.H1)])
clocks = st.integers(10**12, 10**12 + 3 * Timeframe.H1.step)
settles = st.integers(0, 5_000)


@given(clocks, steps, settles)
def test_a_candle_is_closed_exactly_when_its_end_and_the_settling_time_have_passed(clock: int, step: int, settle: int):
    end = closed_before(clock, step, settle)
    assert end % step == 0
    last, forming = end - step, end
    assert last + step + settle <= clock
    assert forming + step + settle > clock


@given(clocks, steps, settles, st.integers(-50, 50), st.integers(1, 4000))
def test_what_is_expected_is_on_the_grid_inside_the_window_and_closed(
    clock: int, step: int, settle: int, offset: int, length: int
):
    window = Window(clock - offset * MINUTE - 7, clock - offset * MINUTE - 7 + length * MINUTE)
    wanted = expected(window, step, clock, settle)
    first = -(-window.start // step) * step
    by_hand = [at for at in range(first, window.end, step) if at + step + settle <= clock]
    assert (list(range(wanted.start, wanted.end, step)) if wanted else []) == by_hand


def test_the_minute_that_just_ended_is_left_to_settle():
    noon = instant("2026-11-20T12:00:00Z")
    assert closed_before(noon + SETTLE_MS - 1, MINUTE) == noon - MINUTE
    assert closed_before(noon + SETTLE_MS, MINUTE) == noon


def test_nothing_is_expected_of_the_future():
    now = instant("2026-11-20")
    assert expected(Window(now, now + 10 * MINUTE), MINUTE, now) is None
