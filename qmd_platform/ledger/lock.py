"""A lock between processes on one machine: a file held with ``flock``.

What lives here: taking and letting go. What does not: deciding who wins a race; compare-and-swap in the ledger
does that. The kernel lets go of the lock of a process that dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` (made if absent, never deleted); waits for its holder, thread or process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
