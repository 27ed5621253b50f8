"""The rules a table of settled funding is judged by, as data.

What lives here: the rules. What does not: their measures (``funding.suspicions`` computes them, ``ingest.funding_checks``
hands them in), what cannot be right at all and is refused (``funding.suspicions.errors``).
"""

from qmd_platform.quality.rule import Rule, Severity, Unique, Within, tabled

SHOWN = ("settled_at", "rate", "interval_hours")

SETTLED_ONCE = Rule(
    "settled_once",
    "No two settlements have the same time.",
    Severity.ERROR,
    blocking=True,
    expectation=Unique("settled_at"),
    shows=SHOWN,
)
RATE_IS_A_FRACTION = Rule(
    "rate_is_a_fraction",
    "The rates are fractions of the notional, and do not look like percent.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("percent", most=0),
    shows=SHOWN,
)
NONE_MISSING = Rule(
    "no_settlement_missing",
    "No settlement seems to be missing before this one (SUSPECT_GAP).",
    Severity.WARN,
    blocking=False,
    expectation=Within("missing_before", most=0),
    shows=(*SHOWN, "missing_before"),
)
INTERVAL_AGREES = Rule(
    "interval_agrees",
    "What the venue says of the interval agrees with the times of its settlements.",
    Severity.WARN,
    blocking=False,
    expectation=Within("disagrees", most=0),
    shows=SHOWN,
)
NOT_AT_CAP = Rule(
    "not_at_cap",
    "No rate is at the venue's cap: what the market would have paid is not known (AT_CAP).",
    Severity.WARN,
    blocking=False,
    expectation=Within("at_cap", most=0),
    shows=SHOWN,
)

FUNDING_RULES = (SETTLED_ONCE, RATE_IS_A_FRACTION, NONE_MISSING, INTERVAL_AGREES, NOT_AT_CAP)


def markdown() -> str:
    """The rules as the third table of docs/quality.md."""
    return tabled(FUNDING_RULES)
