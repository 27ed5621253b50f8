"""Opening a lake: folder, ledger and files found or made, and proven to belong together.

What lives here: the order in which that is done. What does not: each part (``lake.place``, ``ledger``, ``lake.files``),
bringing an older lake up to date (``lake.upgrade``).
"""

import uuid
from pathlib import Path

from qmd_platform.errors import ConfigError, LakeError, LedgerError
from qmd_platform.lake import files
from qmd_platform.lake.place import Place
from qmd_platform.lake.records import Records
from qmd_platform.lake.upgrade import upgrade
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import refuse_moved


def opened(root: Path, postgres: str | None, url: str | None) -> tuple[Place, Ledger, files.Blobs, Records]:
    """The parts of the lake in ``root``, made if absent. Arguments and errors as of ``Lake.open``."""
    if url is not None and postgres is None:
        hint = "set QMD_POSTGRES_URL too: locks and commits of several machines need it"
        raise ConfigError("files on an object store need a ledger in PostgreSQL", hint=hint)
    try:
        return _opened(root, postgres, url)
    except OSError as error:
        raise LakeError(f"the lake {root} cannot be used: {error.strerror}") from error


def _opened(root: Path, postgres: str | None, url: str | None) -> tuple[Place, Ledger, files.Blobs, Records]:
    blobs = files.open_blobs(root.absolute(), url)
    records = Records(blobs.log)
    if postgres is None:
        place, ledger = _embedded(root, records)
    else:
        place, ledger = _shared(root, postgres, records, has_files=url is None)
        _refuse_elsewhere(ledger, files.place_of(url))
        _refuse_without_files(ledger, records, blobs)
        ledger.agreed("files", files.place_of(url))
    if url is not None:
        files.claim(url, place.lake)
    upgrade(place, ledger, blobs.data, records)
    if ledger.about("lake") is None:
        ledger.say("lake", place.lake)
    ledger.complete()
    return place, ledger, blobs, records


def _embedded(root: Path, records: Records) -> tuple[Place, Ledger]:
    place = Place(root.absolute())
    # Whose FORMAT.json is lost keeps its id.
    lake = None
    if not place.is_there and place.ledger.exists():
        lake = Ledger(SqliteDatabase(place.ledger, place.commit_lock)).about("lake")
    place = Place.prepared(root, lake)
    place.refuse_lost_ledger()
    database = SqliteDatabase(place.ledger, place.commit_lock)
    database.migrate()
    refuse_moved(database)
    ledger = Ledger(database, records)
    _refuse_another(ledger, place)
    return place, ledger


def _shared(root: Path, postgres: str, records: Records, *, has_files: bool) -> tuple[Place, Ledger]:
    from qmd_platform.ledger.postgres import PostgresDatabase  # noqa: PLC0415 - its driver, which most do without

    database = PostgresDatabase(postgres)
    database.migrate()
    refuse_moved(database)
    ledger = Ledger(database, records)
    lake = ledger.about("lake")
    if lake is None:
        # The folder's own id, if it has one; of several machines that start at once the first one's.
        place = Place.prepared(root, has_files=has_files) if Place(root.absolute()).is_there else None
        if place is not None and _has_commits(place):
            hint = "move it with `qmd migrate-ledger`, or unset QMD_POSTGRES_URL"
            where = f"{place.ledger.name}, and {database.where} is empty"
            raise LedgerError(f"the lake {place.root} has its ledger in {where}", hint=hint)
        lake = ledger.agreed("lake", place.lake if place else str(uuid.uuid4()))
    place = Place.prepared(root, lake, has_files=has_files)
    _refuse_another(ledger, place)
    return place, ledger


def _refuse_without_files(ledger: Ledger, records: Records, blobs: files.Blobs) -> None:
    """LedgerError if there is nothing of the lake where its files should be: they are on another machine, or elsewhere.

    Else every file would be taken for a lost one, and what is committed here could be read nowhere else.
    """
    last = ledger.last_commit()
    if last and not records.has(last) and not any(blobs.log.paths()) and not any(blobs.data.paths()):
        hint = "set QMD_FILES_URL as on the machine that wrote them, or restore the files from a backup"
        where = f"{ledger.database.where} has {last} commits"
        raise LedgerError(f"the ledger {where}, and there is no file of theirs at {blobs.data.where('')}", hint=hint)


def _refuse_elsewhere(ledger: Ledger, wanted: str) -> None:
    """LedgerError if the files are kept in another place than this machine was told."""
    found = ledger.about("files")
    if found is not None and found != wanted:
        where, hint = f"at {found}", f"set QMD_FILES_URL to {found}"
        if found == files.DISK:
            where, hint = "on a disk of its own", "unset QMD_FILES_URL, or move them with `qmd migrate-ledger --files`"
        told = "none is named here" if wanted == files.DISK else f"{wanted} is named here"
        raise LedgerError(f"the lake of {ledger.database.where} has its files {where}; {told}", hint=hint)


def _has_commits(place: Place) -> bool:
    """Whether the folder has a ledger of its own, in use."""
    if not place.ledger.exists() or not place.ledger.stat().st_size:
        return False
    own = Ledger(SqliteDatabase(place.ledger, place.commit_lock))
    return own.about("moved") is None and own.last_commit() > 0


def _refuse_another(ledger: Ledger, place: Place) -> None:
    found = ledger.about("lake")
    if found is not None and found != place.lake:
        where = ledger.database.where
        hint = "use the folder and the database that belong together, or another QMD_HOME"
        raise LedgerError(f"the ledger {where} is of another lake than the folder {place.root}", hint=hint)
