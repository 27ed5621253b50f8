"""Bytes and names on the local disk that outlive a power loss.

What lives here: writing one new file, and making the names in a folder durable. What does not: which folders that takes
(``lake.blobs``).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_new(target: Path, data: bytes, made: list[Path]) -> None:
    """Write the new file ``target``, its bytes durable; it is in ``made`` from the moment it is there."""
    with _naming(target), target.open("xb") as file:
        made.append(target)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _naming(folder):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error say which file it is about, as errors of writing and syncing do not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
