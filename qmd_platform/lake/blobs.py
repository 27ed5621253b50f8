"""Files that are written once: put if absent, read, list, delete.

What lives here: the small interface behind which a lake's files are kept, and the local disk behind it. What does
not: the object store behind it (``lake.objects``), what is in a file (``lake.codec``), whether it counts (``ledger``).
"""

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qmd_platform.errors import LakeError
from qmd_platform.lake.durable import fsync_folder, write_new
from qmd_platform.lake.parallel import side_by_side
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there: its size in bytes and when it was written, by the clock of whoever keeps it."""

    path: str
    bytes: int
    modified: Instant


class BlobStore(Protocol):
    """Where a lake's files are. Paths are ``/``-separated and relative. Safe to use from many threads.

    Every method raises LakeError when the store cannot be used at all (no permission, a full disk, a server that does
    not answer), so that this is never taken for a damaged file.
    """

    def put(self, path: str, data: bytes) -> None:
        """Keep ``data`` under the new name ``path``; durable on return.

        Raises:
            LakeError: it cannot be kept, or the name is taken. What was there is untouched, and of ``data`` at most a
                file stays that nobody was told of.
        """

    def put_many(self, files: Mapping[str, bytes]) -> None:
        """``put`` all of ``files`` (bytes by path), side by side; durable on return. LakeError if any cannot be kept."""

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """As ``put``, but there is never half a file under ``path``; False, and nothing changed, if that is taken.

        Of several that try at the same time one succeeds, on whatever machine. LakeError as ``put``.
        """

    def replace(self, path: str, data: bytes) -> None:
        """Keep ``data`` under ``path``, which may be taken: readers see the old bytes or the new, never a mixture.

        For files that are not named after what is in them. Durable on return; LakeError as ``put``.
        """

    def read(self, path: str) -> bytes:
        """All bytes of ``path``. FileNotFoundError if there is no such file, another OSError if its bytes are lost."""

    def exists(self, path: str) -> bool:
        """Whether there is a file ``path``."""

    def listing(self) -> Iterator[Found]:
        """Every file there is, in no order. One that is put or deleted meanwhile may be among them or not."""

    def paths(self) -> Iterator[str]:
        """The paths of ``listing``."""

    def sweep(self, before: Instant) -> None:
        """Delete what ``replace`` was stopped in the middle of before an instant; it is under no path."""

    def delete(self, path: str) -> None:
        """Forget ``path`` if it is there."""

    def where(self, path: str) -> str:
        """``path`` as a person finds it."""


class LocalBlobs:
    """Blobs as files below a folder on a local disk that honours fsync.

    A name is durable only once every folder above it is: after the files, each folder that holds one is synced, then
    whatever is new above it, up to the name of the root itself.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def put(self, path: str, data: bytes) -> None:
        """See BlobStore."""
        self.put_many({path: data})

    def put_many(self, files: Mapping[str, bytes]) -> None:
        """See BlobStore. A file has its last name from the start: half a file is one that no commit names."""
        targets = {self._root / path: data for path, data in files.items()}
        folders = {target.parent for target in targets}
        made: list[Path] = []
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            side_by_side(lambda item: write_new(item[0], item[1], made), targets.items())
            self._sync_names(folders)
        except OSError as error:
            for target in made:
                with suppress(OSError):  # what stays is an orphan; why it failed matters more
                    target.unlink()
            raise self._refusal("write", next(iter(targets)), error) from error

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """See BlobStore."""
        try:
            self._drafted(path, data, os.link)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._refusal("write", self._root / path, error) from error
        return True

    def replace(self, path: str, data: bytes) -> None:
        """See BlobStore."""
        try:
            self._drafted(path, data, os.replace)
        except OSError as error:
            raise self._refusal("write", self._root / path, error) from error

    def _drafted(self, path: str, data: bytes, name: Callable[[Path, Path], None]) -> None:
        """Write a file under a hidden name, which a killed writer leaves behind, and give it its own with ``name``."""
        target = self._root / path
        draft = target.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_new(draft, data, [])
            name(draft, target)
            self._sync_names({target.parent})
        finally:
            with suppress(OSError):  # sweep does it later; what happened to ``target`` matters more
                draft.unlink(missing_ok=True)

    def read(self, path: str) -> bytes:
        """See BlobStore."""
        target = self._root / path
        try:
            return target.read_bytes()
        except OSError as error:
            if error.errno in _OUR_TROUBLE or not self._root.is_dir():
                raise self._refusal("read", target, error) from error
            raise

    def exists(self, path: str) -> bool:
        """See BlobStore."""
        target = self._root / path
        try:
            return target.is_file()
        except OSError as error:
            raise self._refusal("look for", target, error) from error

    def sweep(self, before: Instant) -> None:
        """See BlobStore."""
        for folder, _, names in os.walk(self._root):
            for draft in (Path(folder, name) for name in names if name.startswith(_DRAFT)):
                try:
                    if draft.stat().st_mtime * 1000 < before:
                        draft.unlink()
                except FileNotFoundError:  # given its name since its folder was read
                    continue
                except OSError as error:
                    raise self._refusal("delete", draft, error) from error

    def listing(self) -> Iterator[Found]:
        """See BlobStore. Drafts of ``replace`` are no files yet."""
        for file in self._walk(self._root):
            path = Path(file.path)
            try:
                said = file.stat(follow_symlinks=False)
            except FileNotFoundError:  # deleted since its folder was read
                continue
            except OSError as error:
                raise self._refusal("look at", path, error) from error
            yield Found(path.relative_to(self._root).as_posix(), said.st_size, said.st_mtime_ns // 1_000_000)

    def paths(self) -> Iterator[str]:
        """See BlobStore."""
        return (found.path for found in self.listing())

    def delete(self, path: str) -> None:
        """See BlobStore."""
        target = self._root / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise self._refusal("delete", target, error) from error

    def where(self, path: str) -> str:
        """See BlobStore."""
        return str(self._root / path)

    def _walk(self, folder: Path | str) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refusal("list", Path(folder), error) from error
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path)
            elif not entry.name.startswith(_DRAFT):
                yield entry

    def _sync_names(self, folders: set[Path]) -> None:
        """Make all names in ``folders`` durable, and their own names up to the root's, whoever made them."""
        above = {one for folder in folders for one in self._new(folder)}
        side_by_side(fsync_folder, folders | {one.parent for one in above})
        self._durable.update(above)

    def _new(self, folder: Path) -> Iterator[Path]:
        """``folder`` and those above it whose names are not durable yet. Above a durable one all are."""
        while folder not in self._durable:
            yield folder
            if folder == self._root:
                return
            folder = folder.parent

    def _refusal(self, verb: str, target: Path, error: OSError) -> LakeError:
        hint = _HINTS.get(error.errno or 0, f"the disk that holds {self._root} refused")
        nothing = "; nothing was committed" if verb == "write" else ""
        return LakeError(f"cannot {verb} {error.filename or target}: {error.strerror}", hint=hint + nothing)


_DRAFT = ".draft-"

_OUR_TROUBLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM})
"""Why a sound file may be unreadable to us."""

_HINTS = {
    errno.ENOSPC: "make room on this disk",
    errno.EDQUOT: "make room in your quota on this disk",
    errno.EROFS: "the disk is mounted read-only",
    errno.EACCES: "give the user that runs this access to the lake's folder",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.EEXIST: "a file is never overwritten",
    errno.ENOENT: "is the disk of the lake mounted?",
    errno.EIO: "the disk is failing: look at its own log",
}
