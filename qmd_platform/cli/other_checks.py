"""What the rules say of the tables that are not candles, for the demo's summary.

What lives here: counting their verdicts, and saying which failed where. What does not: judging (``qmd_platform.ingest``),
the candles' verdicts (``cli.summary``).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from qmd_platform.cli import show
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Verdict

FAIL = "ERROR"
"""The severity of a rule that must not be broken; others warn."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that partitions of one venue's table break: which markets' and months', and in how many rows."""

    venue: str
    table: str
    rule: str
    severity: str
    symbols: tuple[str, ...]
    partitions: int
    offenders: int

    @property
    def sentence(self) -> str:
        """Where the UI shows it, and how much of it there is."""
        says = "fails" if self.is_failure else "warns"
        where = f" ({', '.join(self.symbols)})" if self.symbols else ""
        return (
            f"[{self.venue}, {self.table}] {self.rule} {says} in {show.counted(self.partitions, 'partition')}{where}: "
            f"{show.counted(self.offenders, 'row')}"
        )

    @property
    def is_failure(self) -> bool:
        """Whether the rule must not be broken, and does more than warn."""
        return self.severity == FAIL


@dataclass(frozen=True, slots=True)
class OtherChecks:
    """The verdicts of all tables but candles: how many passed, and the rules that did not."""

    passed: int
    broken: tuple[Broken, ...]
    is_made_up: bool

    @classmethod
    def of(cls, lake: Lake) -> "OtherChecks":
        """Read from the ledger, as the rules were judged last."""
        verdicts = [one for one in lake.ledger.verdicts() if not one.partition.series.is_candles]
        broken: dict[tuple[str, ...], list[Verdict]] = {}
        for one in verdicts:
            if not one.passed:
                series = one.partition.series
                broken.setdefault((series.venue, series.table, one.rule, one.severity), []).append(one)
        passed = sum(one.passed for one in verdicts)
        return cls(passed, tuple(_broken(key, broken[key]) for key in sorted(broken)), lake.world == "sandbox")

    def as_document(self) -> dict[str, object]:
        """For JSON: how many passed, and an object for each rule that a venue's table breaks."""
        return {"passed": self.passed, "broken": [asdict(one) for one in self.broken]}

    def lines(self) -> Iterator[str]:
        """For people, with markup."""
        failed = sum(one.partitions for one in self.broken if one.is_failure)
        warned = sum(one.partitions for one in self.broken if not one.is_failure)
        told = [f"{show.count(self.passed)} ok"]
        if failed:
            told.append(f"[red]{show.count(failed)} failed[/]")
        if warned:
            told.append(f"[yellow]{show.counted(warned, 'warning')}[/]")
        yield f"Checks of the tables that are not candles: {', '.join(told)}."
        yield from (f"  {show.plain(one.sentence)}" for one in self.broken)
        if self.broken and self.is_made_up:
            yield "  The sandbox exchange has such things on purpose (docs/sandbox.md). The UI shows each at its asset."


def _broken(key: tuple[str, ...], verdicts: list[Verdict]) -> Broken:
    venue, table, rule, severity = key
    symbols = sorted({one.partition.series.symbol for one in verdicts} - {""})
    return Broken(venue, table, rule, severity, tuple(symbols), len(verdicts), sum(one.offenders for one in verdicts))
