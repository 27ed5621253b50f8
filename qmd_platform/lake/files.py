"""Which stores a lake's files are in: folders on the local disk, or prefixes of one bucket.

What lives here: the three stores of a lake, and the proof that an object store belongs to this lake. What does not:
how a store keeps a file (``lake.blobs``, ``lake.objects``), the lake's own folder (``lake.place``).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.errors import LakeError
from qmd_platform.lake.blobs import BlobStore, LocalBlobs
from qmd_platform.lake.objects import ObjectBlobs

DISK = "disk"
"""Where the files of a shared ledger's lake are, if not on an object store (``place_of``)."""

OWNER = "lake.json"
"""Says below an object store's prefix which lake it belongs to."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """A lake's stores: ``data`` has the segments, ``log`` the commits' records, ``quarantine`` damaged files."""

    data: BlobStore
    log: BlobStore
    quarantine: BlobStore


def open_blobs(root: Path, url: str | None = None) -> Blobs:
    """The stores of the lake in ``root``, its files on the object store ``url`` if there is one. Sends nothing yet."""
    if url is None:
        return Blobs(LocalBlobs(root / "data"), LocalBlobs(root / "log"), LocalBlobs(root / "quarantine"))
    store = ObjectBlobs(url)
    return Blobs(store.at("data"), store.at("log"), store.at("quarantine"))


def place_of(url: str | None) -> str:
    """What the ledger keeps of where a lake's files are, so that no machine looks, or writes, elsewhere."""
    return DISK if url is None else ObjectBlobs(url).where("").rstrip("/")


def owner(url: str) -> str | None:
    """The id of the lake that keeps its files at ``url``; None if none does.

    Raises:
        LakeError: the store cannot be used, or what is there is no lake's.
    """
    return _owner(ObjectBlobs(url))


def claim(url: str, lake_id: str) -> None:
    """Make sure the files at ``url`` are those of the lake ``lake_id``, now and for every other lake from now on.

    Two lakes at one place would each take the other's files for leftovers and delete them.

    Raises:
        LakeError: another lake has it, the store cannot be used, or it overwrites what is to be put only if absent.
    """
    store = ObjectBlobs(url)
    found = _owner(store)
    if found is None:
        said = json.dumps({"format": "qmd-lake", "uuid": lake_id}).encode()
        if store.put_if_absent(OWNER, said) and store.put_if_absent(OWNER, said):
            hint = "use a store that honours If-None-Match on PUT (AWS S3, MinIO)"
            raise LakeError(f"{store.where(OWNER)} was overwritten: this store protects no file", hint=hint)
        found = _owner(store)
    if found != lake_id:
        raise LakeError(f"{store.where('')} has the files of another lake ({found})", hint="choose another prefix")


def _owner(store: ObjectBlobs) -> str | None:
    try:
        return str(json.loads(store.read(OWNER))["uuid"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{store.where(OWNER)} is not a lake's file", hint="choose another prefix") from error
