"""Day segments, history of coverage, revisions, pins, and what the ledger is of."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is new. Coverage counts from the last commit to its partition: before that it was not kept."""
    op.create_table("about", sa.Column("key", TEXT, primary_key=True), sa.Column("value", TEXT, nullable=False))
    op.add_column("partition", sa.Column("layout", sa.Integer, nullable=False, server_default="0"))
    op.add_column("partition", sa.Column("checksum", TEXT))
    op.add_column("change", sa.Column("outranked", sa.Integer, nullable=False, server_default="0"))
    for name in ("lo", "hi", "trashed_at", "gone_at"):
        op.add_column("segment", sa.Column(name, sa.BigInteger))
    op.add_column("segment", sa.Column("digests", TEXT))
    op.add_column("segment", sa.Column("codec", sa.Integer, nullable=False, server_default="1"))
    _coverage()
    _revisions_and_pins()


def _coverage() -> None:
    # Made beside the old one and renamed: in PostgreSQL the old table's key would keep its name.
    op.create_table(
        "coverage_new",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("added_commit", sa.Integer, sa.ForeignKey("commit.id"), primary_key=True),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("removed_commit", sa.Integer, sa.ForeignKey("commit.id")),
        sa.Column("trashed_at", sa.BigInteger),
    )
    op.execute(
        'INSERT INTO coverage_new (partition_id, start, added_commit, "end", state, cause) '
        "SELECT c.partition_id, c.start, (SELECT max(h.commit_id) FROM change h WHERE h.partition_id = c.partition_id), "
        'c."end", c.state, c.cause FROM coverage c'
    )
    op.drop_table("coverage")
    op.rename_table("coverage_new", "coverage")
    op.create_index("coverage_live", "coverage", ["partition_id", "removed_commit"])
    op.create_index("coverage_state", "coverage", ["state", "removed_commit"])


def _revisions_and_pins() -> None:
    op.create_table(
        "revision",
        sa.Column("partition_id", sa.Integer, sa.ForeignKey("partition.id"), primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("commit_id", sa.Integer, sa.ForeignKey("commit.id"), primary_key=True),
        sa.Column("open_at", sa.BigInteger),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT),
    )
    op.create_index("revision_of_commit", "revision", ["commit_id"])
    op.create_table(
        "pin",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("commit_id", sa.Integer, nullable=False),
        sa.Column("series", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
