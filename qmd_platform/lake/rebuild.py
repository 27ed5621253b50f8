"""The ledger made again, from the commits' records and the files.

What lives here: replaying records into an empty ledger, and putting it in the place of a lost or damaged one. What does
not: the records (``lake.records``), comparing two ledgers (``ledger.comparison``).
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.errors import LedgerError
from qmd_platform.lake.durable import fsync_folder
from qmd_platform.lake.files import open_blobs, place_of
from qmd_platform.lake.place import Place
from qmd_platform.lake.records import Records
from qmd_platform.ledger.durable import synced
from qmd_platform.ledger.journal import Entry
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.snapshots import resolved
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import copy
from qmd_platform.model.window import Instant, iso

_REPLAY = ".replay-"
"""What the folder of a ledger that is being made is called."""

_RESTORE = "restore the records (log/) from a backup"

Progress = Callable[[int, int], None]
"""Told how many commits are done, of how many."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A ledger that was made again: its last commit, how many partitions it knows, and where the old one is now."""

    commit: int
    partitions: int
    set_aside: str | None = None


def rebuild(
    root: Path,
    *,
    now: Instant,
    postgres: str | None = None,
    files: str | None = None,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make the ledger of a lake again; nobody else may use the lake meanwhile.

    An SQLite ledger that is there is set aside, not deleted. Verdicts of rules and episodes of opportunities are not in the
    records; they come with the next judgement and the next run.

    Args:
        root: the lake's folder.
        now: the clock's time.
        postgres: the address of the database that is to have the ledger; None for ``ledger.sqlite``.
        files: the address of the object store that has the files and the records; None for folders in ``root``.
        progress: told of every commit.

    Raises:
        LedgerError: records are missing or damaged, or end before the ledger that is there; the lake's ledger is in
            use in the other database. Nothing was changed.
    """
    blobs = open_blobs(root.absolute(), files)
    records = Records(blobs.log)
    place = Place.prepared(root, None if Place(root.absolute()).is_there else records.lake(), has_files=files is None)
    _refuse_second(place, postgres)
    with held(place.upgrade_lock), replayed(records, progress, beside=place.root) as anew:
        _sweep(place, anew.path.parent)
        ledger = Ledger(anew)
        ledger.mark_gone(set(blobs.data.paths()), now)
        said = Rebuilt(ledger.last_commit(), len(ledger.states()))
        if postgres is not None:
            _into_postgres(anew, postgres, place_of(files))
            return said
        _refuse_losing(place, said.commit)
        return Rebuilt(said.commit, said.partitions, _swapped(place, anew.settled(), now))


@contextmanager
def replayed(
    records: Records, progress: Progress | None = None, *, beside: Path | None = None, upto: int | None = None
) -> Iterator[SqliteDatabase]:
    """A ledger made of the records (of commits ``upto`` this one), in a temporary folder (in ``beside``, if given)."""
    with ExitStack() as stack:
        try:
            temporary = tempfile.TemporaryDirectory(prefix=_REPLAY, dir=beside, ignore_cleanup_errors=True)
        except OSError as error:
            where = beside or tempfile.gettempdir()
            raise LedgerError(f"cannot make a ledger in {where}: {error.strerror}") from error
        folder = Path(stack.enter_context(temporary))
        database = SqliteDatabase(folder / "ledger.sqlite", folder / "commit.lock")
        database.migrate()
        try:
            _replay(records, database, progress, upto)
            yield database
        finally:
            database.let_go()


def _replay(records: Records, database: SqliteDatabase, progress: Progress | None, upto: int | None) -> None:
    commits, checkpoints = (
        [number for number in numbers if upto is None or number <= upto]
        for numbers in (records.commits(), records.checkpoints())
    )
    ledger = Ledger(database)
    if not checkpoints and not commits:
        raise LedgerError("there are no commit records to make a ledger of", hint="restore the ledger from a backup")
    start = _started(records, ledger, checkpoints, is_whole=commits[:1] == [1])
    todo = [commit for commit in commits if commit > start]
    ledger.replay(_told(records, todo, progress))
    if upto is not None and ledger.last_commit() < upto:
        raise LedgerError(f"the commit records end at {ledger.last_commit()}, the ledger at {upto}")


def _started(records: Records, ledger: Ledger, checkpoints: Sequence[int], *, is_whole: bool) -> int:
    """Load the latest checkpoint that is not damaged; the commit it is of, 0 for none.

    ``is_whole`` says that there are records from the first commit on, so that it can be done without one.
    """
    for commit in reversed(checkpoints):
        try:
            ledger.load(*records.checkpoint(commit))
        except LedgerError:
            if commit == checkpoints[0] and not is_whole:
                raise
        else:
            return commit
    return 0


def _told(records: Records, commits: Sequence[int], progress: Progress | None) -> Iterator[Entry]:
    for done, commit in enumerate(commits, 1):
        yield records.entry(commit)
        if progress:
            progress(done, len(commits))


def _refuse_second(place: Place, postgres: str | None) -> None:
    """LedgerError if that would make a second ledger beside the one in use."""
    try:
        own = Ledger(SqliteDatabase(place.ledger, place.commit_lock)) if place.ledger.exists() else None
        moved, known = (own.about("moved"), own.last_commit()) if own else (None, 0)
    except LedgerError:
        return  # what cannot be read is what this is for
    if postgres is None and moved is not None:
        hint = f"set QMD_POSTGRES_URL; if that ledger is lost for good, take {place.ledger.name} away first"
        raise LedgerError(f"the ledger {place.ledger} was moved to {moved}", hint=hint)
    if postgres is not None and moved is None and known:
        hint = "move it with `qmd migrate-ledger`, or unset QMD_POSTGRES_URL to make it again where it is"
        raise LedgerError(f"the lake {place.root} has its ledger in {place.ledger.name}", hint=hint)


def _refuse_losing(place: Place, commit: int) -> None:
    """LedgerError if the ledger that is there can be read and knows more than the records."""
    try:
        known = Ledger(SqliteDatabase(place.ledger, place.commit_lock)).last_commit() if place.ledger.exists() else 0
    except LedgerError:
        return  # what cannot be read is what this is for
    if known > commit:
        raise LedgerError(f"the ledger knows commit {known}, the records end at {commit}", hint=_RESTORE)


def _sweep(place: Place, mine: Path) -> None:
    """Delete what rebuilds left that were stopped. Under the lock: no other one is at work."""
    for folder in place.root.glob(f"{_REPLAY}*"):
        if folder != mine:
            shutil.rmtree(folder, ignore_errors=True)


def _swapped(place: Place, anew: Path, now: Instant) -> str | None:
    """Put the new file in the place of the old one; where the old one is now."""
    aside = place.root / "quarantine" / f"ledger-{iso(now).replace(':', '')}"
    try:
        with held(place.commit_lock):
            old = [path for suffix in ("", "-wal", "-shm") if (path := Path(f"{place.ledger}{suffix}")).exists()]
            if old:
                aside.mkdir(parents=True, exist_ok=True)
            # Its log first: without it the old file would be taken for a ledger that lacks its last commits.
            for path in reversed(old):
                shutil.move(path, aside / path.name)
            synced(anew)
            anew.replace(place.ledger)
            fsync_folder(place.root)
    except OSError as error:
        hint = f"the ledger that was there is in {aside}, or where it was; run it again"
        raise LedgerError(f"cannot put the ledger in its place: {error.strerror}", hint=hint) from error
    return str(aside) if old else None


def _into_postgres(anew: SqliteDatabase, postgres: str, place: str) -> None:
    from qmd_platform.ledger.postgres import PostgresDatabase  # noqa: PLC0415 - its driver, which most do without

    database = PostgresDatabase(postgres)
    database.migrate()
    with anew.reading() as ours, database.moving() as theirs:
        mine, other = (Ledger(one).about("lake") for one in (anew, database))
        if other is not None and other != mine:
            hint = "name another database, or another ?schema="
            raise LedgerError(f"the ledger {database.where} is of another lake", hint=hint)
        if (known := resolved(theirs, None)) > (last := resolved(ours, None)):
            raise LedgerError(f"the ledger knows commit {known}, the records end at {last}", hint=_RESTORE)
        copy(ours, theirs)
    # A checkpoint says where the files were when it was made.
    Ledger(database).put("files", place)
