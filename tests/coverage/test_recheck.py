"""When to ask again: what is unexplained for ever and ever less often, what is explained a few times."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.causes import AGREED, OMITTED, TOO_OLD, UNPROVEN
from qmd_platform.coverage.recheck import DAY_MS, HOUR_MS, MINUTE_MS, RECHECKS, next_ask
from qmd_platform.model.spans import State

AT = 1_790_000_000_000


def waits(state: State, cause: str, asks: range) -> list[int | None]:
    due = [next_ask(state, cause, asked, AT) for asked in asks]
    return [None if at is None else at - AT for at in due]


@pytest.mark.parametrize("state", [State.MISSING, State.QUARANTINED])
def test_what_is_missing_is_asked_for_after_1_4_16_64_256_minutes_and_then_every_day(state: State):
    minutes = [1, 4, 16, 64, 256, 1024, 1440, 1440]
    assert waits(state, UNPROVEN, range(1, 9)) == [minute * MINUTE_MS for minute in minutes]


@given(st.sampled_from([State.MISSING, State.QUARANTINED]), st.text(max_size=5), st.integers(1, 10**9))
def test_nothing_unexplained_is_ever_given_up_or_asked_for_less_often_than_daily(state: State, cause: str, asks: int):
    due = next_ask(state, cause, asks, AT)
    assert due is not None
    assert MINUTE_MS <= due - AT <= DAY_MS


def test_what_nobody_asked_for_is_due_at_once():
    assert next_ask(State.MISSING, "", 0, 0) == 0


def test_a_verified_absence_is_looked_at_five_times_more_and_then_no_more():
    hours = [1, 4, 16, 64, 256]
    assert waits(State.VERIFIED_EMPTY, AGREED, range(1, RECHECKS + 1)) == [hour * HOUR_MS for hour in hours]
    assert waits(State.VERIFIED_EMPTY, AGREED, range(RECHECKS + 1, 40)) == [None] * (40 - RECHECKS - 1)


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (State.MISSING, TOO_OLD),
        (State.VERIFIED_EMPTY, OMITTED),
        (State.PRESENT, ""),
        (State.UNLISTED, ""),
    ],
)
def test_what_is_there_cannot_be_or_no_api_has_is_not_asked_for(state: State, cause: str):
    assert waits(state, cause, range(20)) == [None] * 20


def test_a_verified_absence_from_before_questions_were_counted_is_left():
    assert next_ask(State.VERIFIED_EMPTY, AGREED, 0, 0) is None


@given(st.sampled_from([(State.MISSING, UNPROVEN), (State.VERIFIED_EMPTY, AGREED)]))
def test_every_wait_is_at_least_as_long_as_the_one_before(known: tuple[State, str]):
    found = [wait for wait in waits(*known, range(1, 12)) if wait is not None]
    assert all(later >= earlier for earlier, later in pairwise(found))
    assert found[1] > found[0]
