"""When the store is away: slower, alone, told once, never stuck, never faster; and shared again when it is back."""

import asyncio
import logging
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from qmd_platform.coordination.account import Rate
from qmd_platform.coordination.away import StoreAway, StoreBusy
from qmd_platform.coordination.link import Link
from qmd_platform.coordination.opening import FILE
from qmd_platform.coordination.port import Read
from qmd_platform.coordination.postgres import PostgresStore
from qmd_platform.coordination.redis import RedisStore
from qmd_platform.coordination.sharing import SharedSpending
from qmd_platform.coordination.sqlite import SqliteStore
from tests import guards
from tests.servers import Postgres, Redis, Server

RATE = Rate.of(200, 10)
PACE = 1 / RATE.seconds_per_weight


class Flickering:
    """A store in memory that is away when it is told to."""

    where = "memory"
    is_remote = False

    def __init__(self) -> None:
        self.error: StoreAway | None = None
        self.texts: dict[str, str] = {}
        self.asked = 0

    def read(self, key: str) -> Read:
        self.asked += 1
        if self.error:
            raise self.error
        return Read(time.time(), self.texts.get(key))

    def swap(self, key: str, old: str | None, new: str) -> bool:
        if self.texts.get(key) != old:
            return False
        self.texts[key] = new
        return True

    def close(self) -> None:
        """Nothing to give back."""


def spending(store: Flickering, worker: str = "me", retry_s: float = 0.2) -> SharedSpending:
    return SharedSpending(Link(store, retry_s=retry_s), "gate", worker, keeps_budgets=True)


async def places(of: SharedSpending, seconds: float) -> int:
    """How many places are given within ``seconds`` to one who asks all the time."""
    given, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        grant = await of.reserve("spot", RATE, 1)
        given += grant.place is not None and time.monotonic() + grant.wait_s < end
        await asyncio.sleep(0.002)
    return given


def test_alone_a_worker_is_slower_but_not_stuck():
    store = Flickering()
    one = spending(store)
    store.error = StoreAway("gone")
    given = asyncio.run(places(one, 3.0))
    assert 1 <= given <= 3.0 * PACE / 4


def test_all_workers_alone_are_not_faster_than_together():
    store = Flickering()
    workers = [spending(store, f"worker {number}") for number in range(8)]

    async def run() -> int:
        for _ in range(2):  # the second time all of them know of all
            for one in workers:
                await one.reserve("spot", RATE, 0.01)
        store.error = StoreAway("gone")
        return sum(await asyncio.gather(*(places(one, 3.0) for one in workers)))

    assert 8 <= asyncio.run(run()) <= 3.0 * PACE


def test_a_limiter_does_not_hang_after_one_store_error():
    """The seamless provider's "limiter hanging after one store error"."""
    store = Flickering()
    one = spending(store)

    async def run() -> list[bool]:
        before = await one.reserve("spot", RATE, 1)
        store.error = StoreAway("gone for a moment")
        during = await one.reserve("spot", RATE, 1)
        store.error = None
        await asyncio.sleep(0.25)
        after = await one.reserve("spot", RATE, 1)
        return [grant.place is not None for grant in (before, during, after)] + ["spot" in store.texts["gate"]]

    before, _, after, is_shared = asyncio.run(run())
    assert before
    assert after
    assert is_shared


def test_an_absence_is_told_once_and_so_is_the_return(caplog: pytest.LogCaptureFixture):
    store = Flickering()
    one = spending(store, retry_s=0.01)

    async def run() -> None:
        for error in (None, StoreAway("server on fire"), None):
            store.error = error
            for _ in range(5):
                await asyncio.sleep(0.02)
                await one.reserve("spot", RATE, 1)

    with caplog.at_level(logging.INFO, "qmd_platform.coordination"):
        asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "server on fire" in caplog.records[0].getMessage()


def test_a_store_that_is_away_is_left_alone_for_a_while():
    store = Flickering()
    store.error = StoreAway("gone")
    one = spending(store, retry_s=60)

    async def run() -> None:
        for _ in range(50):
            await one.reserve("spot", RATE, 1)

    asyncio.run(run())
    assert store.asked == 1


def test_a_store_that_is_only_busy_is_tried_for_a_second_and_then_away():
    store = Flickering()
    store.error = StoreBusy("crowded")
    one = spending(store)

    async def run() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        began, beats = loop.time(), 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        beating = asyncio.create_task(beat())
        await one.reserve("spot", RATE, 1)
        beating.cancel()
        return loop.time() - began, beats

    seconds, beats = asyncio.run(run())
    assert 1 <= seconds < 30
    assert beats > 10, "the event loop went on"


@pytest.mark.parametrize("kind", ["penalise", "ban"])
def test_a_penalty_met_alone_holds_alone_and_is_told_to_all_later(kind: str):
    store = Flickering()
    one, other = spending(store, "one", 0.05), spending(store, "other")

    async def run() -> None:
        store.error = StoreAway("gone")
        await (one.penalise(30) if kind == "penalise" else one.ban(30, "418"))
        assert (await one.reserve("spot", RATE, 1)).place is None
        store.error = None
        await asyncio.sleep(0.06)
        assert (await one.reserve("spot", RATE, 1)).place is None
        grant = await other.reserve("spot", RATE, 1)
        assert grant.place is None
        assert 10 < grant.wait_s <= 30

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["penalise", "ban"])
def test_a_penalty_that_was_told_or_heard_of_holds_when_the_store_goes_away(kind: str):
    store = Flickering()
    one, other = spending(store, "one"), spending(store, "other")

    async def run() -> None:
        await (one.penalise(30) if kind == "penalise" else one.ban(30, "418"))
        await other.reserve("spot", RATE, 1)
        store.error = StoreAway("gone")
        for worker in (one, other):
            grant = await worker.reserve("spot", RATE, 1)
            assert grant.place is None
            assert 10 < grant.wait_s <= 30

    asyncio.run(run())


