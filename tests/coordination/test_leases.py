"""A lease is one worker's, ends by itself, and is never two workers' at once."""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.coordination.leases import Leases, held_lease
from qmd_platform.coordination.link import Link
from qmd_platform.coordination.opening import Coordination
from qmd_platform.coordination.port import Read
from qmd_platform.coordination.sqlite import SqliteStore
from tests.coordination.crew import Process, begun, crew, together
from tests.coordination.stores import Somewhere

RACER = "tests.coordination.racer"
KEYS = 20


class Remembered:
    """A store in memory whose clock the test moves."""

    where = "memory"
    is_remote = False

    def __init__(self) -> None:
        self.now = 1e9
        self.texts: dict[str, str] = {}

    def read(self, key: str) -> Read:
        return Read(self.now, self.texts.get(key))

    def swap(self, key: str, old: str | None, new: str) -> bool:
        if self.texts.get(key) != old:
            return False
        self.texts[key] = new
        return True

    def close(self) -> None:
        """Nothing to give back."""


def test_who_comes_second_waits_for_the_release_or_the_end(coordination: Coordination):
    leases = coordination.leases
    first = leases.take("a", owner="one", seconds=60)
    assert first.is_held()
    assert leases.take("a", owner="two", seconds=60) is None
    assert leases.take("a", owner="one", seconds=60) is None, "overlapping leases both granted"
    first.release()
    assert not first.is_held()
    second = leases.take("a", owner="two", seconds=0.05)
    time.sleep(0.1)
    assert not second.is_held()
    third = leases.take("a", owner="three", seconds=60)
    assert first.number < second.number < third.number


def test_a_lease_is_renewed_by_its_holder_only(coordination: Coordination):
    leases = coordination.leases
    first = leases.take("a", owner="one", seconds=1.5)
    time.sleep(0.9)
    assert first.renew()
    time.sleep(0.9)
    assert first.is_held()
    time.sleep(0.9)
    second = leases.take("a", owner="one", seconds=60)
    assert not first.renew()
    assert first.is_lost
    first.release()
    assert second.is_held(), "the release of one who lost it changed nothing"
    second.release()
    second.release()
    assert not second.renew()


def test_checkpoint_keys_of_different_symbols_do_not_collide(coordination: Coordination):
    keys = [
        "binance:BTC/USDT/candles_1m/2024-01",
        "binance:BTC/USDT:USDT/candles_1m/2024-01",
        "binance:BTC/USDT/candles_1m/2024-1",
        "binance:BTC/USDT/candles_1h/2024-01",
        "binance:btc/usdt/candles_1m/2024-01",
        "gate:BTC/USDT/candles_1m/2024-01",
        "gate:BTC_USDT/candles_1m/2024-01",
        "BTC|USDT",
        "BTC%7CUSDT",
        " BTC|USDT",
        "",
    ]
    taken = [coordination.leases.take(key, owner="one", seconds=60) for key in keys]
    assert all(lease is not None and lease.is_granted for lease in taken)


def test_two_lakes_in_one_store_have_leases_of_their_own(place: Somewhere, coordination: Coordination):
    assert coordination.leases.take("a", owner="one", seconds=60)
    with replace(place, lake="another").opened() as other:
        assert other.leases.take("a", owner="two", seconds=60)


@pytest.mark.slow
def test_of_eight_takers_exactly_one_gets_each_lease(place: Somewhere, racers: list[Process]):
    said = together(racers, lambda _: [place.text, "take", str(KEYS)])
    given = [line.split() for text in said for line in text.splitlines()]
    assert Counter(key for key, _ in given) == {str(key): 1 for key in range(KEYS)}, given


@pytest.mark.slow
def test_a_killed_holder_is_succeeded_after_its_lease(place: Somewhere, coordination: Coordination):
    with crew(RACER, 1) as holders:
        begun(holders, lambda _: [place.text, "hold", "a", "2"])
        (holder,) = holders
        number = int(holder.stdout.readline())
        time.sleep(2.5)
        assert coordination.leases.take("a", owner="two", seconds=60) is None, "it is renewed while its holder lives"
        holder.kill()
        killed = time.monotonic()
        while (lease := coordination.leases.take("a", owner="two", seconds=60)) is None:
            assert time.monotonic() - killed < 30
            time.sleep(0.02)
    assert lease.number > number


