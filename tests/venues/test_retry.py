"""What is asked again, how long is waited, and that it always ends."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import BadPage, Banned, Refused, Throttled, UnknownMarket, VenueDown
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.retry import Meter, Patience, Retry, telling
from qmd_platform.venues.throttle import Pace

QUICK = Patience(base_seconds=0.0001, cap_seconds=0.001)


def retrying(patience: Patience = QUICK) -> tuple[Retry, Pace]:
    pace = Pace("venue", {})
    return Retry("venue", pace, patience, random.Random(1)), pace  # noqa: S311 - jitter


def answered(retry: Retry, pace: Pace, answer: Callable[[int], str], traffic: Traffic) -> str:
    """What comes of asking a venue that gives or raises ``answer(n)`` to the n-th question."""
    asked = 0

    async def ask() -> str:
        nonlocal asked
        await pace.turn("bucket", 1, retry.check)
        asked += 1
        return answer(asked)

    return asyncio.run(retry.answer(ask, Meter(traffic)))


def failing(error: Exception, times: int = 10**9) -> Callable[[int], str]:
    def answer(n: int) -> str:
        if n <= times:
            raise error
        return "answer"

    return answer


@pytest.mark.parametrize("error", [VenueDown("venue", "reset"), BadPage("venue", "html")])
def test_a_passing_failure_is_tried_again(error: Exception):
    traffic = Traffic()
    assert answered(*retrying(), failing(error, 5), traffic) == "answer"
    assert traffic.retries == 5
    assert traffic.failures == {type(error).__name__: 5}
    assert traffic.waits_seconds > 0


def test_who_waits_is_told_of_failures_that_are_tried_again():
    heard: list[Exception] = []
    error = VenueDown("venue", "reset")
    with telling(heard.append):
        answered(*retrying(), failing(error, 2), Traffic())
    answered(*retrying(), failing(error, 1), Traffic())
    assert heard == [error, error]


def test_a_failure_that_does_not_pass_is_raised_after_the_last_try():
    traffic = Traffic()
    with pytest.raises(VenueDown, match="reset"):
        answered(*retrying(), failing(VenueDown("venue", "reset")), traffic)
    assert (traffic.retries, traffic.failures) == (5, {"VenueDown": 6})


@pytest.mark.parametrize("error", [Refused("venue", "403"), UnknownMarket("venue", "none"), LookupError()])
def test_a_permanent_refusal_or_a_bug_is_not_tried_again(error: Exception):
    traffic = Traffic()
    with pytest.raises(type(error)):
        answered(*retrying(), failing(error), traffic)
    assert traffic.retries == 0


def test_being_asked_to_wait_uses_up_no_try():
    patience = Patience(tries=2, base_seconds=0.0001, cap_seconds=0.001)
    traffic = Traffic()
    assert answered(*retrying(patience), failing(Throttled("venue", "429", retry_after=0), 20), traffic) == "answer"
    assert traffic.failures == {"Throttled": 20}


@pytest.mark.parametrize("named", [0.0, 0.004])
def test_a_venue_that_never_stops_asking_to_wait_ends_in_an_error(named: float):
    patience = Patience(base_seconds=0.001, cap_seconds=0.02, most_waiting_seconds=0.1)
    traffic = Traffic()
    with pytest.raises(VenueDown, match="asks to wait"):
        answered(*retrying(patience), failing(Throttled("venue", "429", retry_after=named)), traffic)
    assert traffic.failures["Throttled"] < 40


def test_a_wait_longer_than_our_patience_is_not_waited_by_anyone():
    retry, pace = retrying(Patience(most_waiting_seconds=1))
    for _ in range(2):
        with pytest.raises(VenueDown, match="asks to wait for 3600 s in all, longer than 1 s"):
            answered(retry, pace, failing(Throttled("venue", "429", retry_after=3600)), Traffic())


def test_a_ban_stops_this_request_and_every_later_one():
    retry, pace = retrying()
    with pytest.raises(Banned):
        answered(retry, pace, failing(Banned("venue", "418", retry_after=120)), Traffic())
    with pytest.raises(Banned, match=r"418 \(for 120 s more\)"):
        answered(retry, pace, lambda n: pytest.fail("asked in spite of the ban"), Traffic())


def test_when_the_ban_is_over_the_venue_is_asked_again():
    retry, pace = retrying()
    with pytest.raises(Banned):
        answered(retry, pace, failing(Banned("venue", "418", retry_after=0.05)), Traffic())
    time.sleep(0.06)
    assert answered(retry, pace, lambda n: "answer", Traffic()) == "answer"


@given(st.integers(1, 200), st.integers(0, 2**32))
def test_waits_grow_to_a_cap_and_are_spread_over_the_whole_of_it(failures: int, seed: int):
    patience = Patience(base_seconds=0.2, cap_seconds=30)
    wait = patience.wait(failures, random.Random(seed))  # noqa: S311 - jitter
    assert 0 <= wait <= min(0.2 * 2 ** (failures - 1), 30)
    assert patience.least_block(failures) == min(0.2 * 2 ** (failures - 1), 30)


def test_every_traffic_given_is_counted():
    total, partition = Traffic(), Traffic()
    meter = Meter(total, partition)
    meter.request()
    meter.answer(10)
    meter.retry()
    meter.waited(0.5)
    meter.failure(BadPage("venue", "html"))
    assert total == partition == Traffic(1, 10, 1, 0.5, {"BadPage": 1})
