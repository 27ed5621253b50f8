"""The rules a candle table is judged by, as data.

What lives here: each rule's name, its sentence, how bad a breach is, and the one expectation it makes of one
measure. The asset checks, their descriptions, docs/quality.md and the Great Expectations suite are all made from
this. What does not: how a measure is taken (``measures``, ``agreement``, ``page_boundary``), who judges
(``offenders`` in numpy, ``suite`` in Great Expectations).

A rule blocks when what stands on the table would compute nonsense: a wrong type, a row twice, a price of zero. It
does not block when the rows are fit to use but are not all there, or contradict another table: that is for a
person to look at, and the rollups skip what is not whole.
"""

from dataclasses import dataclass
from enum import StrEnum

from qmd_platform.model.candles import COLUMNS, PRICES

TOLERANCE = 1e-9
"""Largest relative difference that passes for equal: floats of converted volumes, far below any venue's tick."""


class Severity(StrEnum):
    """How bad a breach is; the spelling is Dagster's."""

    ERROR = "ERROR"
    WARN = "WARN"


@dataclass(frozen=True, slots=True)
class Within:
    """Every value of the measure is inside the bounds; NaN means that the rule does not speak about the row."""

    measure: str
    least: float | None = None
    most: float | None = None
    is_strict: bool = False
    """Whether ``least`` itself is already a breach."""

    def __str__(self) -> str:
        if self.most is None:
            return f"{self.measure} {'>' if self.is_strict else '>='} {self.least:g}"
        return f"{self.measure} <= {self.most:g}"


@dataclass(frozen=True, slots=True)
class Unique:
    """No value of the measure occurs twice."""

    measure: str

    def __str__(self) -> str:
        return f"{self.measure} is unique"


@dataclass(frozen=True, slots=True)
class Same:
    """Two measures are equal in every row."""

    measure: str
    other: str

    def __str__(self) -> str:
        return f"{self.measure} = {self.other}"


Expectation = Within | Unique | Same


@dataclass(frozen=True, slots=True)
class Rule:
    """One quality sentence. ``shows`` names the columns that make an offender understandable."""

    name: str
    sentence: str
    severity: Severity
    blocking: bool
    expectation: Expectation
    shows: tuple[str, ...] = COLUMNS


_TIMES = ("open_at", "since_previous_ms")

SCHEMA = Rule(
    "schema",
    "The table has the columns of model.tables.CANDLES, each of its type, all of one length.",
    Severity.ERROR,
    blocking=True,
    expectation=Same("found", "wanted"),
    shows=("column", "found", "wanted"),
)
"""Judged first, over the columns instead of the rows; where it is broken the other rules are not judged."""

ON_THE_GRID = Rule(
    "on_the_grid",
    "Every candle opens on the grid of its timeframe and inside its partition's month.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("off_grid_ms", most=0),
    shows=("open_at", "off_grid_ms"),
)
FINITE = Rule(
    "finite",
    "Every price and the volume is a finite number.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("finite_values", least=len(COLUMNS) - 1),
)
POSITIVE_PRICES = Rule(
    "positive_prices",
    "Every price is above zero.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("lowest_price", least=0, is_strict=True),
)
VOLUME_NOT_NEGATIVE = Rule(
    "volume_not_negative",
    "No volume is below zero.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("volume", least=0),
    shows=("open_at", "volume"),
)
OHLC_ORDER = Rule(
    "ohlc_order",
    "The high is the highest and the low is the lowest of the four prices.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("order_slack", least=0),
    shows=("open_at", *PRICES),
)
UNIQUE_OPEN_TIMES = Rule(
    "unique_open_times",
    "No two candles open at the same time.",
    Severity.ERROR,
    blocking=True,
    expectation=Unique("open_at"),
)
IN_ORDER = Rule(
    "in_order",
    "No candle opens before the one above it.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("since_previous_ms", least=0),
    shows=_TIMES,
)
COMPLETE = Rule(
    "complete",
    "Every candle of the asked window, its first and last included, is there, or is known to be empty or unlisted.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("is_held", least=1),
    shows=("open_at", "state", "cause"),
)
PAGE_BOUNDARY = Rule(
    "page_boundary",
    "No damage (half-built candle, hole, repeated candle) comes back after a fixed number of rows.",
    Severity.WARN,
    blocking=False,
    expectation=Within("damage_distance", most=0),
    shows=(*COLUMNS, "damage_distance", "damage"),
)
AGREES_WITH_SHORTER = Rule(
    "agrees_with_shorter",
    "A candle fetched as such equals the rollup of the shorter candles in the lake, where all of those are there.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("shorter_difference", most=TOLERANCE),
    shows=(*COLUMNS, *(f"shorter_{name}" for name in COLUMNS[1:])),
)

ROW_RULES = (ON_THE_GRID, FINITE, POSITIVE_PRICES, VOLUME_NOT_NEGATIVE, OHLC_ORDER)
"""Rules that a row breaks by itself: ingest keeps such rows out."""

TABLE_RULES = (UNIQUE_OPEN_TIMES, IN_ORDER, COMPLETE, PAGE_BOUNDARY)
"""Rules about rows together, judged over every partition."""

CANDLE_RULES = (SCHEMA, *ROW_RULES, *TABLE_RULES, AGREES_WITH_SHORTER)
"""Every rule for candle tables. The last applies where the shorter timeframe is in the lake too."""


def markdown() -> str:
    """The rules as the Markdown table of docs/quality.md."""
    lines = ["| rule | what holds | a breach | measured as |", "|---|---|---|---|"]
    for rule in CANDLE_RULES:
        breach = f"{rule.severity.value}, blocks" if rule.blocking else rule.severity.value
        lines.append(f"| `{rule.name}` | {rule.sentence} | {breach} | `{rule.expectation}` |")
    return "\n".join(lines) + "\n"
