"""Backup of a whole lake into a folder that is an embedded lake itself, and back.

What lives here: the order in which that is safe. What does not: copying tables (``ledger.transfer``) and files
(``lake.copying``).

A backup reads the ledger first, in one transaction, then copies every file that ledger names, and puts the ledger in
place last, at once. So the folder always is the last backup that was finished, and what is new is only in its way. It
may be on a network file system: SQLite works on a copy of the ledger in a temporary folder.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.errors import LakeError, LedgerError, LedgerTooNew
from qmd_platform.lake.copying import Copied, File, Progress, copy_files, files_of
from qmd_platform.lake.durable import fsync_folder
from qmd_platform.lake.files import Blobs, open_blobs
from qmd_platform.lake.place import Place
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import copy, has_all_of, kept

LEDGER = "ledger.sqlite"
FORMAT_FILE = "FORMAT.json"

TRIES = 3
"""How often a backup begins anew because a vacuum took files away meanwhile."""

_DRAFT = ".ledger-"


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup or a restore did. ``copied`` and ``bytes`` are of the files copied now."""

    commit: int
    """The last commit it has."""
    files: int
    copied: int
    bytes: int
    removed: int
    """Files of an earlier backup that no commit names any more."""
    damaged: tuple[str, ...]
    """Files that could not be had, each with the reason."""
    lost: tuple[str, ...]
    """The same, of files that only past snapshots need."""


def backup(lake: Lake, target: Path, progress: Progress | None = None) -> Saved:
    """Make the folder ``target`` a lake of its own with all that ``lake`` has now.

    Into a folder with an earlier backup of the same lake only what is new is copied. Others may write meanwhile; what
    they commit after the beginning is not in it. Killed at any instant, the earlier backup is still whole. A file that
    is damaged in the lake is left out and said, unless an earlier backup has it; the rest is saved.

    Raises:
        LakeError: ``target`` is no place for it (another lake, a folder with other things); it cannot be written.
        LedgerError: the ledger is damaged; ``target`` has commits that the lake does not have.
    """
    target = target.absolute()
    _refuse_overlap(target, lake.root)
    if (owner := _owner(target)) is None:
        _refuse_filled(target)
    elif owner != lake.place.lake:
        raise LakeError(f"{target} holds a backup of another lake ({owner})", hint="choose another folder")
    if problems := lake.ledger.database.problems():
        hint = "mend it first: `qmd rebuild`"
        raise LedgerError(f"the ledger is damaged, and an earlier backup is better: {problems[0]}", hint=hint)
    with held(lake.root / "locks" / "backup.lock"):
        _prepare(target, lake.root)
        return _saved(lake, target, progress, TRIES)


def _saved(lake: Lake, target: Path, progress: Progress | None, tries: int) -> Saved:
    with tempfile.TemporaryDirectory(prefix="qmd-backup-") as folder:
        trusted = _trusted(lake, target, Path(folder) / "earlier")
        draft = _snapshot(lake, Path(folder) / "new")
        files, place = files_of(draft, lake.blobs.log), open_blobs(target)
        found = copy_files(files, lake.blobs, place, trusted=trusted, progress=progress)
        gone = lake.ledger.gone()
        vanished = any(one.missing and (one.file.store == "log" or one.file.path in gone) for one in found.failures)
        if not vanished or tries == 1:
            return _finished(draft, files, found, lake.root, target)
    return _saved(lake, target, progress, tries - 1)


def restore(source: Path, target: Path, progress: Progress | None = None) -> Saved:
    """Make ``target`` the lake that was saved in ``source``, every file proven by its hash.

    Killed at any instant, run it again. A file that is damaged in ``source`` is left out and said.

    Raises:
        LakeError: ``source`` holds no backup; ``target`` holds a lake or anything else, or cannot be written.
        LedgerError: the ledger in ``source`` is damaged.
    """
    source, target = source.absolute(), target.absolute()
    if (owner := _owner(source)) is None or not (source / LEDGER).exists():
        raise LakeError(f"there is no backup in {source}", hint="name the folder that `qmd backup` was given")
    _refuse_overlap(target, source)
    if (target / LEDGER).exists():
        raise LakeError(f"{target} holds a lake already", hint="restore into another QMD_HOME; nothing is overwritten")
    if _owner(target) != owner:
        _refuse_filled(target)
    _prepare(target, source)
    Place.prepared(target)
    with tempfile.TemporaryDirectory(prefix="qmd-restore-") as folder:
        draft = _copy_of(source, Path(folder))
        if problems := draft.problems():
            raise LedgerError(f"the ledger in {source} is damaged: {problems[0]}", hint="use another backup")
        origin = open_blobs(source)
        files = files_of(draft, origin.log)
        found = copy_files(files, origin, open_blobs(target), progress=progress)
        return _finished(draft, files, found, source, target)


