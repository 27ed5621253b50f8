"""Files copied from one store to another, each proven to be what it should be.

What lives here: which files a ledger's lake consists of, copying those that are not there yet. What does not: the
ledger (``ledger.transfer``), what it is done for (``lake.backup``, ``lake.moving``).
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.files import Blobs
from qmd_platform.lake.parallel import side_by_side
from qmd_platform.lake.records import SUFFIX, Records, checkpoint_path, path_of
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.records import Segment
from qmd_platform.ledger.transfer import kept

AT_ONCE = 64
"""Files in memory at a time."""

Progress = Callable[[int, int], None]
"""Told how many files are done, of how many."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that has to be in the store ``data`` or ``log``.

    ``hash`` is its sha256, "" for records, which check themselves. Only past snapshots need one that is not ``live``.
    """

    store: str
    path: str
    size: int = 0
    hash: str = ""
    live: bool = True

    def why_not(self, data: bytes) -> str | None:
        """What is wrong with ``data`` as the content of this file; None if nothing is."""
        if self.hash:
            same = hashlib.sha256(data).hexdigest() == self.hash
            return None if same else "its bytes are not those that were committed"
        try:
            return None if gzip.decompress(data) else "it is empty"
        except (OSError, EOFError, zlib.error) as error:
            return f"it is damaged: {error}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be copied: it is missing, or its content is not its own."""

    file: File
    why: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """What was done: how many files there are, how many of them (and bytes) were copied now, which could not be."""

    files: int
    copied: int
    bytes: int
    failures: tuple[Failure, ...] = ()


def files_of(database: Database, log: BlobStore) -> list[File]:
    """Every file of the lake as the ledger in ``database`` knows it; of the records in ``log`` none that is newer."""
    known = kept(database)
    files = [_data(one, live=True) for one in known.live] + [_data(one, live=False) for one in known.replaced]
    records, sizes = Records(log), {found.path: found.bytes for found in log.listing()}
    paths = [path_of(number) for number in records.commits() if number <= known.commit]
    paths += [checkpoint_path(number) for number in records.checkpoints() if number <= known.commit]
    return files + [File("log", path, sizes[path]) for path in paths if path in sizes]


def _data(segment: Segment, *, live: bool) -> File:
    return File("data", segment.path, segment.bytes, segment.file_hash, live)


def copy_files(
    files: Sequence[File],
    source: Blobs,
    target: Blobs,
    *,
    trusted: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> Copied:
    """Make sure that ``files`` are in ``target`` as they are in ``source``. Killed at any instant, run it again.

    A file that is there already is read and hashed, and replaced if it is not the right one.

    Args:
        files: what has to be there.
        source: where they are.
        target: where they are to be.
        trusted: paths that are known to be right in ``target`` if they have the right size.
        progress: told every few files.

    Raises:
        LakeError: one of the stores cannot be used.
    """
    work = [
        _Work(getattr(source, store), getattr(target, store), [file for file in files if file.store == store], trusted)
        for store in ("data", "log")
    ]
    done = 0
    for part in work:
        for count in part.do():
            done += count
            if progress:
                progress(done, len(files))
    sizes = [size for part in work for size in part.copied]
    failures = sorted((one for part in work for one in part.failures), key=lambda one: one.file.path)
    return Copied(len(files), len(sizes), sum(sizes), tuple(failures))


def _newest_first(file: File) -> tuple[bool, int]:
    name = file.path.rpartition("/")[2].partition(".")[0]
    return file.path.endswith(SUFFIX), -int(name) if file.store == "log" else 0


@dataclass(slots=True)
class _Work:
    """The files of one store, and what became of them. Its lists are filled from several threads."""

    origin: BlobStore
    place: BlobStore
    files: Sequence[File]
    trusted: frozenset[str]
    sizes: dict[str, int] = field(default_factory=dict)
    """What is in ``place`` already, bytes by path."""
    copied: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def do(self) -> Iterator[int]:
        """Copy, a few at a time; how many each time."""
        self.sizes = {found.path: found.bytes for found in self.place.listing()}
        for batch in self._batches():
            new: dict[str, bytes] = {}
            side_by_side(partial(self._one, new), batch)
            self.place.put_many(new)
            yield len(batch)

    def _batches(self) -> Iterator[Sequence[File]]:
        """What is there already, then the newest records first, and the oldest new one alone at last.

        Whoever opens a lake takes the records that follow its ledger for commits to be completed. Before the last one
        is there nothing follows; afterwards everything does.
        """
        known = [file for file in self.files if file.path in self.sizes]
        new = sorted((file for file in self.files if file.path not in self.sizes), key=_newest_first)
        for files in (known, new[:-1], new[-1:]):
            for start in range(0, len(files), AT_ONCE):
                yield files[start : start + AT_ONCE]

    def _one(self, new: dict[str, bytes], file: File) -> None:
        """Have ``file`` in ``place``, or in ``new`` if it is to be put there."""
        if self._is_there(file):
            return
        try:
            data = self.origin.read(file.path)
            why = file.why_not(data)
        except FileNotFoundError:
            self.failures.append(Failure(file, "it is missing", missing=True))
            return
        except OSError as error:
            why = error.strerror or str(error)
        if why is not None:
            self.failures.append(Failure(file, why))
            return
        if file.path in self.sizes or file.store == "log":  # a torn record would be taken for a commit to be completed
            self.place.replace(file.path, data)
        else:
            new[file.path] = data
        self.copied.append(len(data))

    def _is_there(self, file: File) -> bool:
        if file.path not in self.sizes:
            return False
        if file.path in self.trusted and self.sizes[file.path] == file.size:
            return True
        try:
            return file.why_not(self.place.read(file.path)) is None
        except OSError:
            return False
