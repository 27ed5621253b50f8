"""Which answers spoke about a partition, and what was asked for in vain."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add both tables, empty: what was asked before was not kept."""
    op.create_table(
        "evidence",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("commit_id", sa.Integer, sa.ForeignKey("commit.id"), primary_key=True),
        sa.Column("answers", TEXT, nullable=False),
        sa.Column("checksum", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("attempts", TEXT, nullable=False),
        sa.Column("checksum", TEXT, nullable=False),
    )
