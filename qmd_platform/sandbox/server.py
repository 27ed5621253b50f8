"""Ways to run the sandbox: in a thread for tests, in the foreground for the command line.

What lives here: event loops, threads, signals. What does not: the service itself (``service``).
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Unpack

from qmd_platform.errors import ConfigError
from qmd_platform.sandbox.service import HOST, Sandbox
from qmd_platform.sandbox.state import Options


@contextmanager
def running(*, port: int = 0, **options: Unpack[Options]) -> Iterator[str]:
    """The address of a sandbox that runs in a thread of its own until the block ends. Arguments: ``Sandbox``."""
    with serving(port=port, **options) as sandbox:
        yield sandbox.url


@contextmanager
def serving(*, port: int = 0, **options: Unpack[Options]) -> Iterator[Sandbox]:
    """``running``, with the sandbox itself: ``url``, ``truth``, ``requests``, ``figures``, ``plan_faults``, ...

    Its clock and plans may be changed from any thread while it serves.
    """
    sandbox = Sandbox(port=port, **options)
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_until_called(sandbox, ready)), name="sandbox", daemon=True)
    thread.start()
    try:
        stop = ready.result()
        try:
            yield sandbox
        finally:
            stop()
    finally:
        thread.join()


async def _until_called(sandbox: Sandbox, ready: "Future[Callable[[], object]]") -> None:
    """Serve until somebody calls what ``ready`` gets, from any thread."""
    told = asyncio.Event()
    try:
        await sandbox.start()
    except ConfigError as error:
        ready.set_exception(error)
        return
    ready.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, told.set))
    await told.wait()
    await sandbox.stop()


def run(
    *,
    host: str = HOST,
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> None:
    """Serve until SIGINT or SIGTERM. ``on_ready`` is called once with the address. Arguments: ``Sandbox``.

    Raises:
        ConfigError: as ``Sandbox``, or ``host`` is not loopback: the sandbox has no protection against strangers.
    """
    if host not in {HOST, "localhost"}:
        raise ConfigError(f"the sandbox listens on loopback only, not on {host}", hint=f"use {HOST}")
    sandbox = Sandbox(port=port, **options)
    asyncio.run(_until_told(sandbox, on_ready))


async def _until_told(sandbox: Sandbox, on_ready: Callable[[str], None] | None) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with sandbox:
        if on_ready is not None:
            on_ready(sandbox.url)
        await told.wait()
