"""Workers spend one budget, see one penalty, and a sandbox is nobody else's business."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from qmd_platform.coordination.account import HORIZON_S, Rate
from qmd_platform.coordination.opening import Coordination
from tests.coordination.stores import Somewhere

RATE = Rate.of(200, 10)
SLOW = Rate.of(10, 60)
SANDBOX = "http://127.0.0.1:4000"


def test_a_token_bucket_is_taken_from_by_one_at_a_time(place: Somewhere):
    """The seamless provider's "non-atomic token bucket": two who read the same state both got the same place."""

    def spend(_: int) -> list[float]:
        async def run() -> list[float]:
            places = []
            with place.opened() as own:
                spending = own.budgets("gate")
                while (grant := await spending.reserve("spot", RATE, 1)).place is not None:
                    places.append(grant.place)
            return places

        return asyncio.run(run())

    with ThreadPoolExecutor(8) as pool:
        places = sorted(one for of_worker in pool.map(spend, range(8)) for one in of_worker)
    assert len(places) >= HORIZON_S / RATE.seconds_per_weight
    assert min(b - a for a, b in pairwise(places)) > 0.99 * RATE.seconds_per_weight


def test_a_bucket_and_a_venue_have_budgets_of_their_own(coordination: Coordination):
    async def run() -> None:
        gate, binance = coordination.budgets("gate"), coordination.budgets("binance")
        assert (await gate.reserve("spot", SLOW, 1)).place is not None
        assert (await gate.reserve("spot", SLOW, 1)).place is None
        assert (await gate.reserve("futures", SLOW, 1)).place is not None
        assert (await binance.reserve("spot", SLOW, 1)).place is not None

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["penalise", "ban"])
def test_a_penalty_holds_for_every_worker_also_one_started_later_and_for_this_venue_only(
    place: Somewhere, coordination: Coordination, kind: str
):
    async def run() -> None:
        one = coordination.budgets("gate")
        await (one.penalise(30) if kind == "penalise" else one.ban(30, "418: banned"))
        with place.opened() as later:
            grant = await later.budgets("gate").reserve("spot", RATE, 1)
            assert grant.place is None
            assert 10 < grant.wait_s <= 30
            assert grant.halt.why == ("" if kind == "penalise" else "418: banned")
            assert (await later.budgets("binance").reserve("spot", RATE, 1)).place is not None
            assert later.halt("gate") != later.halt("binance")

    asyncio.run(run())


def test_a_sandbox_s_penalties_are_its_own(coordination: Coordination):
    async def run() -> list[bool]:
        await coordination.budgets("gate", SANDBOX).ban(30, "418")
        asked = [
            coordination.budgets("gate", SANDBOX),
            coordination.budgets("gate", "http://127.0.0.1:4001"),
            coordination.budgets("gate"),
        ]
        return [(await one.reserve("spot", RATE, 1)).place is None for one in asked]

    assert asyncio.run(run()) == [True, False, False]


def test_a_sandbox_is_asked_as_fast_as_it_answers_unless_limits_are_kept(place: Somewhere):
    async def waits(keep: bool) -> bool:  # noqa: FBT001 - the one thing that differs
        with replace(place, keep_limits=keep).opened() as coordination:
            spending = coordination.budgets("gate", SANDBOX)
            grants = [await spending.reserve("spot", SLOW, 1) for _ in range(3)]
            return any(grant.place is None for grant in grants)

    assert not asyncio.run(waits(False))
    assert asyncio.run(waits(True))


def test_a_place_given_back_is_free_for_another_worker(place: Somewhere, coordination: Coordination):
    async def run() -> None:
        one = coordination.budgets("gate")
        grant = await one.reserve("spot", SLOW, 1)
        with place.opened() as other:
            assert (await other.budgets("gate").reserve("spot", SLOW, 1)).place is None
            await one.give_back("spot", SLOW, 1, grant.place)
            assert (await other.budgets("gate").reserve("spot", SLOW, 1)).place is not None

    asyncio.run(run())


def test_who_waits_for_the_end_of_the_venues_minute_makes_all_wait(place: Somewhere, coordination: Coordination):
    async def run() -> float:
        await coordination.budgets("gate").hold("spot", RATE, 5)
        with place.opened() as other:
            return (await other.budgets("gate").reserve("spot", RATE, 1)).wait_s

    assert 4 < asyncio.run(run()) < 6
