"""The rules candles of mark, index and premium are judged by, as data, and their measures. Pure.

What lives here: which rules of candles hold for them too, and those of their own. What does not: who applies them
(``ingest.reference`` before rows are stored, ``ingest.reference_checks`` to a stored month).
"""

import numpy as np

from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.quality import rules
from qmd_platform.quality.measures import Columns, of_neighbours, of_rows
from qmd_platform.quality.offenders import offenders
from qmd_platform.quality.rule import Rule, Severity, Within, tabled

PREMIUM_IS_A_FRACTION = Rule(
    "premium_is_a_fraction",
    "The premiums are fractions of the index, none of them 1 or more, and do not look like percent.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("largest_premium", most=0.999),
    shows=("open_at", *PRICES),
)
NO_HOUR_MISSING = Rule(
    "no_hour_missing",
    "Between two candles no hour is missing.",
    Severity.WARN,
    blocking=False,
    expectation=Within("hours_missing_before", most=0),
    shows=("open_at", "hours_missing_before"),
)

_ROW_RULES = {
    Reference.MARK: (rules.ON_THE_GRID, rules.FINITE, rules.POSITIVE_PRICES, rules.OHLC_ORDER),
    Reference.INDEX: (rules.ON_THE_GRID, rules.FINITE, rules.POSITIVE_PRICES, rules.OHLC_ORDER),
    Reference.PREMIUM: (rules.ON_THE_GRID, rules.FINITE, PREMIUM_IS_A_FRACTION, rules.OHLC_ORDER),
}
"""What a row breaks by itself, by what it is of."""

OWN_RULES = (PREMIUM_IS_A_FRACTION, NO_HOUR_MISSING)


def rules_of(wanted: Reference) -> tuple[Rule, ...]:
    """The rules of a stored month."""
    return (*_ROW_RULES[wanted], NO_HOUR_MISSING)


def measured(candles: Candles) -> Columns:
    """The measures of the rules, a row a candle, sorted by open time."""
    columns = of_rows(candles, STEP.step) | {name: getattr(candles, name) for name in ("open_at", *PRICES)}
    columns["largest_premium"] = np.abs([getattr(candles, name) for name in PRICES]).max(axis=0)
    since = of_neighbours(candles)["since_previous_ms"]
    columns["hours_missing_before"] = np.where(np.isnan(since), 0, since // STEP.step - 1)
    return columns


def kept_out(candles: Candles, wanted: Reference) -> dict[int, str]:
    """The rows that are not let in, by position, each with the first rule that it breaks."""
    columns = measured(candles)
    found: dict[int, str] = {}
    for rule in _ROW_RULES[wanted]:
        for row in np.flatnonzero(offenders(rule, columns)).tolist():
            found.setdefault(row, rule.name)
    return found


def markdown() -> str:
    """The rules of their own as the fourth table of docs/quality.md."""
    return tabled(OWN_RULES)
