"""The rules an instruments table is judged by, as data.

What lives here: the rules. What does not: their measures (``listing``), lists so short that they are not believed at all
(``ingest.instruments``).
"""

from qmd_platform.quality.rule import Rule, Severity, Unique, Within, tabled

MOST_GONE = 0.1
"""Share of the traded markets that may go from one list to the next. Venues delist a few a week; a faulty answer lacks a
kind of markets or a page of them. Above half, ``ingest`` does not believe the list."""

FEW = 10
"""Traded markets below which a share says nothing."""

UNIQUE_SYMBOLS = Rule(
    "unique_symbols",
    "No symbol is listed twice.",
    Severity.ERROR,
    blocking=True,
    expectation=Unique("symbol"),
    shows=("symbol", "venue_symbol"),
)
CONTRACT_SIZE = Rule(
    "contract_size_positive",
    "Every contract is of more than nothing.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("contract_size", least=0, is_strict=True),
    shows=("symbol", "contract_size"),
)
TICK = Rule(
    "tick_positive",
    "Every price step that is known is above zero.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("tick", least=0, is_strict=True),
    shows=("symbol", "tick"),
)
LOT = Rule(
    "lot_positive",
    "Every amount step that is known is above zero.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("lot", least=0, is_strict=True),
    shows=("symbol", "lot"),
)
STILL_LISTED = Rule(
    "still_listed",
    f"No more than {MOST_GONE:.0%} of the markets that were traded are gone since the list before.",
    Severity.WARN,
    blocking=False,
    expectation=Within("gone", most=0),
    shows=("symbol", "venue_symbol"),
)

LISTING_RULES = (UNIQUE_SYMBOLS, CONTRACT_SIZE, TICK, LOT, STILL_LISTED)


def markdown() -> str:
    """The rules as the second table of docs/quality.md."""
    return tabled(LISTING_RULES)
