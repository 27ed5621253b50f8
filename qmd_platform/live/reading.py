"""One file of the log as rows by series; what is read is kept, so that a second look reads only what is new.

What lives here: a file's rows while it grows. What does not: frames (``live.frames``), which files hold a window
(``live.log``).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qmd_platform.live import frames
from qmd_platform.live.frames import NAME, ROWS, Rows
from qmd_platform.model.candles import COLUMNS, Candles


@dataclass(slots=True)
class FileView:
    """The rows of one file, by the name of their series, as far as the file was whole at the last ``refresh``.

    Attributes:
        path: the file; it need not exist.
        kind: what its rows are (``frames.CANDLES`` or ``frames.MARKS``).
        damaged: bytes in its middle that are of no whole frame.
    """

    path: Path
    kind: int
    damaged: int = 0
    _read: int = 0
    _inode: int = 0
    _names: dict[int, str] = field(default_factory=dict)
    _parts: dict[str, list[Rows]] = field(default_factory=dict)

    def refresh(self) -> bool:
        """Read what was added since; False when there is no such file (any more)."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._read:
                    self._forget(status.st_ino)
                if status.st_size > self._read:
                    file.seek(self._read)
                    self._take(file.read())
        except FileNotFoundError:
            self._forget(0)
            return False
        return True

    def rows(self, name: str) -> Rows:
        """The rows of one series, in the order they were written."""
        parts = self._parts.get(name)
        if not parts:
            return np.empty(0, ROWS[self.kind])
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0]

    @property
    def names(self) -> list[str]:
        """The series that have rows, sorted."""
        return sorted(self._parts)

    def _forget(self, inode: int) -> None:
        self._read, self._inode, self.damaged = 0, inode, 0
        self._names.clear()
        self._parts.clear()

    def _take(self, data: bytes) -> None:
        found = frames.scanned(data)
        self._read += found.end
        self.damaged += found.damaged
        self._names |= dict(frames.named(one) for one in found.frames if one.kind == NAME)
        rows = frames.rows_of(found.frames, self.kind)
        if not len(rows):
            return
        order = np.argsort(rows["of"], kind="stable")
        numbers, starts = np.unique(rows["of"][order], return_index=True)
        for number, mine in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
            if (name := self._names.get(number)) is None:  # its name was in a frame that is damaged
                self.damaged += len(mine) * rows.itemsize
            else:
                self._parts.setdefault(name, []).append(rows[mine])


def candles_of(rows: Rows) -> Candles:
    """Rows of ``frames.CANDLE`` as candles, in their order."""
    return Candles(*(np.ascontiguousarray(rows[name]) for name in COLUMNS))
