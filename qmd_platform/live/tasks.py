"""Work side by side in one event loop: which of it ends first, and which must not be left in the middle.

What lives here: waiting. What does not: the work (``live.collector``).
"""

import asyncio
from collections.abc import Coroutine


async def first_of(*tasks: "asyncio.Future[None]") -> None:
    """Wait until one of them ends, and raise what ended it; the first of them is cancelled on the way out."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)


async def to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do ``work`` to its end, however often this is cancelled meanwhile; CancelledError afterwards where it was."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
