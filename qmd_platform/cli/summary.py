"""The demo's summary: what is there now, what was fetched, what to do next.

What lives here: collecting and drawing it. What does not: running the graph (``cli.demo``).
"""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from qmd_platform.cli import kit, show
from qmd_platform.cli.graph import series_of
from qmd_platform.cli.other_checks import OtherChecks
from qmd_platform.cli.workers import Outcome
from qmd_platform.config import Universe
from qmd_platform.coverage.summary import Summary as Coverage
from qmd_platform.coverage.summary import summarised
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.window import month_window


@dataclass(frozen=True, slots=True)
class Line:
    """One series, or several summed: candles by state, verdicts, bytes on disk, seconds its own step took, if any."""

    name: str
    coverage: Coverage
    passed: int
    failed: tuple[str, ...]
    bytes: int
    seconds: float | None

    def __add__(self, other: "Line") -> "Line":
        return Line(
            self.name,
            self.coverage + other.coverage,
            self.passed + other.passed,
            (*self.failed, *other.failed),
            self.bytes + other.bytes,
            self.seconds if other.seconds is None else (self.seconds or 0.0) + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo's lake holds after a run, and what the run did. ``stats`` is what the exchange counted."""

    lines: Mapping[Series, Line]
    new: int
    stats: Mapping[str, int]
    seconds: float
    errors: tuple[str, ...]
    others: OtherChecks

    @classmethod
    def of(
        cls,
        lake: Lake,
        universe: Universe,
        outcomes: Sequence[Outcome],
        *,
        held: int,
        stats: Mapping[str, int],
        seconds: float,
    ) -> "Summary":
        """Read from the lake and the outcomes; ``held`` is how many candles there were before."""
        took = {(outcome.name, name): spent for outcome in outcomes for name, spent in outcome.tables.items()}
        lines = {
            series: _line(lake, series, took) for market in universe.markets for series in series_of(universe, market)
        }
        asked = {outcome.name for outcome in outcomes}
        errors = [f"{outcome.name}: {why}" for outcome in outcomes for why in outcome.errors]
        errors += [
            f"{market}: was not run"
            for market in universe.markets
            if asked.isdisjoint({str(market), f"{market.venue}:*"})
        ]
        new = rows_held(lake, universe) - held
        return cls(lines, new, stats, seconds, tuple(errors), OtherChecks.of(lake))

    @property
    def is_complete(self) -> bool:
        """Whether every run succeeded and no candle is missing."""
        return not self.errors and all(line.coverage.is_complete for line in self.lines.values())

    def as_document(self) -> dict[str, object]:
        """The summary for JSON, a row a series."""
        return {
            "seconds": round(self.seconds, 1),
            "new": self.new,
            **self.stats,
            "errors": list(self.errors),
            "other_checks": self.others.as_document(),
            "series": [_document(line) for line in self.lines.values()],
        }

    def draw(self) -> None:
        """A row for each market's fetched candles and one for what was made of them, and totals."""
        names = ("expected", "present", "empty", "missing", "checks", "on disk", "bytes each", "time")
        columns: list[show.Column] = [("series", "left"), *((name, "right") for name in names)]
        rows = [_row(line) for line in _grouped(self.lines)]
        total = sum(self.lines.values(), Line("total", Coverage(), 0, (), 0, None))
        # Runs go side by side, so their times do not add up to the time it took.
        show.table(
            columns, rows, total=_row(replace(total, seconds=self.seconds)), spare=("bytes each", "empty", "expected")
        )
        for name in sorted(set(total.failed)):
            show.say(f"[yellow]check failed:[/] {name} in {show.counted(total.failed.count(name), 'partition')}")
        show.say()
        for line in self.others.lines():
            show.say(line)
        for error in self.errors:
            kit.note(f"error: {error}")
        if self.errors:
            kit.note("hint: the log of every run is in the UI; run this again to go on from what is there")
        self._draw_fetched(total.coverage.present)

    def _draw_fetched(self, present: int) -> None:
        before = present - self.new
        asked = f"{show.counted(self.stats['requests'], 'request')}, {show.size(self.stats['bytes'])}"
        took = show.seconds(self.seconds)
        if not before:
            show.say(f"\n[bold]{show.counted(self.new, 'candle')}[/] in {took} ({asked} from the exchange).")
            return
        show.say(f"\n{show.counted(before, 'candle')} were held already and not asked for again.")
        show.say(f"{show.counted(self.new, 'candle')} new since then, in {took} ({asked} from the exchange).")


def rows_held(lake: Lake, universe: Universe) -> int:
    """Candles of the universe in the lake now."""
    wanted = {series for market in universe.markets for series in series_of(universe, market)}
    return sum(state.rows for state in lake.states() if state.partition.series in wanted)


def _line(lake: Lake, series: Series, took: Mapping[tuple[str, str], float]) -> Line:
    states = lake.states(series)
    runs = [run for state in states for run in lake.coverage(series, month_window(state.partition.month))]
    verdicts = lake.ledger.verdicts(series)
    return Line(
        str(series),
        summarised(runs, series.timeframe.step),
        sum(verdict.passed for verdict in verdicts),
        tuple(verdict.rule for verdict in verdicts if not verdict.passed),
        sum(state.bytes for state in states),
        took.get((str(series.market), series.table)),
    )


def _grouped(lines: Mapping[Series, Line]) -> Iterator[Line]:
    """A line for each market's base candles, and one for all its longer ones."""
    markets: dict[object, list[Series]] = {}
    for series in lines:
        markets.setdefault(series.market, []).append(series)
    for base, *longer in markets.values():
        yield lines[base]
        if longer:
            name = "  " + " ".join(series.timeframe.value for series in longer)
            yield sum((lines[series] for series in longer), Line(name, Coverage(), 0, (), 0, None))


def _row(line: Line) -> list[str]:
    coverage = line.coverage
    checks = (
        f"[red]{len(line.failed)} of {line.passed + len(line.failed)} failed[/]"
        if line.failed
        else f"{show.count(line.passed)} ok"
    )
    return [
        line.name,
        show.count(coverage.expected),
        show.count(coverage.present),
        show.count(coverage.verified_empty),
        show.missing(coverage),
        checks,
        show.size(line.bytes),
        show.each(line.bytes, coverage.present),
        "" if line.seconds is None else show.seconds(line.seconds),
    ]


def _document(line: Line) -> dict[str, object]:
    return {
        "series": line.name,
        **asdict(line.coverage),
        "checks_passed": line.passed,
        "checks_failed": list(line.failed),
        "bytes": line.bytes,
        "seconds": None if line.seconds is None else round(line.seconds, 3),
    }


def draw_next(home: Path, source: Path) -> None:
    """What to type next, as it can be typed in this terminal."""
    qmd = "qmd" if shutil.which("qmd") else _shortest(Path(sys.executable).with_name("qmd"))
    ui = "make dev" if home == source / ".qmd" else f"{qmd} dev"
    show.say("\n[bold]Next[/]")
    for line, does in (
        (f"export QMD_HOME={shlex.quote(str(home))}", "so that the commands below find this data"),
        (ui, "the Dagster UI on it: http://127.0.0.1:3000"),
        (f"{qmd} read binance:BTC/USDT:1h", "candles here; -o FILE for CSV, Parquet, Arrow"),
        (f"{qmd} coverage bitfinex:SOL/USD:1m", "every minute accounted for"),
        (
            f"edit {_shortest(source / 'resources' / 'universe.toml')}",
            "your own markets, real exchanges, another QMD_HOME; then",
        ),
        (f"QMD_HOME=~/.qmd {qmd} doctor", "what is reachable and what is misconfigured"),
    ):
        show.say(f"  {line:<44} [dim]{does}[/]")


def _shortest(path: Path) -> str:
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
