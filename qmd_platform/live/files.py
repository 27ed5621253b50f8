"""One file of the log: what is appended to it is durable before it counts.

What lives here: opening a file for appending (its lock, the cut of what a kill tore), appending, deleting one that nobody
writes to. What does not: frames (``live.frames``), which file a record belongs to (``live.log``).
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from qmd_platform.errors import ConfigError, LakeError
from qmd_platform.live import frames
from qmd_platform.live.frames import NAME, ROWS
from qmd_platform.model.window import Instant


@dataclass(slots=True)
class Appender:
    """A file that this process, and no other, appends to.

    Attributes:
        path: the file.
        handle: its descriptor; its lock lasts as long.
        end: where the last whole frame ends.
        numbers: which number stands for which series in its rows.
        free: the least number that none of its frames has. A number whose name is damaged is never given again.
        cut: bytes of a torn frame that were cut off when it was opened.
    """

    path: Path
    handle: int
    end: int
    numbers: dict[str, int] = field(default_factory=dict)
    free: int = 0
    cut: int = 0

    @classmethod
    def open(cls, path: Path) -> "Appender":
        """``path``, made if absent. ConfigError: another process appends to it; LakeError: it cannot be used."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
                if _locked(handle) and _is_at(handle, path):
                    return cls._cleaned(path, handle)
                os.close(handle)  # it was deleted between the two calls
        except BlockingIOError:
            os.close(handle)
            raise ConfigError(
                f"another process writes to {path}", hint="one collector a home: see `qmd live`"
            ) from None
        except OSError as error:
            raise _unusable(path, error) from error

    @classmethod
    def _cleaned(cls, path: Path, handle: int) -> "Appender":
        data = path.read_bytes()
        found = frames.scanned(data)
        if found.end < len(data):
            os.ftruncate(handle, found.end)
        os.fsync(handle)
        _synced(path.parent)
        _synced(path.parent.parent)
        numbers = {name: number for number, name in (frames.named(one) for one in found.frames if one.kind == NAME)}
        used = [*numbers.values(), *(int(frames.rows_of(found.frames, kind)["of"].max(initial=0)) for kind in ROWS)]
        return cls(path, handle, found.end, numbers, max(used) + 1, len(data) - found.end)

    def append(self, parts: Sequence[bytes]) -> None:
        """Frames, durable when this returns. LakeError: the disk refused; nothing of them is there then."""
        data = b"".join(parts)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self.handle, left) :]
            getattr(os, "fdatasync", os.fsync)(self.handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self.handle, self.end)
            raise _unusable(self.path, error) from error
        self.end += len(data)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.handle)


def deleted(path: Path) -> bool:
    """Delete ``path`` unless a process appends to it; whether it is gone."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        _locked(handle)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def written_at(path: Path) -> Instant | None:
    """When ``path`` was written to last, epoch ms of our clock; None when there is no such file."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns // 1_000_000
    return None


def _locked(handle: int) -> bool:
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether ``path`` is still the file that was opened."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> LakeError:
    return LakeError(
        f"cannot write {path}: {error.strerror}",
        hint="nothing of these records counts; what was heard meanwhile is asked for again by the next tail",
    )
