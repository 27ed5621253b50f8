"""The budget's arithmetic: never above the limit, hardly below it, and nothing lasts."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coordination.account import BURST, FORGOTTEN_S, HORIZON_S, SHARE, Account, Rate

SMALL = 36
"""Limits below this have a burst of one request, and count requests of weight 1."""

limits = st.tuples(st.integers(1, 6000), st.sampled_from([1.0, 2.0, 10.0, 60.0]))


def sent(account: Account, rate: Rate, asked: list[tuple[float, float, float, bool]]) -> list[tuple[float, float]]:
    """What workers send, each asking as ``Pace`` does: ``asked`` are (gap, weight, lateness, is cancelled)."""
    now, going = 0.0, []
    waiting: list[tuple[float, int, float, float, bool]] = []
    for number, (gap, weight, late, is_cancelled) in enumerate(asked):
        now += gap
        heapq.heappush(waiting, (now, number, weight, late, is_cancelled))
    while waiting:
        now, number, weight, late, is_cancelled = heapq.heappop(waiting)
        grant = account.reserve(now, "b", rate, weight)
        if grant.place is None:
            heapq.heappush(
                waiting, (now + max(grant.wait_s - HORIZON_S / 2, 0.001), number, weight, late, is_cancelled)
            )
        elif is_cancelled:
            account.give_back("b", rate, weight, grant.place)
        else:
            going.append((now + grant.wait_s + late * rate.tolerance, weight))
    return sorted(going)


def fullest(going: list[tuple[float, float]], seconds: float) -> float:
    """The most weight in any window of ``seconds``."""
    return max((sum(w for at, w in going if first <= at < first + seconds) for first, _ in going), default=0.0)


@given(limits, st.data())
def test_no_window_holds_more_than_the_limit_whatever_is_late_cancelled_or_heavy(
    limit: tuple[int, float], data: st.DataObject
):
    weight, seconds = limit
    rate = Rate.of(weight, seconds)
    heaviest = 1.0 if weight < SMALL else weight * SHARE
    weights = st.just(1.0) if weight < SMALL else st.floats(0.01, 1).map(lambda part: part**3 * heaviest)
    asked = st.tuples(st.floats(0, seconds / 4), weights, st.floats(0, 1), st.booleans())
    going = sent(Account(), rate, data.draw(st.lists(asked, min_size=1, max_size=60)))
    assert fullest(going, seconds) <= weight * (1 + 1e-9)


@given(limits, st.integers(1, 4))
def test_a_long_run_uses_nine_tenths_of_the_limit(limit: tuple[int, float], workers: int):
    weight, seconds = limit
    rate = Rate.of(weight, seconds)
    one = 1.0 if weight < SMALL else min(weight * SHARE * BURST, weight / 50)
    count = int(3 * weight / one)
    going = sent(Account(), rate, [(0.0, one, 0.0, False)] * count)
    assert fullest(going, seconds) <= weight
    assert (count - 1) * one / (going[-1][0] - going[0][0]) >= 0.9 * weight / seconds


@pytest.mark.parametrize(("weight", "seconds"), [(6000, 60), (2400, 60), (200, 10), (30, 60), (1, 1), (20, 2)])
def test_the_sums_of_the_docstring(weight: float, seconds: float):
    rate = Rate.of(weight, seconds)
    sustained = seconds / rate.seconds_per_weight
    assert 0.92 * weight <= sustained <= SHARE * weight + 1e-9
    if rate.burst > 1:
        assert sustained + rate.burst == pytest.approx(SHARE * weight)


def test_a_crash_leaks_nothing_that_lasts():
    account, rate = Account(), Rate.of(30, 60)
    while account.reserve(0.0, "b", rate, 1).place is not None:
        pass  # reserved, and never used
    grant = account.reserve(HORIZON_S, "b", rate, 1)
    assert grant.wait_s <= HORIZON_S + rate.seconds_per_weight


def test_a_place_behind_which_somebody_reserved_is_not_given_back_twice():
    account, rate = Account(), Rate.of(200, 10)
    first, second = (account.reserve(0.0, "b", rate, 1).place for _ in range(2))
    account.give_back("b", rate, 1, first)
    assert account.tats["b"] == second
    account.give_back("b", rate, 1, second)
    account.give_back("b", rate, 1, second)
    assert account.tats["b"] == pytest.approx(second - rate.seconds_per_weight)


def test_the_longest_penalty_wins():
    account = Account()
    account.penalise(100.0, 10)
    account.penalise(101.0, 2)
    account.penalise(102.0, 9)
    assert account.halt(102.0).blocked_s == 9
    assert account.reserve(102.0, "b", None, 1).wait_s == 9
    assert account.halt(111.0).blocked_s == 0


def test_a_ban_refuses_every_bucket_until_its_time():
    account = Account()
    account.ban(100.0, 120, "418")
    account.ban(101.0, 5, "shorter")
    grant = account.reserve(150.0, "b", Rate.of(200, 10), 1)
    assert (grant.place, grant.halt.banned_s, grant.halt.why) == (None, 70, "418")
    assert account.reserve(220.0, "b", Rate.of(200, 10), 1).place is not None


@given(st.floats(1, 1e8), limits)
def test_a_clock_that_jumps_back_holds_nobody_up_for_long(back: float, limit: tuple[int, float]):
    account, rate = Account(), Rate.of(*limit)
    now = 1e9
    account.reserve(now, "b", rate, 1)
    account.penalise(now, 30)
    account.ban(now, 60, "418")
    now -= back
    assert account.reserve(now, "b", rate, 1).halt.banned_s <= 60.001
    now += 60.001
    assert account.halt(now).banned_s == account.halt(now).blocked_s == 0
    longest = HORIZON_S + limit[1] + rate.burst * rate.seconds_per_weight + 0.001
    assert account.reserve(now, "b", rate, 1).wait_s <= longest
    assert account.reserve(now + longest, "b", rate, 1).wait_s < 0.001


@given(st.dictionaries(st.text(max_size=5), st.floats(0, 4e9), max_size=3), st.floats(0, 4e9), st.text(max_size=20))
def test_an_account_is_read_as_it_was_written(tats: dict[str, float], at: float, why: str):
    account = Account(tats)
    account.penalise(at, 3)
    account.ban(at, 4, why)
    account.greet(at, "one")
    assert Account.parse(account.text()) == account


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"tats": {"b": "soon"}}', '{"block": 7}'])
def test_a_text_that_cannot_be_read_is_a_fresh_account(text: str | None):
    assert Account.parse(text) == Account()


def test_workers_not_heard_of_are_forgotten():
    account = Account()
    assert [account.greet(1e9, "a"), account.greet(1e9 + 1, "b"), account.greet(1e9 + FORGOTTEN_S + 0.5, "b")] == [
        1,
        2,
        1,
    ]
