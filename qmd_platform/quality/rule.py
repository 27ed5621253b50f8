"""What a quality rule is: a name, a sentence, a severity and one expectation of one measure.

What lives here: the types. What does not: the rules (``rules`` for candles, ``listing`` for instruments).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from qmd_platform.model.candles import COLUMNS


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


def tabled(rules: Sequence[Rule]) -> str:
    """The rules as a Markdown table, for docs/quality.md."""
    lines = ["| rule | what holds | a breach | measured as |", "|---|---|---|---|"]
    for rule in rules:
        breach = f"{rule.severity.value}, blocks" if rule.blocking else rule.severity.value
        lines.append(f"| `{rule.name}` | {rule.sentence} | {breach} | `{rule.expectation}` |")
    return "\n".join(lines) + "\n"