def _owner(folder: Path) -> str | None:
    """The id of the lake in ``folder``, also of one that is not finished; None if there is none."""
    path = folder / FORMAT_FILE
    try:
        said = json.loads(path.read_bytes())
        return str(said["uuid"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LakeError(f"cannot read {path}: {error.strerror}", hint="is the disk mounted?") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{path} is not a lake's format file", hint="choose another folder") from error


def _refuse_overlap(one: Path, other: Path) -> None:
    one, other = one.resolve(), other.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise LakeError(f"{one} and {other} are one place", hint="choose a folder elsewhere, best on another disk")


def _refuse_filled(folder: Path) -> None:
    if folder.is_dir() and any(not one.name.startswith(_DRAFT) for one in folder.iterdir()):
        raise LakeError(f"{folder} holds other things", hint="choose an empty folder, or one that is not there yet")


def _prepare(target: Path, origin: Path) -> None:
    """Make the folder say whose it is, before anything else is in it."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for draft in target.glob(f"{_DRAFT}*"):
            draft.unlink()
        if not (target / FORMAT_FILE).exists():
            _put(origin / FORMAT_FILE, target / FORMAT_FILE)
            fsync_folder(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error


def _trusted(lake: Lake, target: Path, folder: Path) -> frozenset[str]:
    """The files an earlier backup was finished with; LedgerError if it is ahead of the lake."""
    if not (target / LEDGER).exists():
        return frozenset()
    try:
        earlier = _copy_of(target, folder)
    except LedgerTooNew:
        raise
    except LedgerError:
        return frozenset()  # damaged: then every file is looked at
    if earlier.problems():
        return frozenset()
    with lake.ledger.database.reading() as mine, earlier.reading() as theirs:
        if not has_all_of(mine, theirs):
            hint = "it was used as a lake, or this lake was restored from an older backup: choose another folder"
            raise LedgerError(f"{target} has commits that {lake.root} does not have", hint=hint)
    return frozenset(file.path for file in files_of(earlier, open_blobs(target).log))


def _snapshot(lake: Lake, folder: Path) -> SqliteDatabase:
    """The ledger as it is now, in a file of its own."""
    draft = _database(folder)
    draft.migrate()
    with lake.ledger.database.reading() as mine, draft.moving() as theirs:
        copy(mine, theirs)
    return draft


def _copy_of(source: Path, folder: Path) -> SqliteDatabase:
    """The ledger of a folder nobody writes to, copied to ``folder``; brought up to today's schema there."""
    draft = _database(folder)
    for name in (LEDGER, f"{LEDGER}-wal"):
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
    draft.migrate()
    return draft


def _database(folder: Path) -> SqliteDatabase:
    folder.mkdir(exist_ok=True)
    return SqliteDatabase(folder / LEDGER, folder / "lock")


def _finished(draft: SqliteDatabase, files: Sequence[File], found: Copied, origin: Path, target: Path) -> Saved:
    """Put the ledger in place, which makes ``target`` what ``draft`` says, and clear away what that does not name."""
    whole = draft.settled()
    try:
        # A log that somebody's reading left behind belongs to the ledger that is replaced.
        for suffix in ("-wal", "-shm"):
            (target / f"{LEDGER}{suffix}").unlink(missing_ok=True)
        _put(whole, target / LEDGER)
        if (target / FORMAT_FILE).read_bytes() != (origin / FORMAT_FILE).read_bytes():
            _put(origin / FORMAT_FILE, target / FORMAT_FILE)
    except OSError as error:
        raise _unwritable(target, error) from error
    removed = _clear(open_blobs(target), {(file.store, file.path) for file in files})
    damaged, lost = (
        tuple(f"{one.file.store}/{one.file.path}: {one.why}" for one in found.failures if one.file.live is live)
        for live in (True, False)
    )
    return Saved(kept(draft).commit, found.files, found.copied, found.bytes, removed, damaged, lost)


def _put(source: Path, target: Path) -> None:
    """Copy a file and put it in place at once, durably."""
    draft = target.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
    with source.open("rb") as origin, draft.open("xb") as file:
        shutil.copyfileobj(origin, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    fsync_folder(target.parent)


def _clear(place: Blobs, named: set[tuple[str, str]]) -> int:
    unnamed = [(store, path) for store in ("data", "log") for path in getattr(place, store).paths()]
    unnamed = [one for one in unnamed if one not in named]
    for store, path in unnamed:
        getattr(place, store).delete(path)
    return len(unnamed)


def _unwritable(target: Path, error: OSError) -> LakeError:
    return LakeError(f"cannot write to {target}: {error.strerror}", hint="choose another folder, or make room there")
