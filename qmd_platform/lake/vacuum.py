"""Vacuum: what no snapshot that is kept can reach leaves the disk, after a time of grace.

What lives here: deleting files, and thinning out the commits' records. What does not: which files are reachable, and
their marks (``ledger.disposal``).

| is | goes |
|---|---|
| a file of a replaced version that now, the time kept and pins do not reach | trash at once, deleted after the grace |
| a file no commit names, left by a writer that was stopped | when it is older than the grace and nobody writes there |
| a record of a commit that is in two checkpoints | when the second checkpoint is made |

Killed at any instant, it has deleted nothing that is reachable, and the next one goes on.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from qmd_platform.errors import BadSnapshot
from qmd_platform.lake.blobs import Found
from qmd_platform.lake.segments import partition_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.disposal import Reclaimed
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.records import Pin
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant

HOUR_MS = 3_600_000

KEEP_MS = 7 * 24 * HOUR_MS
"""How long every past snapshot stays readable, if nothing else is said."""

GRACE_MS = 24 * HOUR_MS
"""How long trash and files without a commit stay, if nothing else is said: longer than any reader or writer runs."""

RECORDS = 1000
"""Commits from one checkpoint to the next."""

Progress = Callable[[int, int], None]
"""Told how many files are deleted, of how many."""


@dataclass(frozen=True, slots=True)
class Vacuum:
    """What a vacuum did, or (a dry run) would do."""

    reclaimed: Reclaimed
    deleted: tuple[Found, ...] = ()
    """Files of replaced versions."""
    orphans: tuple[Found, ...] = ()
    """Files no commit names, deleted."""
    young: int = 0
    """Files no commit names, left as they may be a writer's at work."""
    foreign: tuple[str, ...] = ()
    """Files that are none of ours, left alone."""
    records: int = 0
    """Commit records that a checkpoint made superfluous."""

    @property
    def bytes(self) -> int:
        """Bytes freed."""
        return sum(found.bytes for found in (*self.deleted, *self.orphans))


def vacuum(
    lake: Lake,
    *,
    run_id: str,
    now: Instant,
    keep_ms: int = KEEP_MS,
    grace_ms: int = GRACE_MS,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Vacuum:
    """Remove what is not reachable; safe while others read and write.

    Args:
        lake: whose files.
        run_id: who did it.
        now: the clock's time.
        keep_ms: every snapshot of this last time stays readable.
        grace_ms: how long trash and files without a commit stay.
        dry_run: only say what would be done.
        progress: told of every file deleted.
    """
    lake.ledger.complete()
    # Listed before the ledger is asked: what is committed in between is not taken for a file without a commit.
    found = {one.path: one for one in lake.blobs.data.listing()}
    named = lake.ledger.paths()
    expired = _unpinned(lake, run_id, now, dry_run=dry_run)
    reclaimed = lake.ledger.reclaim(now=now, keep_ms=keep_ms, grace_ms=grace_ms, dry_run=dry_run)
    reclaimed = replace(reclaimed, expired=expired)
    gone = lake.ledger.gone() | {segment.path for segment in reclaimed.gone}
    deleted = tuple(found[path] for path in sorted(gone & found.keys()))
    loose = [one for path, one in found.items() if path not in named]
    foreign = tuple(sorted(one.path for one in loose if _partition(one.path) is None))
    ours = [one for one in loose if _partition(one.path) is not None]
    orphans = tuple(one for one in ours if one.modified <= now - grace_ms)
    records = 0
    if not dry_run:
        _delete(lake, deleted, orphans, progress)
        lake.blobs.log.sweep(now - grace_ms)
        records = _thin_records(lake)
    return Vacuum(reclaimed, deleted, orphans, len(ours) - len(orphans), foreign, records)


def _unpinned(lake: Lake, run_id: str, now: Instant, *, dry_run: bool) -> tuple[Pin, ...]:
    """The pins whose time is over; forgotten unless it is a dry run."""
    expired = tuple(pin for pin in lake.ledger.pins() if pin.until is not None and pin.until <= now)
    for pin in () if dry_run else expired:
        with suppress(BadSnapshot):  # another vacuum was faster
            lake.ledger.unpin(pin.name, run_id=run_id)
    return expired


def _delete(lake: Lake, deleted: Iterable[Found], orphans: Iterable[Found], progress: Progress | None) -> None:
    todo = [*((one, False) for one in deleted), *((one, True) for one in orphans)]
    for done, (one, is_orphan) in enumerate(todo, 1):
        if is_orphan:
            _delete_orphan(lake, one.path)
        else:
            lake.blobs.data.delete(one.path)
        if progress:
            progress(done, len(todo))


def _delete_orphan(lake: Lake, path: str) -> None:
    """Delete a file no commit names, unless one does by now. A writer holds the lock from before it writes files.

    One that was stopped may have left a commit that is decided and not in the ledger yet: it names its files too.
    """
    with held(lake.place.stripe(str(_partition(path)))):
        lake.ledger.complete()
        if not lake.ledger.names(path):
            lake.blobs.data.delete(path)


def _thin_records(lake: Lake) -> int:
    """Make a checkpoint where the records have become many, and delete what the one before it covers already."""
    checkpoints, commits = lake.records.checkpoints(), lake.records.commits()
    if len(commits) >= RECORDS and lake.ledger.last_commit() > max(checkpoints, default=0):
        lake.records.keep_checkpoint(*lake.ledger.checkpoint())
        checkpoints = lake.records.checkpoints()
    last_two = checkpoints[-2:]  # should one be damaged some day, the other is there
    if len(last_two) < 2 or not all(lake.records.is_whole(one) for one in last_two):  # noqa: PLR2004 - as above
        return 0
    old = [commit for commit in commits if commit <= checkpoints[-2]]
    lake.records.forget(old, checkpoints[:-2])
    return len(old)


def _partition(path: str) -> Partition | None:
    return partition_of(path) if path.endswith(".parquet") else None
