"""A lake moved from one machine's files to a team's servers, or back.

What lives here: in which order ledger and files go. What does not: moving a ledger (``ledger.transfer``), copying files
(``lake.copying``).

The files go first, while the lake is in use. Then the ledger goes, locked; the few files that came meanwhile are copied
before it is handed over. Nothing is deleted where the lake was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake import files
from qmd_platform.lake.copying import Copied, copy_files, files_of
from qmd_platform.lake.place import Place
from qmd_platform.lake.records import Records
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.postgres import PostgresDatabase
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import transfer

Progress = Callable[[str, int, int], None]
"""Told what is moved, ``files`` or ``ledger``, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved. ``now`` is False where all had been done before."""

    ledger: str
    """Where the ledger is now, without its password."""
    commit: int
    rows: int
    files: int
    """Files the lake has; 0 if they stayed where they were."""
    copied: int
    bytes: int
    now: bool


def to_postgres(root: Path, postgres: str, url: str | None, progress: Progress) -> Moved:
    """Move the ledger of the lake in ``root`` to PostgreSQL, and its files to the object store ``url`` if given.

    Killed at any instant, run it again. Everything was read back or proven by its hash before the switch.

    Raises:
        ConfigError: an address is not one.
        LakeError: a file is damaged, or a store cannot be used. The lake stays where it was.
        LedgerError: as ``ledger.transfer.transfer``.
    """
    target = PostgresDatabase(postgres)
    place = Place.prepared(root)
    source = SqliteDatabase(place.ledger, place.commit_lock)
    source.migrate()
    if Ledger(source).about("moved") is None:
        with Lake.open(root):
            pass  # an older format is brought up to date, and commits that were decided are completed
    if url is not None:
        files.claim(url, place.lake)
    try:
        moved = _moved(source, target, files.open_blobs(root), files.open_blobs(root, url) if url else None, progress)
        Ledger(target).put("files", files.place_of(url))
        return moved
    finally:
        target.close()
        source.close()


def to_sqlite(root: Path, postgres: str, url: str | None, progress: Progress) -> Moved:
    """The way back: the ledger to ``ledger.sqlite`` in ``root``, the files from ``url`` if given. As ``to_postgres``."""
    source = PostgresDatabase(postgres)
    source.migrate()
    place = Place.prepared(root, Ledger(source).about("lake"))
    target = SqliteDatabase(place.ledger, place.commit_lock)
    if Ledger(source).about("moved") is None:
        with Lake.open(root, postgres=postgres, files=url):
            pass  # as above
    try:
        moved = _moved(source, target, files.open_blobs(root, url), files.open_blobs(root) if url else None, progress)
        Ledger(target).put("files", files.DISK)
        return moved
    finally:
        target.close()
        source.close()


def _moved(
    source: Database, target: Database, origin: files.Blobs, place: files.Blobs | None, progress: Progress
) -> Moved:
    done: list[Copied] = []
    proven: set[str] = set()

    def copy(ledger: Database) -> None:
        if place is not None:
            wanted = files_of(ledger, origin.log)
            tell = partial(progress, "files")
            found = copy_files(wanted, origin, place, trusted=frozenset(proven), progress=tell)
            _refuse_damaged(found)
            proven.update(file.path for file in wanted)
            done.append(found)

    def locked() -> None:
        _refuse_incomplete(source, origin)
        copy(source)

    if Ledger(source).about("moved") is None:
        copy(source)
    moved = transfer(source, target, partial(progress, "ledger"), meanwhile=locked)
    if not moved.copied:
        copy(target)
    return Moved(
        ledger=target.where,
        commit=moved.commit,
        rows=moved.rows,
        files=done[-1].files if done else 0,
        copied=sum(one.copied for one in done),
        bytes=sum(one.bytes for one in done),
        now=moved.copied,
    )


def _refuse_incomplete(source: Database, origin: files.Blobs) -> None:
    """LedgerError if a writer was stopped between its commit's record and the commit: opening the lake completes it."""
    if Records(origin.log).has(Ledger(source).last_commit() + 1):
        raise LedgerError("a commit waits to be completed; nothing was moved", hint="run it again")


def _refuse_damaged(found: Copied) -> None:
    """LakeError if a file that counts could not be copied."""
    damaged = [one for one in found.failures if one.file.live]
    if damaged:
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        hint = "`qmd verify --repair` takes damaged files out, then run this again; nothing was moved"
        raise LakeError(f"{damaged[0].file.path}: {damaged[0].why}{more}", hint=hint)
