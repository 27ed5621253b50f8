"""Files that are written once: put if absent, read, list, delete.

What lives here: the small interface behind which segments are kept, and the local disk behind it. What does not:
what is in a file (``lake.codec``), whether it counts (``ledger``).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from qmd_platform.errors import LakeError


class BlobStore(Protocol):
    """Where segments are. Paths are ``/``-separated and relative; a path is never given other bytes."""

    def put(self, path: str, data: bytes) -> None:
        """Keep ``data`` under the new name ``path``; durable on return. LakeError if it cannot be kept."""

    def read(self, path: str) -> bytes:
        """All bytes of ``path``; OSError (FileNotFoundError) if they cannot be had."""

    def paths(self) -> Iterator[str]:
        """Every path there is, in no order."""

    def delete(self, path: str) -> None:
        """Forget ``path`` if it is there."""

    def where(self, path: str) -> str:
        """``path`` as a person finds it."""


class LocalBlobs:
    """Blobs as files below a folder on a local disk that honours fsync."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def put(self, path: str, data: bytes) -> None:
        """See BlobStore. The file has its last name from the start; half a file is never committed to."""
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, data)
            fsync_folder(target.parent)
            self._fsync_above(target.parent)
        except OSError as error:
            raise LakeError(f"cannot write {target}: {error.strerror}", hint="nothing was committed") from error

    def read(self, path: str) -> bytes:
        """See BlobStore."""
        return (self._root / path).read_bytes()

    def paths(self) -> Iterator[str]:
        """See BlobStore."""
        return (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())

    def delete(self, path: str) -> None:
        """See BlobStore."""
        (self._root / path).unlink(missing_ok=True)

    def where(self, path: str) -> str:
        """See BlobStore."""
        return str(self._root / path)

    def _fsync_above(self, folder: Path) -> None:
        """Make the folder's own name durable, up to the root: whoever made the folders may not have come so far."""
        new = [one for one in (folder, *folder.parents) if self._root in one.parents and one not in self._durable]
        for one in new:
            fsync_folder(one.parent)
        self._durable.update(new)


def _write(target: Path, data: bytes) -> None:
    with target.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            target.unlink(missing_ok=True)
            raise


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
