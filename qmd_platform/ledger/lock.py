"""A lock between processes on one machine: a file held with ``flock``.

What lives here: taking and letting go. What does not: deciding who wins a race; compare-and-swap in the ledger
does that. The kernel lets go of the lock of a process that dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qmd_platform.errors import LedgerError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` (made if absent, never deleted); waits for its holder, thread or process.

    Raises:
        LedgerError: the file cannot be made or locked; before anything was done under the lock.
    """
    handle = -1
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        _close(handle)
        raise LedgerError(f"cannot lock {path}: {error.strerror}", hint="nothing was changed") from error
    try:
        yield
    finally:
        _close(handle)


def _close(handle: int) -> None:
    # The kernel has let go of the lock whatever close says, and what was done under it is done.
    if handle >= 0:
        with suppress(OSError):
            os.close(handle)