def test_work_under_a_lease_keeps_it_for_as_long_as_it_takes(coordination: Coordination):
    async def run() -> None:
        async with held_lease(coordination.leases, "a", owner="one", seconds=1.5) as lease:
            await asyncio.sleep(2)
            assert lease.is_held()
            assert not lease.is_lost
            async with held_lease(coordination.leases, "a", owner="two", seconds=1) as none:
                assert none is None
        async with held_lease(coordination.leases, "a", owner="two", seconds=1) as lease:
            assert lease.is_held()

    asyncio.run(run())


def test_who_is_patient_gets_the_lease_when_it_is_free(coordination: Coordination):
    async def run() -> bool:
        first = coordination.leases.take("a", owner="one", seconds=0.2)
        async with held_lease(coordination.leases, "a", owner="two", seconds=0.3, patience_s=5) as second:
            return second is not None and second.number > first.number

    assert asyncio.run(run())


def test_a_cancelled_worker_gives_its_lease_back(coordination: Coordination):
    async def run() -> None:
        working = asyncio.Event()

        async def work() -> None:
            async with held_lease(coordination.leases, "a", owner="one", seconds=60):
                working.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await working.wait()
        assert coordination.leases.take("a", owner="two", seconds=60) is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert coordination.leases.take("a", owner="two", seconds=60)

    asyncio.run(run())


def test_a_worker_cancelled_while_it_takes_a_lease_gives_it_back(coordination: Coordination):
    async def run() -> None:
        async def work() -> None:
            async with held_lease(coordination.leases, "a", owner="one", seconds=60):
                pytest.fail("it was cancelled before")

        task = asyncio.create_task(work())
        await asyncio.sleep(0)  # it has begun, and its thread is asking
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert coordination.leases.take("a", owner="two", seconds=60)

    asyncio.run(run())


def test_a_lease_that_was_lost_while_working_says_so(coordination: Coordination, caplog: pytest.LogCaptureFixture):
    async def run() -> bool:
        async with held_lease(coordination.leases, "a", owner="one", seconds=0.2) as lease:
            time.sleep(0.3)  # noqa: ASYNC251 - the whole process stands still, as a suspended machine does
            assert coordination.leases.take("a", owner="two", seconds=60)
            for _ in range(500):
                if lease.is_lost:
                    break
                await asyncio.sleep(0.02)
            return lease.is_lost

    assert asyncio.run(run())
    assert "was lost" in caplog.text


def test_without_a_store_work_is_done_and_not_silently_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The seamless provider's "coordinator unreachable silently skipping work"."""

    async def run() -> list[bool]:
        coordination = Somewhere(str(tmp_path), redis="redis://127.0.0.1:1/0").opened()
        async with held_lease(coordination.leases, "a", owner="one", seconds=60) as lease:
            return [lease is not None, lease.is_granted, lease.is_held(), lease.is_lost]

    with caplog.at_level(logging.INFO, "qmd_platform.coordination"):
        assert asyncio.run(run()) == [True, False, False, False]
    assert "cannot agree" in caplog.text
    assert "a is worked on without a lease" in caplog.text


def test_a_clock_that_jumps_back_frees_the_lease_after_its_length():
    store = Remembered()
    leases = Leases(Link(store), "lease|")
    assert leases.take("a", owner="one", seconds=60)
    store.now -= 1e6
    assert leases.take("a", owner="two", seconds=60) is None
    store.now += 61
    assert leases.take("a", owner="two", seconds=60)


moves = st.lists(
    st.tuples(st.sampled_from(["take", "renew", "release", "wait", "forget"]), st.integers(0, 2), st.floats(0.1, 40)),
    max_size=60,
)


@settings(max_examples=200)
@given(moves)
def test_at_no_time_do_two_hold_one_lease_and_its_number_only_grows(steps: list[tuple[str, int, float]]):
    store = Remembered()
    leases = Leases(Link(store), "")
    held = {}
    numbers = [0]
    for what, who, seconds in steps:
        if what == "take" and (lease := leases.take("a", owner=str(who), seconds=30)):
            held[who] = lease
            numbers.append(lease.number)
        elif what == "wait":
            store.now += seconds
        elif what == "forget" and not any(lease.is_held() for lease in held.values()):
            store.texts.clear()
            store.now += 0.001
        elif what in {"renew", "release"} and who in held:
            getattr(held[who], what)()
        assert sum(lease.is_held() for lease in held.values()) <= 1
    assert numbers == sorted(set(numbers))


def test_a_damaged_text_is_no_lease(tmp_path: Path):
    store = SqliteStore(tmp_path / "c.sqlite")
    store.swap("lease|lake|a", None, "{nonsense")
    assert Leases(Link(store), "lease|lake|").take("a", owner="one", seconds=60).is_held()
    store.close()
