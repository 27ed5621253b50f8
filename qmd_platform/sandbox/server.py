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
from pathlib import Path

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import InstantLike
from qmd_platform.sandbox.service import HOST, Sandbox


@contextmanager
def running(
    *,
    port: int = 0,
    now: InstantLike | None = None,
    replay: Path | str | None = None,
    faults: Path | str | None = None,
    gate_history_points: int | None = None,
) -> Iterator[str]:
    """The address of a sandbox that runs in a thread of its own until the block ends. Arguments: ``Sandbox``."""
    sandbox = Sandbox(port=port, now=now, replay=replay, faults=faults, gate_history_points=gate_history_points)
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_until_called(sandbox, ready)), name="sandbox", daemon=True)
    thread.start()
    try:
        stop = ready.result()
        try:
            yield sandbox.url
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
    now: InstantLike | None = None,
    replay: Path | str | None = None,
    faults: Path | str | None = None,
    on_ready: Callable[[str], None] | None = None,
    gate_history_points: int | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``on_ready`` is called once with the address. Arguments: ``Sandbox``.

    Raises:
        ConfigError: as ``Sandbox``, or ``host`` is not loopback: the sandbox has no protection against strangers.
    """
    if host not in {HOST, "localhost"}:
        raise ConfigError(f"the sandbox listens on loopback only, not on {host}", hint=f"use {HOST}")
    sandbox = Sandbox(port=port, now=now, replay=replay, faults=faults, gate_history_points=gate_history_points)
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
