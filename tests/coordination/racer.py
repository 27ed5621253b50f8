"""One of a crew that races on a store (``tests.coordination.crew``); its errands are WHAT and its arguments.

What lives here: what each does, told on standard output. What does not: what is expected of them (the tests).
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from qmd_platform.coordination.away import StoreBusy
from qmd_platform.coordination.opening import Coordination
from tests.coordination.crew import say, serve
from tests.coordination.stores import Somewhere

T = TypeVar("T")


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


def take(coordination: Coordination, keys: str) -> None:
    """Take each lease once; say which were given, and their numbers."""
    for key in range(int(keys)):
        lease = coordination.leases.take(f"key {key}", owner=f"racer {os.getpid()}", seconds=3600)
        if lease is not None and lease.is_granted:
            say(key, lease.number)


def hold(coordination: Coordination, key: str, seconds: str) -> None:
    """Take a lease and keep it until killed."""
    lease = coordination.leases.take(key, owner="holder", seconds=float(seconds))
    say(lease.number if lease else "none")
    while lease and lease.renew():
        time.sleep(float(seconds) / 3)


@contextmanager
def prepared(where: str, what: str, *rest: str) -> Iterator[Callable[[], None]]:
    """The errand ``what`` on an open store."""
    with Somewhere.parse(where).opened() as coordination:
        yield lambda: ERRANDS[what](coordination, *rest)


ERRANDS: dict[str, Callable[..., None]] = {"count": count, "take": take, "hold": hold}

if __name__ == "__main__":
    serve(prepared)
