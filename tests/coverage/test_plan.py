"""What to ask for next: everything not settled, and nothing that is."""

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.causes import DELISTED
from qmd_platform.coverage.plan import SETTLED, believed, to_fetch
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window
from tests.model.minutes import a_window, is_canonical, minutes_of, some_runs, told_by, window


@given(a_window, some_runs())
def test_the_plan_asks_for_every_minute_that_is_not_settled_and_for_no_other(wanted: Window, known: list[Run]):
    plan = to_fetch(wanted, known)
    settled = {at for at, (state, _) in told_by(known).items() if state in SETTLED}
    assert minutes_of(plan) == minutes_of([wanted]) - settled
    assert is_canonical(plan)


@given(a_window, some_runs())
def test_once_all_that_was_planned_is_there_nothing_is_planned(wanted: Window, known: list[Run]):
    fetched = [Run(part, State.PRESENT) for part in to_fetch(wanted, known)]
    settled = [run for run in known if run.state in SETTLED]
    assert to_fetch(wanted, [*settled, *fetched]) == []


def test_what_was_missing_or_kept_apart_is_asked_again():
    known = [Run(window(0, 5), State.PRESENT), Run(window(5, 2), State.MISSING), Run(window(7, 1), State.QUARANTINED)]
    assert to_fetch(window(0, 10), known) == [window(5, 5)]


def test_what_the_venue_cannot_have_is_not_asked_for():
    known = [Run(window(0, 5), State.UNLISTED), Run(window(5, 5), State.VERIFIED_EMPTY)]
    assert to_fetch(window(0, 10), known) == []


@given(some_runs(), st.none() | st.integers(0, 50))
def test_only_what_was_said_of_a_market_while_it_was_thought_delisted_is_forgotten(
    known: list[Run], minute: int | None
):
    runs = [Run(run.window, run.state, DELISTED if run.state is State.UNLISTED else run.cause) for run in known]
    end = None if minute is None else minute * MINUTE
    left = told_by(believed(runs, end))
    gone = {
        at for at, said in told_by(runs).items() if said == (State.UNLISTED, DELISTED) and (end is None or at < end)
    }
    assert left == {at: said for at, said in told_by(runs).items() if at not in gone}


def test_what_was_never_listed_stays_so():
    before = [Run(window(0, 5), State.UNLISTED, "before the venue listed it")]
    assert believed(before, None) == before
