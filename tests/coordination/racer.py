"""Programs that race on a store: ``python -m tests.coordination.racer WHAT WHERE ...``.

What lives here: what each does, told on standard output. What does not: what is expected of them (the tests).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from qmd_platform.coordination.away import StoreBusy
from qmd_platform.coordination.opening import Coordination
from qmd_platform.coordination.port import Rate
from tests.coordination.stores import Somewhere

T = TypeVar("T")


def say(*words: object) -> None:
    """One line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` says when it is not busy."""
    while True:
        try:
            return ask()
        except StoreBusy:
            time.sleep(0.001)


def count(coordination: Coordination, times: str) -> None:
    """Add 1 to a text so often."""
    store, done = coordination.store, 0
    while done < int(times):
        read = patiently(lambda: store.read("count"))
        done += patiently(lambda read=read: store.swap("count", read.text, str(int(read.text or "0") + 1)))


def take(coordination: Coordination, keys: str, owner: str) -> None:
    """Take each lease once; say which were given, and their numbers."""
    for key in range(int(keys)):
        lease = coordination.leases.take(f"key {key}", owner=owner, seconds=3600)
        if lease is not None and lease.is_granted:
            say(key, lease.number)


def hold(coordination: Coordination, key: str, seconds: str) -> None:
    """Take a lease and keep it until killed."""
    lease = coordination.leases.take(key, owner="holder", seconds=float(seconds))
    say(lease.number if lease else "none")
    while lease and lease.renew():
        time.sleep(float(seconds) / 3)


def spend(coordination: Coordination, seconds: str) -> None:
    """Reserve as fast as it goes; say how many places, and what each took in microseconds."""
    spending, rate = coordination.budgets("gate"), Rate.of(1e9, 1)

    async def run() -> tuple[int, float]:
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < float(seconds):
            await spending.reserve("spot", rate, 1)
            done += 1
        return done, (time.perf_counter() - began) / done

    done, each = asyncio.run(run())
    say(done, round(each * 1e6))


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    with Somewhere.parse(where).opened() as opened:
        say("ready")
        sys.stdin.readline()
        {"count": count, "take": take, "hold": hold, "spend": spend}[what](opened, *rest)
        say("done")
        sys.stdin.read()
