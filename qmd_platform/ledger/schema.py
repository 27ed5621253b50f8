"""The ledger's tables in SQLAlchemy Core, the same for SQLite and PostgreSQL.

What lives here: tables and the list of schema versions. What does not: how a database gets from one version to
the next (``migrations``), which must end in exactly these tables (a test compares).

Times are epoch ms. A segment is live from ``added_commit`` until ``removed_commit``, so every past commit can be
read as long as its files exist.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint

REVISIONS = ("0001",)
"""Schema versions, oldest first; the last is the one this code speaks. Each is a file in ``migrations``."""

metadata = MetaData()

commit = Table(
    "commit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("idem_key", Text, unique=True),
)

partition = Table(
    "partition",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data_version", Text, nullable=False),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("committed_at", BigInteger, nullable=False),
    UniqueConstraint("table_name", "venue", "symbol", "month", name="partition_name"),
)

segment = Table(
    "segment",
    metadata,
    Column("path", Text, primary_key=True),
    Column("partition_id", Integer, ForeignKey("partition.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("added_commit", Integer, ForeignKey("commit.id"), nullable=False),
    Column("removed_commit", Integer, ForeignKey("commit.id")),
    Index("segment_live", "partition_id", "removed_commit"),
)

coverage = Table(
    "coverage",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text, nullable=False),
)

change = Table(
    "change",
    metadata,
    Column("commit_id", Integer, ForeignKey("commit.id"), primary_key=True),
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data_version", Text, nullable=False),
    Column("wrote", Boolean, nullable=False),
    Index("change_of_partition", "partition_id"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("open_at", BigInteger, primary_key=True, autoincrement=False),
    Column("identity", Text, primary_key=True),
    Column("row", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("commit_id", Integer, ForeignKey("commit.id"), nullable=False),
)

verdict = Table(
    "verdict",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("offenders", Integer, nullable=False),
    Column("sample", Text, nullable=False),
    Column("data_version", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shorter_version", Integer, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)
