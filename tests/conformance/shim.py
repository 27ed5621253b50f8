"""The file-system shim from Python: built, loaded before libc, told what to do, its record read back.

What lives here: compiling ``shim.c``, starting programs under it, ``Shim`` (its switches, for a program that runs
under it), ``Call`` (one line of a record). What does not: what to let fail (``faults``), what a crash may leave of a
record (``power``).
"""

import ctypes
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_ENTRY = struct.Struct("@c3xiqqIIIxxxx")


class Kind(IntFlag):
    """What a call is; the names and numbers of ``shim.c``. An open is several of these."""

    OPEN = 1
    OPEN_TO_WRITE = 2
    CREATE = 4
    READ = 8
    WRITE = 16
    RESIZE = 32
    SYNC = 64
    RENAME = 128
    REMOVE = 256
    MKDIR = 512
    CLOSE = 1024
    STAT = 2048
    MAP = 4096
    LOCK = 8192


CHANGES = (
    Kind.OPEN_TO_WRITE | Kind.CREATE | Kind.WRITE | Kind.RESIZE | Kind.SYNC | Kind.RENAME | Kind.REMOVE | Kind.MKDIR
)
"""Calls that change something, or are about to."""

EVERYTHING = Kind(2**14 - 1)


class How(IntEnum):
    """Which calls fail from the one that was asked for."""

    ONCE = 0
    FROM_THEN_ON = 1
    SHORT = 2
    """That write does half of its work and says so; from the next call on all fail."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was made.

    ``kind``: C and O open (making the file or not; ``at`` is 1 if it cuts the file), W write, T resize to ``at``, S
    sync, X close, R rename and L link ``path`` to ``other``, U and D remove a file and a folder, M make a folder, !
    a mark of the program's own (``path``), ? something the record cannot hold.
    """

    kind: str
    handle: int
    at: int
    result: int
    path: str
    other: str
    data: bytes


class Shim:
    """The shim in this process, which must run under it (``ran``)."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.shim_struck_at.restype = ctypes.c_char_p
        self._library.shim_seen.restype = ctypes.c_long
        self._library.shim_struck.restype = ctypes.c_long

    def watch(self, folder: Path) -> None:
        """From now on see the calls below ``folder``, and no others."""
        self._library.shim_watch(os.fsencode(folder))

    def record(self, file: Path | None) -> None:
        """From now on write them down in ``file``, which is elsewhere; None to stop."""
        if self._library.shim_record(None if file is None else os.fsencode(file)):
            raise OSError(f"cannot record in {file}")

    def mark(self, text: str) -> None:
        """Put a word of our own between the calls of the record."""
        self._library.shim_mark(text.encode())

    def arm(self, kinds: Kind, which: int, error: int, how: How = How.ONCE) -> None:
        """Let the ``which``-th (from 0) call of ``kinds`` fail with ``error``."""
        self._library.shim_arm(ctypes.c_uint(kinds), ctypes.c_long(which), error, how)

    @property
    def seen(self) -> int:
        """How many calls of the armed kinds there were."""
        return int(self._library.shim_seen())

    @property
    def struck(self) -> int:
        """How many of them failed."""
        return int(self._library.shim_struck())

    @property
    def struck_at(self) -> str:
        """The first call that failed, and its path."""
        return str(self._library.shim_struck_at().decode())

    def shift_clock(self, ms: int) -> None:
        """Let the clock on the wall go wrong by so many milliseconds."""
        self._library.shim_clock(ctypes.c_longlong(ms * 1_000_000))


def in_memory() -> str | None:
    """A folder whose files are in memory, for lakes that are looked at and thrown away; None if there is none."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None  # noqa: S108 - not a guessable name in it


def compiled(folder: Path) -> Path:
    """The shim, built in ``folder``; skips where that cannot be."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C compiler (cc)")
    library = folder / "shim.so"
    if not library.exists():
        command = [
            compiler,
            "-shared",
            "-fPIC",
            "-O1",
            "-U_FORTIFY_SOURCE",
            "-o",
            str(library),
            str(HERE / "shim.c"),
            "-ldl",
            "-lpthread",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cc cannot build the shim here: {done.stderr.splitlines()[:1]}")
    return library


def ran(library: Path, module: str, arguments: Sequence[str], timeout: float = 240) -> str:
    """What ``python -m module`` printed, run under the shim; AssertionError with its stderr if it failed."""
    environment = os.environ | {"LD_PRELOAD": str(library)}
    program = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def calls(record: Path) -> Iterator[Call]:
    """The calls of a record that succeeded, in order."""
    data = record.read_bytes()
    at = 0
    while at < len(data):
        kind, handle, place, result, *lengths = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size
        parts = []
        for length in lengths:
            parts.append(data[at : at + length])
            at += length
        path, other = (os.fsdecode(part) for part in parts[:2])
        if result >= 0:
            yield Call(kind.decode(), handle, place, result, path, other, parts[2])
