"""The ledger's tables in SQLAlchemy Core, the same for SQLite and PostgreSQL.

What lives here: tables and the list of schema versions. What does not: how a database gets from one version to
the next (``migrations``), which must end in exactly these tables (a test compares).

Times are epoch ms. A segment or a run of coverage is live from ``added_commit`` until ``removed_commit``, so every
past commit can be read as long as its files exist. ``trashed_at`` and ``gone_at`` say what vacuum did to the file of a
segment that is not live any more. ``lo`` and ``hi`` are the window a segment speaks for, ``digests`` the hashes of its
slots (``lake.digests``), ``codec`` the layout of its file. A partition's ``checksum`` is over all that a reader of it is
served (``ledger.checksums``): SQLite has none of its own.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

REVISIONS = ("0001", "0002", "0003", "0004")
"""Schema versions, oldest first; the last is the one this code speaks. Each is a file in ``migrations``."""

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by code point in both databases, as Python does it; PostgreSQL would go by its locale."""

metadata = MetaData()

about = Table(
    "about",
    metadata,
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)
"""What the ledger is of: ``lake`` (its id), ``world``; ``oldest``, the first commit whose snapshot is still whole; and
``moved`` once it has been moved elsewhere; ``opportunities``, of which state of their table the episodes are."""

commit = Table(
    "commit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("run_id", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("code_version", TEXT, nullable=False),
    Column("idem_key", TEXT, unique=True),
)

partition = Table(
    "partition",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("table_name", TEXT, nullable=False),
    Column("venue", TEXT, nullable=False),
    Column("symbol", TEXT, nullable=False),
    Column("month", TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("layout", Integer, nullable=False, server_default="0"),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data_version", TEXT, nullable=False),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("committed_at", BigInteger, nullable=False),
    Column("checksum", TEXT),
    UniqueConstraint("table_name", "venue", "symbol", "month", name="partition_name"),
)

segment = Table(
    "segment",
    metadata,
    Column("path", TEXT, primary_key=True),
    Column("partition_id", Integer, ForeignKey("partition.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("file_hash", TEXT, nullable=False),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("lo", BigInteger),
    Column("hi", BigInteger),
    Column("digests", TEXT),
    Column("codec", Integer, nullable=False, server_default="1"),
    Column("added_commit", Integer, ForeignKey("commit.id"), nullable=False),
    Column("removed_commit", Integer, ForeignKey("commit.id")),
    Column("trashed_at", BigInteger),
    Column("gone_at", BigInteger),
    Index("segment_live", "partition_id", "removed_commit"),
)

coverage = Table(
    "coverage",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("added_commit", Integer, ForeignKey("commit.id"), primary_key=True),
    Column("end", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("cause", TEXT, nullable=False),
    Column("removed_commit", Integer, ForeignKey("commit.id")),
    Column("trashed_at", BigInteger),
    Index("coverage_live", "partition_id", "removed_commit"),
    Index("coverage_state", "state", "removed_commit"),
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
    Column("outranked", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False),
    Column("data_version", TEXT, nullable=False),
    Column("wrote", Boolean, nullable=False),
    Index("change_of_partition", "partition_id"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("open_at", BigInteger, primary_key=True, autoincrement=False),
    Column("identity", TEXT, primary_key=True),
    Column("row", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("commit_id", Integer, ForeignKey("commit.id"), nullable=False),
)

revision = Table(
    "revision",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("commit_id", Integer, ForeignKey("commit.id"), primary_key=True),
    Column("open_at", BigInteger),
    Column("before", TEXT),
    Column("after", TEXT),
    Index("revision_of_commit", "commit_id"),
)
"""Rows that were there and changed or went: their values (JSON) before and after, None where there was none."""

evidence = Table(
    "evidence",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("commit_id", Integer, ForeignKey("commit.id"), primary_key=True),
    Column("answers", TEXT, nullable=False),
    Column("checksum", TEXT, nullable=False),
    sqlite_with_rowid=False,
)
"""Which answers of a source a commit's part in a partition rests on (``ledger.asked``)."""

attempt = Table(
    "attempt",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("attempts", TEXT, nullable=False),
    Column("checksum", TEXT, nullable=False),
)
"""What was asked for in vain, how often, and when last (``ledger.asked``): as it is now, its past is not kept."""

pin = Table(
    "pin",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("commit_id", Integer, nullable=False),
    Column("series", TEXT, nullable=False),
    Column("until", BigInteger),
    Column("note", TEXT, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
"""Named snapshots vacuum must leave readable: ``commit_id`` (0 is before the first), of the series in a JSON list,
or of all where it is ``null``."""

verdict = Table(
    "verdict",
    metadata,
    Column("partition_id", Integer, ForeignKey("partition.id"), primary_key=True),
    Column("rule", TEXT, primary_key=True),
    Column("severity", TEXT, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("offenders", Integer, nullable=False),
    Column("sample", TEXT, nullable=False),
    Column("data_version", TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shorter_version", Integer, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

episode = Table(
    "episode",
    metadata,
    Column("short_market", TEXT, primary_key=True),
    Column("long_market", TEXT, primary_key=True),
    Column("began", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("underlying", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("opened", BigInteger),
    Column("closed", BigInteger),
    Column("ended", BigInteger),
    Column("reason", TEXT, nullable=False),
    Column("net_per_year", Double),
    Column("best_net_per_year", Double),
    Column("break_even_hours", Double),
    Column("flags", TEXT, nullable=False),
    Column("rule_version", TEXT, nullable=False),
    Column("data_versions", TEXT, nullable=False),
    Index("episode_of_underlying", "underlying", "began"),
    Index("episode_in_state", "state"),
)
"""Opportunities, one row an episode (``ledger.opportunities``): what the table ``opportunities`` of the lake says, to be asked.
"""
