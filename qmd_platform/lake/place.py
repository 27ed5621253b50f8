"""The lake's folder: may we use it, what format is it in, which world is it of.

What lives here: ``FORMAT.json``, the folders beside it, and the refusal of network file systems. What does not:
the files in ``data`` (``lake.blobs``), the ledger's own schema version (``ledger.engine``).

| in the lake's folder | is |
|---|---|
| ``FORMAT.json`` | format, version, an id, and the world (``live`` or ``sandbox``) once one is claimed |
| ``ledger.sqlite`` | the ledger; with its ``-wal`` and ``-shm`` while it is open |
| ``data/`` | segments, in the folders of ``model.series`` |
| ``locks/`` | files that writers lock; never deleted |
"""

import json
import os
import uuid
import zlib
from pathlib import Path
from typing import Any

from qmd_platform.errors import LakeError, WrongWorld
from qmd_platform.lake.blobs import fsync_folder
from qmd_platform.ledger.lock import held

FORMAT = "qmd-lake"
VERSION = 1

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "fuse.sshfs"})
"""File systems whose locks and syncs cannot be trusted with SQLite."""


class Place:
    """A lake's folder, checked and ready."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.ledger = root / "ledger.sqlite"
        self.commit_lock = root / "locks" / "commit.lock"
        self._stripes = root / "locks" / "p"
        self._format = root / "FORMAT.json"

    @classmethod
    def prepared(cls, root: Path) -> "Place":
        """The lake's folder at ``root``, made if absent.

        Raises:
            LakeError: it cannot be made, is on a network file system, or is of a newer format.
        """
        place = cls(root.absolute())
        kind = file_system(place.root, _mounts())
        if kind in _NETWORK:
            raise LakeError(f"{place.root} is on a network file system ({kind})", hint="put the lake on a local disk")
        try:
            place.data.mkdir(parents=True, exist_ok=True)
            place._stripes.mkdir(parents=True, exist_ok=True)
            if not place._format.exists():
                with held(place.commit_lock):
                    place._found()
        except OSError as error:
            hint = "choose another folder with QMD_HOME, or make this one writable"
            raise LakeError(f"cannot keep a lake in {place.root}: {error.strerror}", hint=hint) from error
        place._read()
        if any(place.data.iterdir()) and not (place.ledger.exists() and place.ledger.stat().st_size):
            raise LakeError(f"{place.ledger} is missing, and only it knows which files count", hint="restore it")
        return place

    def stripe(self, partition: str) -> Path:
        """The file that writers of a partition lock while they merge; some partitions share one."""
        return self._stripes / f"{zlib.crc32(partition.encode()) % 256:02x}"

    @property
    def world(self) -> str | None:
        """Which world the lake is of; None before one is claimed."""
        world: str | None = self._read()["world"]
        return world

    def claim(self, world: str) -> None:
        """Make this a lake of ``world``; WrongWorld if it is of another."""
        if self._read()["world"] is None:
            with held(self.commit_lock):
                said = self._read()
                if said["world"] is None:
                    self._write(said | {"world": world})
        if (found := self._read()["world"]) != world:
            raise WrongWorld(
                f"the lake {self.root} holds {found} data and takes no {world} data",
                hint="use another QMD_HOME for it; nothing was written",
            )

    def check(self, world: str) -> None:
        """WrongWorld if the lake is of another world; claims nothing."""
        if self._read()["world"] is not None:
            self.claim(world)

    def _found(self) -> None:
        if not self._format.exists():
            self._write({"format": FORMAT, "version": VERSION, "uuid": str(uuid.uuid4()), "world": None})
            fsync_folder(self.root.parent)

    def _read(self) -> dict[str, Any]:
        try:
            said = json.loads(self._format.read_bytes())
            form, version = said["format"], said["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LakeError(f"{self._format} is not a lake's format file", hint="is this folder a lake?") from error
        if (form, version) != (FORMAT, VERSION):
            raise LakeError(
                f"the lake {self.root} has format {form} {version}; this qmd_platform knows {FORMAT} {VERSION}",
                hint="upgrade qmd_platform; nothing was changed",
            )
        return {"world": None, **said}

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
