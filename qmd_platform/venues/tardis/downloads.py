"""Tardis's files of a day, each downloaded once and kept.

What lives here: the folder they are in, a download that is whole or leaves nothing, the digest. What does not: asking
(``wire``), what is in a file (``reading``).

A file is unpacked while it comes, and thrown away: only so it shows that it is whole, as gzip ends with a checksum. One that
is not is asked for once more, from the origin, and never kept.
"""

import hashlib
import os
import secrets
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from qmd_platform.errors import ArchiveDamaged, LakeError
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.retry import Meter
from qmd_platform.venues.tardis.datasets import HOST, path_of
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.tardis.wire import Wire

if TYPE_CHECKING:
    import aiohttp

FOLDER = "tardis"
"""Where files are kept, below QMD_HOME."""

_CHUNK = 1 << 18
_ABANDONED_S = 86_400
"""A part of a file that nobody has written to for so long is nobody's."""
_GZIP = 31
"""zlib's number for a stream with gzip's frame."""


@dataclass(frozen=True, slots=True)
class File:
    """One day's file on this disk. ``name`` is its path at Tardis, ``digest`` the sha256 of its bytes as they came, hex."""

    path: Path
    name: str
    day: Window
    digest: str
    at: Instant
    is_new: bool


class Files:
    """The files under ``root``, laid out as at Tardis."""

    def __init__(self, root: Path, wire: Wire) -> None:
        self._root = root
        self._wire = wire

    def kept(self, exchange: str, type_: str, day: Window, dataset: str) -> File | None:
        """The file of a day if it is here; asks nobody."""
        name = path_of(exchange, type_, day.start, dataset)
        path = self._root / name.removeprefix("/")
        if not path.is_file():
            return None
        at = path.stat().st_mtime_ns // 1_000_000
        return File(path, name, day, _digest_of(path), at, is_new=False)

    async def file(self, exchange: str, type_: str, day: Window, dataset: str) -> File:
        """The file of a day, downloaded where it is not here yet.

        Raises:
            ArchiveDamaged: what came is not a whole packed file, twice.
            ArchiveAbsent: there is none.
            LakeError: it cannot be written here.
            Refused, VenueDown: as ``Wire.asked``.
        """
        here = self.kept(exchange, type_, day, dataset)
        if here is not None:
            return here
        name = path_of(exchange, type_, day.start, dataset)
        at, path = time.time_ns() // 1_000_000, self._root / name.removeprefix("/")
        try:
            digest = await self._downloaded(HOST + name, path)
        except ArchiveDamaged:
            # As Tardis's own clients ask again: past the caches on the way.
            digest = await self._downloaded(f"{HOST}{name}?retryAttempt=1", path)
        return File(path, name, day, digest, at, is_new=True)

    async def _downloaded(self, url: str, path: Path) -> str:
        async def read(answer: "aiohttp.ClientResponse", meter: Meter) -> str:
            with _Part(path) as part:
                digest = await _written(answer, part, meter, url)
                part.keep()
            return digest

        return await self._wire.asked(url, read)


async def _written(answer: "aiohttp.ClientResponse", part: "_Part", meter: Meter, url: str) -> str:
    """Write the body into ``part``; its digest."""
    digest, packed, size = hashlib.sha256(), _Packed(), 0
    try:
        async for chunk in answer.content.iter_chunked(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
            part.write(chunk)
            packed.follow(chunk)
    except zlib.error as error:
        raise ArchiveDamaged(NAME, f"{url} is no packed file: {error}") from None
    finally:
        meter.answer(size)
    if not packed.is_whole:
        raise ArchiveDamaged(NAME, f"{url} is cut short or has something behind its end ({size} bytes came)")
    return digest.hexdigest()


class _Packed:
    """A packed file as it comes, of one part or several one after another, as gzip allows: is it whole? Nothing of it is kept."""

    def __init__(self) -> None:
        self._part = zlib.decompressobj(_GZIP)

    @property
    def is_whole(self) -> bool:
        """Whether it may end here."""
        return self._part.eof

    def follow(self, chunk: bytes) -> None:
        """Unpack ``chunk`` in small pieces, so that a bomb fills nothing."""
        while chunk:
            if self._part.eof:
                self._part = zlib.decompressobj(_GZIP)
            self._part.decompress(chunk, _CHUNK)
            chunk = self._part.unconsumed_tail or self._part.unused_data


class _Part:
    """A file in the making that takes its place when it is whole, durably; where it is not kept, nothing is left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")

    def __enter__(self) -> Self:
        with _on_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for old in self._path.parent.glob(f".{self._path.name}.*"):  # of a process that was killed
                if time.time() - old.stat().st_mtime > _ABANDONED_S:
                    old.unlink(missing_ok=True)
            self._file = self._part.open("xb")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Write on."""
        with _on_disk(self._path):
            self._file.write(chunk)

    def keep(self) -> None:
        """It is whole."""
        with _on_disk(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    """What goes wrong in here is the disk's fault and not the network's, though both are OSErrors."""
    try:
        yield
    except OSError as error:
        raise LakeError(f"cannot keep {path}: {error.strerror or error}", hint="is the disk full?") from error


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