def test_a_penalty_that_was_told_is_not_told_again():
    store = Flickering()
    one = spending(store)

    async def run() -> float:
        await one.penalise(0.3)
        await asyncio.sleep(0.2)
        await one.reserve("spot", RATE, 1)
        return (await one.halt()).blocked_s

    assert asyncio.run(run()) < 0.11


def test_a_damaged_file_is_moved_aside_and_made_anew(tmp_path: Path):
    path = tmp_path / FILE
    path.write_bytes(b"not a database at all" * 400)
    store = SqliteStore(path)
    with pytest.raises(StoreAway):
        store.read("k")
    assert store.swap("k", None, "text")
    assert store.read("k").text == "text"
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    store.close()


def test_a_file_damaged_in_the_middle_is_moved_aside_and_made_anew(tmp_path: Path):
    store = SqliteStore(tmp_path / FILE)
    for number in range(500):
        store.swap(f"key {number}", None, "x" * 200)
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(60_000))
    store.close()
    for number in range(500):
        try:
            store.read(f"key {number}")
        except StoreAway:
            break
    assert store.swap("k", None, "text")
    assert list(tmp_path.glob("*.damaged-*"))
    store.close()


def test_a_file_that_is_deleted_is_made_anew_and_shared_again(tmp_path: Path):
    """A process that went on with the deleted file would agree with nobody."""
    one, two = SqliteStore(tmp_path / FILE), SqliteStore(tmp_path / FILE)
    one.swap("k", None, "old")
    assert two.read("k").text == "old"
    for file in tmp_path.iterdir():
        file.unlink()
    assert one.swap("k", None, "new")
    assert two.read("k").text == "new"
    one.close()
    two.close()


def test_a_file_another_process_has_locked_is_busy_and_a_folder_that_is_gone_is_away(tmp_path: Path):
    store = SqliteStore(tmp_path / FILE)
    store.swap("k", None, "text")
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy):
        store.read("k")
    holder.execute("ROLLBACK")
    holder.close()
    assert store.read("k").text == "text"
    store.close()
    with pytest.raises(StoreAway, match="unable to open"):
        SqliteStore(tmp_path / "nowhere" / FILE).read("k")


def test_a_connection_whose_first_words_met_a_lock_is_made_anew(tmp_path: Path):
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("CREATE TABLE unrelated (one)")
    holder.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(tmp_path / FILE)
    with pytest.raises(StoreBusy):
        store.read("k")
    holder.execute("ROLLBACK")
    holder.close()
    assert store.read("k").text is None
    store.close()


def test_a_full_disk_is_away_and_not_an_error_of_the_fetch():
    store = SqliteStore(Path("/dev/full"))
    one = SharedSpending(Link(store), "gate", "me", keeps_budgets=True)
    grant = asyncio.run(one.reserve("spot", RATE, 1))
    assert grant.wait_s > 0
    store.close()


def outage(store: PostgresStore | RedisStore, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Ban, lose the store, find it again; nothing takes long."""
    one = SharedSpending(Link(store, retry_s=0.2), "gate", "me", keeps_budgets=True)

    async def run() -> None:
        await one.ban(600, "418")
        assert (await one.halt()).banned_s > 300
        away()
        began = time.monotonic()
        await one.reserve("spot", RATE, 1)
        assert time.monotonic() - began < 60
        back()
        end = time.monotonic() + 20
        while one._alone is not None:  # noqa: SLF001 - whether it is shared again
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
            await one.reserve("spot", RATE, 1)

    asyncio.run(run())
    store.close()


def signalled(number: signal.Signals, server: Postgres | Redis) -> None:
    """Stopped, its sockets stay open, and nobody answers."""
    process = server._process.pid  # noqa: SLF001 - to be stopped in the middle
    for pid in (process, *guards.children_of(process)):
        os.kill(pid, number)


hangs = (partial(signalled, signal.SIGSTOP), partial(signalled, signal.SIGCONT))
outages = pytest.mark.parametrize(("away", "back"), [hangs, (Server.kill, Server.start)], ids=["hangs", "is killed"])


@pytest.mark.slow
@outages
def test_postgres_that_goes_away_and_comes_back(
    own_postgres: Postgres, away: Callable[[Server], None], back: Callable[[Server], None]
):
    outage(PostgresStore(own_postgres.url), lambda: away(own_postgres), lambda: back(own_postgres))


@pytest.mark.slow
@outages
def test_redis_that_goes_away_and_comes_back(
    own_redis: Redis, away: Callable[[Server], None], back: Callable[[Server], None]
):
    outage(RedisStore(own_redis.url), lambda: away(own_redis), lambda: back(own_redis))
