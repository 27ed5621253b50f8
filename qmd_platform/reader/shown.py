"""What a read, a coverage and their parts look like in a terminal and in a notebook.

What lives here: one line for each, and the table below it. What does not: what they are (``reader.provenance``,
``reader.covered``).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmd_platform.reader.covered import Coverage
    from qmd_platform.reader.provenance import Outcome, Provenance, Range, Read

SHOWN = 20
"""Rows of a notebook's table: what is more is counted."""


def read(one: "Read") -> str:
    """``Read(binance:BTC/USDT:1m [.., ..): 1,440 rows from lake and backfill; met, coverage 100 %)``."""
    return f"Read({_told(one.provenance, len(one))})"


def provenance(one: "Provenance") -> str:
    """The same of the provenance, with its commit."""
    rows = sum(part.rows for part in one.ranges)
    return f"Provenance({_told(one, rows)}, commit {one.commit}, strategy {one.strategy})"


def _told(one: "Provenance", rows: int) -> str:
    sources = " and ".join(dict.fromkeys(part.source.value for part in one.ranges if part.source.value != "nowhere"))
    came = f" from {sources}" if sources else ""
    return f"{one.series} {one.window}: {rows:,} rows{came}; {_outcome(one.outcome)}"


def _outcome(one: "Outcome") -> str:
    return f"{one.reason.value}, " + (one.note or f"coverage {percent(one.coverage)}")


def part(one: "Range") -> str:
    """``Range([.., ..): 1,440 rows from lake, version 3)``."""
    return f"Range({one.window}: {one.rows:,} rows from {_source(one)})"


def _source(one: "Range") -> str:
    return f"{one.source.value} {one.detail}".rstrip() + (f", version {one.version}" if one.version else "")


def coverage(one: "Coverage") -> str:
    """``Coverage(binance:BTC/USDT:1m [.., ..): 1,440 expected, 1,437 present, 3 missing; coverage 99.79 %)``."""
    if one.window is None:
        return f"Coverage({one.series}: no candle is closed yet, so none is expected)"
    counts = one.summary
    states = ("present", "verified_empty", "unlisted", "quarantined", "missing")
    told = [f"{getattr(counts, name):,} {name.replace('_', ' ')}" for name in states if getattr(counts, name)]
    said = ", ".join([f"{counts.expected:,} expected", *told])
    return f"Coverage({one.series} {one.window}: {said}; coverage {percent(one.share)})"


def percent(share: float) -> str:
    """To two places, and never a hundred where something is missing."""
    return "100 %" if share == 1 else f"{min(share, 0.9999):.2%}".replace("%", " %")


def read_as_html(one: "Read") -> str:
    """The line, and the ranges."""
    rows = [(str(part.window), f"{part.rows:,}", _source(part)) for part in one.provenance.ranges]
    return _html(read(one), ("window", "rows", "from"), rows)


def coverage_as_html(one: "Coverage") -> str:
    """The line, and the runs."""
    step = one.series.timeframe.step
    rows = [(str(run.window), f"{run.window.steps(step):,}", run.state.value, run.cause) for run in one.runs]
    return _html(coverage(one), ("window", "candles", "state", "why"), rows)


def _html(line: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    more = f"<p>... and {len(rows) - SHOWN:,} more</p>" if len(rows) > SHOWN else ""
    body = "".join(_row("td", row) for row in rows[:SHOWN])
    table = f"<table><thead>{_row('th', columns)}</thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<p>{_escaped(line)}</p>{table}{more}"


def _escaped(text: str) -> str:
    from html import escape  # noqa: PLC0415 - a table of a thousand names, for notebooks alone

    return escape(text)


def _row(kind: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{_escaped(cell)}</{kind}>' for cell in cells)}</tr>"
