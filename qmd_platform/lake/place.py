"""The lake's folder: may we use it, what format is it in, which lake is it.

What lives here: ``FORMAT.json``, the folders beside it, and the refusal of network file systems. What does not: the
files in them (``lake.blobs``), the ledger's own schema version (``ledger.database``), bringing an old lake up to date
(``lake.upgrade``).

| in the lake's folder | is |
|---|---|
| ``FORMAT.json`` | format, version, and the lake's id |
| ``ledger.sqlite`` | the ledger; with its ``-wal`` and ``-shm`` while it is open |
| ``data/`` | segments, in the folders of ``model.series`` |
| ``log/`` | the commits' records, from which the ledger can be made again |
| ``quarantine/`` | damaged files that were taken out of ``data/`` |
| ``locks/`` | files that writers lock; never deleted |

A team's ledger is in PostgreSQL, and its files may be on an object store: then ``ledger.sqlite`` or ``data/``,
``log/`` and ``quarantine/`` are not here.
"""

import json
import os
import uuid
import zlib
from pathlib import Path
from typing import Any

from qmd_platform.errors import LakeError
from qmd_platform.lake.durable import fsync_folder
from qmd_platform.ledger.lock import held

FORMAT = "qmd-lake"
VERSION = 2
"""1 had neither records of commits nor digests of slots; ``lake.upgrade`` brings it up to date."""

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "fuse.sshfs"})
"""File systems whose locks and syncs cannot be trusted with SQLite."""


class Place:
    """A lake's folder, checked and ready."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.log = root / "log"
        self.ledger = root / "ledger.sqlite"
        self.commit_lock = root / "locks" / "commit.lock"
        self.upgrade_lock = root / "locks" / "upgrade.lock"
        self._stripes = root / "locks" / "p"
        self._format = root / "FORMAT.json"

    @classmethod
    def prepared(cls, root: Path, lake: str | None = None, *, has_files: bool = True) -> "Place":
        """The lake's folder at ``root``, made if absent; then of the lake ``lake``, or of a new one.

        ``has_files`` says whether data and records are in it.

        Raises:
            LakeError: it cannot be made, is on a network file system, or is of a newer format.
        """
        place = cls(root.absolute())
        try:
            kind = file_system(place.root, _mounts())
            if kind in _NETWORK:
                hint = "put the lake on a local disk"
                raise LakeError(f"{place.root} is on a network file system ({kind})", hint=hint)
            for folder in (place._stripes, *((place.data, place.log) if has_files else ())):
                folder.mkdir(parents=True, exist_ok=True)
            if not place._format.exists():
                with held(place.commit_lock):
                    place._found(lake or str(uuid.uuid4()))
        except OSError as error:
            hint = "choose another folder with QMD_HOME, or make this one writable"
            raise LakeError(f"cannot keep a lake in {place.root}: {error.strerror}", hint=hint) from error
        place._read()
        return place

    @property
    def is_there(self) -> bool:
        """Whether the folder is a lake's already; LakeError if the disk cannot tell."""
        try:
            return self._format.exists()
        except OSError as error:
            raise LakeError(f"cannot look for {self._format}: {error.strerror}", hint="nothing was changed") from error

    @property
    def lake(self) -> str:
        """The lake's id."""
        return str(self._read()["uuid"])

    @property
    def version(self) -> int:
        """The version of the format the lake is in."""
        return int(self._read()["version"])

    @property
    def old_world(self) -> str | None:
        """The world of a lake of version 1, which kept it here."""
        world: str | None = self._read().get("world")
        return world

    def bring_up(self) -> None:
        """Say that the lake is in today's format."""
        said = self._read()
        try:
            self._write({"format": FORMAT, "version": VERSION, "uuid": said["uuid"]})
        except OSError as error:
            raise LakeError(f"cannot write {self._format}: {error.strerror}", hint="run it again") from error

    def refuse_lost_ledger(self) -> None:
        """LakeError if there are data files, and no SQLite ledger that says which of them count."""
        try:
            is_lost = not (self.ledger.exists() and self.ledger.stat().st_size) and any(self.data.iterdir())
        except OSError as error:
            raise LakeError(f"the lake {self.root} cannot be used: {error.strerror}") from error
        if is_lost:
            hint = "restore it from a backup, or `qmd rebuild` makes it again from the commit records"
            raise LakeError(f"{self.ledger} is missing, and only it knows which files count", hint=hint)

    def stripe(self, partition: str) -> Path:
        """The file that writers of a partition lock while they merge; some partitions share one."""
        return self._stripes / f"{zlib.crc32(partition.encode()) % 256:02x}"

    def _found(self, lake: str) -> None:
        if not self._format.exists():
            self._write({"format": FORMAT, "version": VERSION, "uuid": lake})
            fsync_folder(self.root.parent)

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(self._format.read_bytes())
            form, version, _ = said["format"], int(said["version"]), said["uuid"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LakeError(f"{self._format} is not a lake's format file", hint="is this folder a lake?") from error
        if form != FORMAT or not 1 <= version <= VERSION:
            raise LakeError(
                f"the lake {self.root} has format {form} {version}; this qmd_platform knows {FORMAT} {VERSION}",
                hint="upgrade qmd_platform; nothing was changed",
            )
        return dict(said)

    def _write(self, said: dict[str, Any]) -> None:
        """Put the whole file in place at once."""
        draft = self._format.with_suffix(".draft")
        with draft.open("w") as file:
            file.write(json.dumps(said, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._format)
        fsync_folder(self.root)


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system ``path`` is on, from the text of ``/proc/self/mountinfo``; "" if not known."""
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        inside = path == Path(point) or Path(point) in path.parents
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def _mounts() -> str:
    table = Path("/proc/self/mountinfo")
    return table.read_text() if table.exists() else ""
