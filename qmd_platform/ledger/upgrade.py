"""The ledger's part in bringing a lake of format 1 up to date: digests for its files.

What lives here: what migrations cannot do, as it takes the files' rows. What does not: reading those
(``lake.upgrade``), the tables' shape (``ledger.migrations``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, func, select, update

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.applying import refresh_checksums
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.records import Segment
from qmd_platform.model.series import Partition


@dataclass(frozen=True, slots=True)
class Digested:
    """The digests of a partition's live files by path, and its content hash; None if a file could not be read."""

    partition: Partition
    digests: Mapping[str, str]
    data_version: str | None


def undigested(database: Database) -> dict[Partition, list[Segment]]:
    """Every partition, with its live files; without files too, as its content hash is of the old kind."""
    with database.reading() as connection:
        found: dict[Partition, list[Segment]] = {
            state.partition: [] for state in rows.states(connection, db.partition.c.checksum.is_(None))
        }
        for segment in rows.segments(connection, and_(rows.live(), db.partition.c.checksum.is_(None))):
            found[segment.partition].append(segment)
    return found


def with_digests(database: Database, digested: Sequence[Digested]) -> None:
    """Keep them, and put the new content hashes in the place of the old; all or nothing."""
    if not digested:
        return
    partitions = [one.partition for one in digested]
    files = [{"b_path": path, "digests": said} for one in digested for path, said in one.digests.items()]
    with database.writing() as connection:
        ids = rows.ids(connection, partitions)
        versions = [
            {"b_id": ids[one.partition], "data_version": one.data_version} for one in digested if one.data_version
        ]
        if files:
            connection.execute(update(db.segment).where(db.segment.c.path == bindparam("b_path")), files)
        if versions:
            change = db.change.alias("latest")
            latest = select(func.max(change.c.commit_id)).where(change.c.partition_id == bindparam("b_id"))
            mine = and_(
                db.change.c.partition_id == bindparam("b_id"), db.change.c.commit_id == latest.scalar_subquery()
            )
            connection.execute(update(db.partition).where(db.partition.c.id == bindparam("b_id")), versions)
            connection.execute(update(db.change).where(mine), versions)
        refresh_checksums(connection, partitions)
