"""The budget's arithmetic, and who may go when the venue says wait."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.venues import facts
from qmd_platform.venues.facts import Budget
from qmd_platform.venues.throttle import BURST, SHARE, Gcra, Pace

budgets = st.builds(Budget, st.just("b"), st.integers(20, 6000).map(float), st.sampled_from([1.0, 10.0, 60.0]))


@given(
    budgets,
    st.lists(st.tuples(st.floats(0, 30, allow_subnormal=False), st.floats(0.01, 1.0)), min_size=1, max_size=60),
)
def test_no_period_of_a_budget_holds_more_weight_than_its_share(budget: Budget, gaps: list[tuple[float, float]]):
    gcra = Gcra.of(budget)
    heaviest = budget.weight * SHARE * BURST
    now, sent = 0.0, []
    for gap, part in gaps:
        now += gap
        weight = part * heaviest
        at = gcra.reserve(now, weight)
        assert at >= now
        sent.append((at, weight))
    for first, _ in sent:
        in_period = sum(weight for at, weight in sent if first <= at < first + budget.seconds)
        assert in_period <= budget.weight * SHARE * (1 + 1e-9)


@given(budgets, st.floats(0.001, 0.1))
def test_a_long_run_uses_what_it_may(budget: Budget, part: float):
    gcra = Gcra.of(budget)
    weight = budget.weight * SHARE * BURST * part
    count = int(3 * budget.weight / weight)
    at = 0.0
    for _ in range(count):
        at = gcra.reserve(0.0, weight)
    assert count * weight / at >= 0.9 * SHARE * (1 - BURST) * budget.weight / budget.seconds


def test_turns_are_given_in_the_order_asked():
    gcra = Gcra.of(Budget("b", 60, 60))
    turns = [gcra.reserve(0.0, 1) for _ in range(200)]
    assert turns == sorted(turns)
    assert turns[0] == 0.0


def test_after_a_pause_only_the_burst_goes_at_once():
    gcra = Gcra.of(Budget("b", 1000, 10))
    gcra.reserve(0.0, 1)
    at_once = [turn for turn in (gcra.reserve(1e6, 1) for _ in range(200)) if turn <= 1e6]
    assert len(at_once) == 1000 * SHARE * BURST


def test_a_turn_behind_a_block_is_not_before_its_end():
    gcra = Gcra.of(Budget("b", 60, 60))
    assert gcra.reserve(0.0, 1, not_before=5.0) == 5.0
    assert gcra.reserve(0.0, 1) >= 5.0 - gcra.burst_seconds


@pytest.mark.parametrize(("venue", "kind"), [(v, k) for v, known in facts.VENUES.items() for k in known.kinds])
def test_a_page_of_every_venue_fits_the_burst(venue: str, kind: str):
    known = facts.of(venue, kind)
    assert known.weight(known.page_limit) <= known.budget.weight * SHARE * BURST


def allowed() -> None:
    """Nothing speaks against waiting."""


def test_a_block_holds_for_every_bucket_and_for_those_already_waiting():
    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        slow = Gcra(seconds_per_weight=0.05, burst_seconds=0.05)
        pace = Pace({"slow": slow}, clock=loop.time)
        began = loop.time()

        async def request(bucket: str) -> float:
            await pace.turn(bucket, 1, allowed)
            return loop.time() - began

        waiting = [asyncio.create_task(request("slow")) for _ in range(4)]
        await asyncio.sleep(0.01)
        pace.penalise(0.5)
        pace.penalise(0.1)
        return await asyncio.gather(*waiting, request("unlimited"))

    first, *behind, unlimited = asyncio.run(run())
    assert first < 0.5
    assert min(*behind, unlimited) >= 0.5
    assert max(behind) >= 0.5 + 0.05, "not all at once when the block ends"


def test_who_waits_hears_that_there_is_no_sense_in_waiting():
    async def run() -> None:
        pace = Pace({}, clock=asyncio.get_running_loop().time)
        pace.penalise(0.02)

        def refuse_after_the_wait() -> None:
            if not pace.blocked_for():
                raise LookupError

        with pytest.raises(LookupError):
            await pace.turn("any", 1, refuse_after_the_wait)

    asyncio.run(run())
