"""``qmd report``: one HTML file that says which pairs earn what, and shows the working.

What lives here: the command, and writing the file whole or not at all. What does not: what the page says (``report``).
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from qmd_platform.cli import durations, kit, store
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from qmd_platform.arbitrage.rules import Rules
    from qmd_platform.lake.store import Lake
    from qmd_platform.report.collecting import Entry, Report

NAME = "report.html"
SINCE, TOP = "30d", 20

SAID = (
    *("funding_per_hour", "last_funding_per_hour", "net_per_hour", "price_spread_bps", "cost_bps", "fees_bps"),
    *("slippage_bps", "transfer_bps", "entry_spread_bps", "exit_spread_bps", "borrow_per_hour", "break_even_hours"),
    *("net_24h_per_year", "net_72h_per_year", "net_168h_per_year", "net_720h_per_year", "risk"),
    *("short_interval_hours", "long_interval_hours"),
)
"""Columns of the table that JSON has as they are."""


@dataclass(frozen=True, slots=True)
class Written:
    """A report in a file: where, how many bytes, and what it says."""

    path: Path
    bytes: int
    report: "Report"

    @property
    def sentence(self) -> str:
        """What it says in a sentence, with where it is."""
        from qmd_platform.cli import show
        from qmd_platform.report.figures import percent
        from qmd_platform.report.page import NONE_KNOWN

        if self.report.nothing:
            return f"{self.report.nothing} {self.path} says what to run next."
        total = sum(board.total for board in self.report.boards)
        best = self.report.best
        if best is None:
            told = f"{NONE_KNOWN}."
        else:
            net = percent(best.row["net_168h_per_year"])
            told = f"the best, {best.row['underlying']}, {net} a year (simple) net, held 7 days."
        return f"{show.counted(total, 'pair')}; {told} Open {self.path} ({show.size(self.bytes)}) in a browser."


@kit.command(
    {
        "qmd report": "The last 30 days, the 20 best pairs of each kind, into report.html in QMD_HOME.",
        "qmd report --output btc.html --since 7d --underlying BTC": "One coin, one week, into a file of your own.",
        "qmd report --top 5 --json": "Writes the file too, and prints the figures of its board for a program.",
    }
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The file (default: {NAME} in QMD_HOME). One that is there is replaced.",
)
@click.option(
    "--since",
    type=durations.option_type("--since"),
    default=SINCE,
    show_default=True,
    help="How far back: pairs whose newest row is older are left out, charts begin there.",
)
@click.option("--underlying", metavar="COIN", help="Only pairs of this coin, such as BTC (default: all).")
@click.option(
    "--top",
    type=click.IntRange(1, 500),
    default=TOP,
    show_default=True,
    help="So many pairs of each kind: perpetual against perpetual, spot against perpetual.",
)
def command(*, output: Path | None, since: int, underlying: str | None, top: int, as_json: bool) -> int | None:
    """Write a report of funding arbitrage as one HTML file.

    A board of pairs with what they earn, cost and risk; for each pair charts, the working line by line, and where
    every number is kept: table, version, file and row. Everything is of one state of the lake. The file needs no
    network and no script to be read. Without a pair it says why, and what to run; the exit code is then 5.
    """
    from qmd_platform.config import load_universe, qmd_home

    lake, rules = store.lake_to_read(), load_universe().arbitrage
    path = output or qmd_home() / NAME
    written = write_report(lake, path, rules, since=since, underlying=underlying, top=top)
    if as_json:
        kit.emit(_document(written))
    else:
        click.echo(written.sentence)
    return CoverageError.exit_code if written.report.nothing else None


def write_report(
    lake: "Lake",
    path: Path,
    rules: "Rules",
    *,
    since: int | None = None,
    underlying: str | None = None,
    top: int = TOP,
    now: Instant | None = None,
) -> Written:
    """Write the report of ``lake`` to ``path``.

    Args:
        lake: with the tables of arbitrage, or without: the page then says what to run.
        path: a file; one that is there is replaced, once the new one is whole.
        rules: what the tables were made by.
        since: milliseconds the window is long; None for 30 days.
        underlying: only this coin; None for all.
        top: pairs of each kind.
        now: epoch ms; None for the clock's.

    Raises:
        ConfigError: the window is empty, no pair is of that coin, the file cannot be written.
        LakeError, LedgerError: the lake cannot be read.
    """
    from qmd_platform.cli import export
    from qmd_platform.report.collecting import collected
    from qmd_platform.report.page import page
    from qmd_platform.report.records import Wanted

    lasts = durations.duration(SINCE) if since is None else since
    if not lasts:
        raise ConfigError("--since 0 is no window", hint="write how far back to look, as 7d or 24h")
    at = kit.now() if now is None else now
    report = collected(lake, Wanted(at, Window(at - lasts, at), underlying, top), rules)
    text = page(report).encode()

    def fill(sink: BinaryIO) -> None:
        sink.write(text)

    return Written(path, export.whole(path, fill), report)


def _document(written: Written) -> dict[str, object]:
    report = written.report
    return {
        "path": str(written.path),
        "bytes": written.bytes,
        "commit": report.commit,
        "from": iso(report.wanted.window.start),
        "until": iso(report.wanted.now),
        "nothing": report.nothing or None,
        "to_do": list(report.to_do),
        "warnings": report.warnings(),
        "pairs": [_pair(entry) for entry in report.entries],
    }


def _pair(entry: "Entry") -> dict[str, object]:
    pair = entry.pair
    row, life = pair.row, pair.life
    return {
        "table": pair.table.name,
        "underlying": row["underlying"],
        "short_market": str(pair.short),
        "long_market": str(pair.long),
        "seen_at": iso(pair.seen_at),
        **{name: _finite(row[name]) for name in SAID},
        "breaks_even": None if row["break_even_hours"] is None else isfinite(row["break_even_hours"]),
        **{f"{side}_next_at": _iso(row[f"{side}_next_at"]) for side in ("short", "long")},
        "flags": list(pair.flags),
        "earns_since": _iso(pair.earns_since),
        "state": None if life is None else life.state,
        "episode": None if life is None else life.episode,
        "agrees": entry.agrees,
        "file": pair.origin.path,
        "row": pair.origin.row,
    }


def _finite(value: object) -> object:
    """JSON has no infinity: what never breaks even has no hours, and says so beside."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _iso(at: Instant | None) -> str | None:
    return None if at is None else iso(at)
