"""One at a time: a file that is held by the process that does something no second one may do.

What lives here: taking it or being refused. What does not: what is done under it. The kernel lets go of it when its holder
dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qmd_platform.errors import ConfigError, LakeError


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold ``path`` (made if absent). ConfigError: another process holds it, and so is ``what``; LakeError: no such folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LakeError(f"cannot write {path}: {error.strerror}") from error
    try:
        _hold(handle, path, what)
        yield
    finally:
        os.close(handle)


def _hold(handle: int, path: Path, what: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text(encoding="ascii", errors="replace").strip()
        raise ConfigError(
            f"{what} is running already (process {holder or 'unknown'})", hint="one a home; `qmd live` shows it"
        ) from None
    with suppress(OSError):  # a full disk: the lock is held, only its holder is not told
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
