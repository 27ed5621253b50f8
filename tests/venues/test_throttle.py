"""Who may go when: turns, penalties, bans, and what the venue counts itself."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from qmd_platform.coordination.account import BURST, SHARE, Grant, Halt, Rate
from qmd_platform.coordination.local import LocalSpending
from qmd_platform.errors import Banned
from qmd_platform.venues import facts
from qmd_platform.venues.facts import Budget
from qmd_platform.venues.throttle import Pace

T = TypeVar("T")

SLOW = Budget("slow", 10, 0.5)
SPACING = SLOW.seconds / (SLOW.weight * SHARE)


def allowed() -> None:
    """Nothing speaks against waiting."""


def with_pace(work: Callable[[Pace], Awaitable[T]]) -> T:
    async def run() -> T:
        return await work(Pace("venue", {"slow": SLOW}))

    return asyncio.run(run())


@pytest.mark.parametrize(("venue", "kind"), [(v, k) for v, known in facts.VENUES.items() for k in known.kinds])
def test_a_page_of_every_venue_fits_the_burst(venue: str, kind: str):
    known = facts.of(venue, kind)
    assert known.weight(known.page_limit) <= Rate.of(known.budget.weight, known.budget.seconds).burst


@pytest.mark.parametrize(("venue", "kind"), [(v, k) for v, known in facts.VENUES.items() for k in known.kinds])
def test_nine_tenths_of_every_documented_limit_are_used(venue: str, kind: str):
    known = facts.of(venue, kind)
    rate = Rate.of(known.budget.weight, known.budget.seconds)
    assert 1 / rate.seconds_per_weight >= 0.9 * known.budget.weight / known.budget.seconds


@pytest.mark.parametrize(("venue", "kind"), [(v, k) for v, known in facts.VENUES.items() for k in known.kinds])
def test_a_limit_with_a_burst_below_one_request_counts_requests(venue: str, kind: str):
    known = facts.of(venue, kind)
    if known.budget.weight * SHARE * BURST < 1:
        assert {weight for _, weight in known.weights} == {1}


def test_a_block_holds_for_every_bucket_and_for_those_already_waiting():
    async def work(pace: Pace) -> tuple[list[float], float]:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def request(bucket: str) -> float:
            await pace.turn(bucket, 1, allowed)
            return loop.time() - began

        waiting = [asyncio.create_task(request("slow")) for _ in range(4)]
        await asyncio.sleep(0.01)
        await pace.penalise(0.5)
        await pace.penalise(0.1)
        return await asyncio.gather(*waiting), await request("unlimited")

    (first, *behind), unlimited = with_pace(work)
    assert first < 0.5
    assert min(*behind, unlimited) >= 0.5
    assert max(behind) >= 0.5 + SPACING, "not all at once when the block ends"


def test_turns_are_given_in_the_order_asked():
    async def work(pace: Pace) -> list[int]:
        order: list[int] = []

        async def request(number: int) -> None:
            await pace.turn("slow", 1, allowed)
            order.append(number)

        await asyncio.gather(*(request(number) for number in range(12)))
        return order

    assert with_pace(work) == list(range(12))


def test_who_waits_hears_that_there_is_no_sense_in_waiting():
    async def work(pace: Pace) -> None:
        await pace.penalise(0.02)

        def refuse_after_the_wait() -> None:
            if not pace.blocked_for():
                raise LookupError

        with pytest.raises(LookupError):
            await pace.turn("any", 1, refuse_after_the_wait)

    with_pace(work)


def test_a_cancelled_waiter_gives_its_place_back():
    async def work(pace: Pace) -> float:
        loop = asyncio.get_running_loop()
        await pace.turn("slow", 1, allowed)
        began = loop.time()
        waiting = asyncio.create_task(pace.turn("slow", 1, allowed))
        await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await pace.turn("slow", 1, allowed)
        return loop.time() - began

    assert with_pace(work) < 1.8 * SPACING


def test_many_cancelled_waiters_leave_nothing_that_lasts():
    async def work(pace: Pace) -> float:
        waiting = [asyncio.create_task(pace.turn("slow", 1, allowed)) for _ in range(200)]
        await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await pace.turn("slow", 1, allowed)

    assert with_pace(work) < 1.2


def test_who_slept_too_long_takes_a_new_place():
    """A place in the past, used late, would put more into the following window than the limit."""
    done: list[str] = []

    class Sleepy(LocalSpending):
        async def reserve(self, bucket: str, rate: Rate | None, weight: float) -> Grant:
            done.append("reserve")
            return await super().reserve(bucket, rate, weight)

        async def halt(self) -> Halt:
            done.append("wake late")
            await asyncio.sleep(0.1)
            return await super().halt()

    async def run() -> None:
        pace = Pace("venue", {"slow": SLOW}, Sleepy())
        await pace.turn("slow", 1, allowed)
        await pace.turn("slow", 1, allowed)

    asyncio.run(run())
    assert done == ["reserve", "reserve", "wake late", "reserve"]


def test_a_ban_is_refused_until_it_is_over():
    async def work(pace: Pace) -> float:
        await pace.ban(Banned("venue", "banned: IP banned", retry_after=1))
        with pytest.raises(Banned, match="venue: banned: IP banned"):
            await pace.turn("slow", 1, allowed)
        await asyncio.sleep(1.01)
        return await pace.turn("slow", 1, allowed)

    assert with_pace(work) < 0.9


@pytest.mark.parametrize(("used", "least", "most"), [(9.6, 0, 0.9), (9.7, 1, 10), (10, 1, 10)])
def test_when_the_venue_counts_more_than_we_spend_the_end_of_its_minute_is_waited_for(
    used: float, least: float, most: float
):
    async def work(pace: Pace) -> float:
        await pace.used("slow", used, 1)
        return await pace.turn("slow", 1, allowed)

    assert least <= with_pace(work) < most


def test_what_a_venue_counts_in_a_bucket_without_a_budget_is_nothing_to_us():
    async def work(pace: Pace) -> float:
        await pace.used("other", math.inf, 60)
        return await pace.turn("other", 1, allowed)

    assert with_pace(work) < 0.9
