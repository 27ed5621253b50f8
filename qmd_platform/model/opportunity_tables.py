"""The table of opportunities: every change of state of every pair of markets, with what it was decided from.

What lives here: the table as data. What does not: the rules (``arbitrage.lifecycle``), making its rows of the tables of hedges
(``ingest.opportunities``), the episodes they make (``ledger.opportunities``).
"""

from qmd_platform.model.columns import Column, Table

SPREAD, CASH_AND_CARRY = "spread", "cash_and_carry"
"""The kinds of opportunity: two perpetuals, or a perpetual and spot."""

OPPORTUNITIES = Table(
    "opportunities",
    "The life of every hedge worth watching, in each direction by itself: a row a change of state, NONE to WATCH to OPEN "
    "to HOLD to CLOSE. Rules decide, and nothing that comes later changes a row.",
    ("short_market", "long_market", "episode", "before"),
    (
        Column("short_market", "string", "", "what is sold, as binance:BTC/USDT:USDT"),
        Column("long_market", "string", "", "what is bought"),
        Column("kind", "string", "", "spread: two perpetuals; cash_and_carry: a perpetual and spot"),
        Column("underlying", "string", "", "the coin that both markets are of, by its newest name"),
        Column("episode", "int64", "", "counts the pair's episodes in this direction from 1: from WATCH to its end"),
        Column("began_at", "instant", "UTC", "when the episode began; with the two markets it names the episode"),
        Column("changed_at", "instant", "UTC", "when the state changed; nothing in the row was known later"),
        Column("before", "string", "", "the state until then: NONE, WATCH, OPEN, HOLD or CLOSE"),
        Column("after", "string", "", "the state from then on"),
        Column("reason", "string", "", "the rule that changed it, in words"),
        Column(
            "net_per_year",
            "float64",
            "fraction a year",
            "net simple return for the hold that is expected, all costs paid; empty where it was not known",
            nullable=True,
        ),
        Column(
            "break_even_hours",
            "float64",
            "hours",
            "until funding has paid the cost: infinite if never, empty if unknown",
            nullable=True,
        ),
        Column("flags", "string", "", "names of the risk flags that were up, with spaces between; empty for none"),
        Column("rule_version", "string", "", "version of the rules and a mark of the thresholds it was decided by"),
        Column(
            "data_versions",
            "string",
            "",
            "table:hash of all the figures of the episode that the decision rests on, from its first row to this one",
        ),
    ),
    scope="venue",
)
