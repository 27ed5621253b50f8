"""A lake of an older format brought up to today's, with all it holds.

What lives here: the steps from version 1. What does not: the ledger's tables (``ledger.migrations``), files of an older
layout, which stay readable and are laid out anew when their month is sealed (``lake.sealing``).

Every step may be done again: stopped in between, the next process that opens the lake starts over.
"""

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.digests import digests, version_of
from qmd_platform.lake.place import VERSION, Place
from qmd_platform.lake.records import Records
from qmd_platform.lake.segments import table_of
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.records import Segment
from qmd_platform.ledger.upgrade import Digested, undigested, with_digests
from qmd_platform.model import tables
from qmd_platform.model.series import Partition


def upgrade(place: Place, ledger: Ledger, data: BlobStore, records: Records) -> None:
    """Bring the lake in ``place`` up to date; nothing happens if it is. Reads every live file once if it is not.

    Raises:
        CorruptSegment: a file cannot be read now; the lake stays as it is.
    """
    if place.version == VERSION:
        return
    with held(place.upgrade_lock):
        if place.version == VERSION:
            return
        if place.old_world is not None:
            ledger.claim(place.old_world)
        ledger.say("lake", place.lake)
        found = undigested(ledger.database)
        with_digests(ledger.database, [_digested(data, one, segments) for one, segments in found.items()])
        commit, dump = ledger.checkpoint()
        if commit:
            records.keep_checkpoint(commit, dump)
        place.bring_up()


def _digested(data: BlobStore, partition: Partition, segments: list[Segment]) -> Digested:
    """The digests of a partition's files; of a damaged one there is none, and ``verify`` will name it."""
    spec = tables.table(partition.series.table)
    found: dict[str, str] = {}
    for segment in segments:
        try:
            found[segment.path] = digests(partition, table_of(spec, data, [segment]))
        except CorruptSegment as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
                raise  # the disk failed, and perhaps not the file: the next to open the lake tries again
            return Digested(partition, found, None)
    whole = [Segment(one.partition, one.path, one.rows, 0, "", 0, digests=found[one.path]) for one in segments]
    return Digested(partition, found, version_of(partition, whole))
