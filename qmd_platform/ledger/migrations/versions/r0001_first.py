"""The first schema: commits, partitions, segments, coverage, changes, quarantine, verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "commit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("idem_key", sa.Text, unique=True),
    )
    op.create_table(
        "partition",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("data_version", sa.Text, nullable=False),
        sa.Column("first", sa.BigInteger),
        sa.Column("last", sa.BigInteger),
        sa.Column("committed_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("table_name", "venue", "symbol", "month", name="partition_name"),
    )
    op.create_table(
        "segment",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("file_hash", sa.Text, nullable=False),
        sa.Column("first", sa.BigInteger),
        sa.Column("last", sa.BigInteger),
        sa.Column("added_commit", sa.Integer, sa.ForeignKey("commit.id"), nullable=False),
        sa.Column("removed_commit", sa.Integer, sa.ForeignKey("commit.id")),
    )
    op.create_index("segment_live", "segment", ["partition_id", "removed_commit"])
    _notes_of_partitions()


def _notes_of_partitions() -> None:
    op.create_table(
        "coverage",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
    )
    op.create_table(
        "change",
        sa.Column("commit_id", sa.Integer, sa.ForeignKey("commit.id"), primary_key=True),
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("new", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("data_version", sa.Text, nullable=False),
        sa.Column("wrote", sa.Boolean, nullable=False),
    )
    op.create_index("change_of_partition", "change", ["partition_id"])
    op.create_table(
        "quarantine",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("open_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("commit_id", sa.Integer, sa.ForeignKey("commit.id"), nullable=False),
    )
    op.create_table(
        "verdict",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("offenders", sa.Integer, nullable=False),
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("data_version", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("shorter_version", sa.Integer, nullable=False),
        sa.Column("checked_at", sa.BigInteger, nullable=False),
    )
