"""The reader for asyncio: ``from qmd_platform.reader import aio``, then ``await aio.read(...)``.

What lives here: every function of the reader, awaited. Each runs in a thread of its own, so that neither a lake on a slow
disk nor a venue holds up the event loop. Who is cancelled stops waiting at once, and what was filled for him alone ends; the
months that are committed by then stay. What does not: anything else (``reader.candles``, whose arguments, results and
errors these have).
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from qmd_platform.reader import candles as _candles
from qmd_platform.reader import coverage as _coverage
from qmd_platform.reader import funding as _funding
from qmd_platform.reader import gaps as _gaps
from qmd_platform.reader import read as _read
from qmd_platform.reader import read_funding as _read_funding
from qmd_platform.reader import read_many as _read_many
from qmd_platform.reader.stopping import Stop, going_by
from qmd_platform.reader.waiting import in_thread

__all__ = ["candles", "coverage", "funding", "gaps", "read", "read_funding", "read_many"]

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    @wraps(function)
    async def awaited(*args: P.args, **options: P.kwargs) -> T:
        stop = Stop()
        work = going_by(stop, partial(function, *args, **options))
        try:
            return await asyncio.wrap_future(in_thread(work, f"qmd-{function.__name__}"))
        finally:
            stop.say()

    return awaited


read = _awaited(_read)
candles = _awaited(_candles)
coverage = _awaited(_coverage)
gaps = _awaited(_gaps)
funding = _awaited(_funding)
read_funding = _awaited(_read_funding)
read_many = _awaited(_read_many)
