"""Opportunities, one row an episode, with what they are asked by."""

import sqlalchemy as sa
from alembic import op

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table, empty: the next run of the opportunities fills it from the lake."""
    op.create_table(
        "episode",
        sa.Column("short_market", TEXT, primary_key=True),
        sa.Column("long_market", TEXT, primary_key=True),
        sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("kind", "underlying", "state")),
        sa.Column("since", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("opened", "closed", "ended")),
        sa.Column("reason", TEXT, nullable=False),
        *(sa.Column(name, sa.Double) for name in ("net_per_year", "best_net_per_year", "break_even_hours")),
        *(sa.Column(name, TEXT, nullable=False) for name in ("flags", "rule_version", "data_versions")),
    )
    op.create_index("episode_of_underlying", "episode", ["underlying", "began"])
    op.create_index("episode_in_state", "episode", ["state"])
