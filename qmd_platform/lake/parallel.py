"""The same work on many files, side by side.

What lives here: the threads. What does not: the work (``lake.blobs``, ``lake.objects``).
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8
"""Most of the work is waiting for a disk or a server; more than 8 at once gained nothing where it was measured."""


def side_by_side(work: Callable[[T], object], items: Iterable[T]) -> None:
    """Do ``work`` on all ``items``. After a failure no more are begun; it is raised once all have ended."""
    todo = list(items)
    if len(todo) <= 1:  # no thread for one
        for item in todo:
            work(item)
        return
    failed = Event()

    def unless_failed(item: T) -> None:
        if not failed.is_set():
            with ExitStack() as on_failure:
                on_failure.callback(failed.set)
                work(item)
                on_failure.pop_all()

    with ThreadPoolExecutor(min(AT_ONCE, len(todo))) as pool:
        tasks = [pool.submit(unless_failed, item) for item in todo]
    for task in tasks:
        task.result()
