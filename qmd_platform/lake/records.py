"""The commits' records: one file a commit, written before the commit is one, from which the ledger can be made again.

What lives here: where they are, keeping one, completing commits that have a record and nothing else. What does not:
what is in them (``ledger.journal``), making a whole ledger anew (``lake.rebuild``).

A commit is decided once its record is durable: the ledger has compared and found nothing in its way, and only the
end of its transaction is missing. If that never comes (a kill, a power loss, a damaged write-ahead log), whoever opens
the lake next completes it. So what was acknowledged is in the ledger or in the records beyond it.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator

from qmd_platform.errors import Conflict, LakeError, LedgerError
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.objects_errors import Unanswered
from qmd_platform.ledger.journal import Entry
from qmd_platform.ledger.ledger import Ledger

SUFFIX = ".json.gz"
CHECKPOINT = ".checkpoint.gz"

_RESTORE = "put it back from a backup"


def path_of(commit: int) -> str:
    """Where the record of a commit is, in the store ``log``; a thousand to a folder."""
    return f"{commit // 1000:06d}/{commit:09d}{SUFFIX}"


def checkpoint_path(commit: int) -> str:
    """Where the whole ledger right after a commit is, in the store ``log``."""
    return f"{commit // 1000:06d}/{commit:09d}{CHECKPOINT}"


class Records:
    """The records of one lake."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, entry: Entry) -> None:
        """Keep what a commit did; durable on return.

        Raises:
            Conflict: there is one already, of a commit that waits to be completed.
            LakeError: it cannot be kept, is not there and never will be: the commit is off.
            LedgerError: it may be there, or arrive yet: then the commit will be completed.
        """
        path = path_of(entry.id)
        try:
            if not self._blobs.put_if_absent(path, entry.to_bytes()):
                raise Conflict(f"commit {entry.id} has a record already")
        except LakeError as error:
            # A server that did not answer may still do what it was asked, after we have looked.
            if isinstance(error, Unanswered) or not self._is_absent(path):
                hint = "run it again: what is there already is not written twice"
                said = f"it is not known whether commit {entry.id} was made: {error.message}"
                raise LedgerError(said, hint=hint) from error
            raise

    def keep_checkpoint(self, commit: int, dump: bytes) -> None:
        """Keep the whole ledger as it was right after ``commit``; durable on return. Made again it is the same file."""
        self._blobs.replace(checkpoint_path(commit), dump)

    def checkpoints(self) -> list[int]:
        """The commits whose ledger was kept, sorted."""
        return self._numbered(CHECKPOINT)

    def checkpoint(self, commit: int) -> tuple[bytes, str]:
        """The ledger right after ``commit``, and where it is kept. LedgerError if it cannot be read."""
        path = checkpoint_path(commit)
        where = self._blobs.where(path)
        try:
            return self._blobs.read(path), where
        except OSError as error:
            raise LedgerError(f"the checkpoint {where} cannot be read: {error}", hint=_RESTORE) from error

    def is_whole(self, checkpoint: int) -> bool:
        """Whether the bytes of a checkpoint are those that were kept."""
        try:
            gzip.decompress(self.checkpoint(checkpoint)[0])
        except (LedgerError, OSError, EOFError, zlib.error):
            return False
        return True

    def forget(self, commits: Iterable[int], checkpoints: Iterable[int]) -> None:
        """Delete records, and checkpoints, that a later checkpoint makes superfluous."""
        for commit in commits:
            self._blobs.delete(path_of(commit))
        for commit in checkpoints:
            self._blobs.delete(checkpoint_path(commit))

    def has(self, commit: int) -> bool:
        """Whether there is a record of ``commit``."""
        return self._blobs.exists(path_of(commit))

    def entry(self, commit: int) -> Entry:
        """What ``commit`` did. LedgerError if its record is damaged or gone."""
        path = path_of(commit)
        where = self._blobs.where(path)
        try:
            return Entry.from_bytes(self._blobs.read(path), where)
        except OSError as error:
            raise LedgerError(f"the commit record {where} cannot be read: {error}", hint=_RESTORE) from error

    def commits(self) -> list[int]:
        """The commits that have a record, sorted."""
        return self._numbered(SUFFIX)

    def after(self, commit: int) -> Iterator[Entry]:
        """The entries after ``commit``, as far as they follow one another."""
        while self.has(commit := commit + 1):
            yield self.entry(commit)

    def complete(self, ledger: Ledger) -> int:
        """Make the commits that have a record and are not in the ledger; how many there were.

        Raises:
            LedgerError: a record is damaged, or is of another lake.
        """
        last = ledger.last_commit()
        return ledger.replay(self.after(last)) if self.has(last + 1) else 0

    def lake(self) -> str | None:
        """The id of the lake the records are of; None if there are none."""
        commits = self.commits()
        return (self.entry(commits[-1]).lake or None) if commits else None

    def _numbered(self, suffix: str) -> list[int]:
        names = (path.rpartition("/")[2] for path in self._blobs.paths() if path.endswith(suffix))
        return sorted(int(name.removesuffix(suffix)) for name in names if name.removesuffix(suffix).isdecimal())

    def _is_absent(self, path: str) -> bool:
        try:
            return not self._blobs.exists(path)
        except LakeError:
            return False
