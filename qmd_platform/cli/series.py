"""``qmd series``: what the lake holds.

What lives here: choosing series by pattern, one row a series. What does not: counting coverage
(``qmd_platform.coverage``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError, CoverageError, choices
from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso, month_window

if TYPE_CHECKING:
    from qmd_platform.coverage.summary import Summary
    from qmd_platform.lake.store import Lake


@dataclass(frozen=True, slots=True)
class Holding:
    """One series as the lake holds it: open times of its first and last candle, its size on disk.

    ``never_asked`` counts candles between the first and the last one known about that nobody has asked for.
    """

    series: Series
    summary: "Summary"
    never_asked: int
    first: int | None
    last: int | None
    bytes: int


@kit.command(
    {
        "qmd series": "All series, with their coverage.",
        "qmd series BTC --timeframe 1m": "The 1m series with BTC in their name.",
        "qmd series 'gate:*' --json": "All series of Gate, for a program.",
    }
)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@kit.timeframe_option("Only series of this timeframe.")
def command(*, patterns: tuple[str, ...], timeframe: Timeframe | None, as_json: bool) -> None:
    """List what the lake holds, with its coverage.

    PATTERN is a part of a series' name, or a glob over all of it; upper and lower case count as the same. Expected are the candles that were ever asked
    for and that can exist; a candle the venue is known not to have (no trades) counts as empty, not as missing.
    Candles between the first and the last that nobody asked for yet are counted as never asked, and keep coverage
    below 100 %.
    """
    lake = store.lake_to_read()
    holdings = [holding(lake, series) for series in chosen(lake.series(), patterns, timeframe)]
    if as_json:
        kit.emit([as_document(found) for found in holdings])
    else:
        _draw(holdings)


def chosen(held: Sequence[Series], patterns: Sequence[str], step: Timeframe | None) -> list[Series]:
    """The candle series among ``held`` that match; ConfigError when a pattern matches none."""
    candles = sorted(series for series in held if series.is_candles and (step is None or series.timeframe == step))
    names = {str(series): series for series in candles}
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in names):
            raise ConfigError(f"no series matches {pattern!r}", hint=_close(pattern, list(names)))
    found = [series for name, series in names.items() if not patterns or any(_matches(name, p) for p in patterns)]
    return sorted(found, key=lambda series: (series.venue, series.symbol, series.timeframe.step))


def _close(pattern: str, names: Sequence[str]) -> str | None:
    """What may have been meant; a pattern need not resemble a whole name."""
    if not names:
        return None
    alike = choices(pattern, names)
    return alike if alike.startswith("did you mean") else "`qmd series` lists them all"


def _matches(name: str, pattern: str) -> bool:
    name, pattern = name.casefold(), pattern.casefold()
    return pattern in name or fnmatchcase(name, pattern)


def holding(lake: "Lake", series: Series) -> Holding:
    """What the lake holds of ``series``, over all its months."""
    from qmd_platform.coverage.summary import never_asked, summarised

    step = series.timeframe.step
    states = lake.states(series)
    runs = lake.coverage(series, whole(lake, series))
    return Holding(
        series,
        summarised(runs, step),
        never_asked(Window(runs[0].window.start, runs[-1].window.end), runs, step) if runs else 0,
        min((state.first for state in states if state.first is not None), default=None),
        max((state.last for state in states if state.last is not None), default=None),
        sum(state.bytes for state in states),
    )


def whole(lake: "Lake", series: Series) -> Window:
    """The months the lake holds anything about; CoverageError when it holds nothing of ``series``."""
    refuse_unheld(lake, series)
    held = sorted(state.partition.month for state in lake.states(series))
    return Window(month_window(held[0]).start, month_window(held[-1]).end)


def refuse_unheld(lake: "Lake", series: Series) -> None:
    """CoverageError when the lake holds nothing of ``series``, with the closest ones it holds."""
    if not lake.states(series):
        names = [str(other) for other in lake.series() if other.is_candles]
        raise CoverageError(f"the lake holds nothing of {series}", hint=choices(str(series), names) if names else None)


def as_document(found: Holding) -> dict[str, object]:
    """The holding for JSON."""
    return {
        "series": str(found.series),
        **asdict(found.summary),
        "never_asked": found.never_asked,
        "first": None if found.first is None else iso(found.first),
        "last": None if found.last is None else iso(found.last),
        "bytes": found.bytes,
    }


def _draw(holdings: Sequence[Holding]) -> None:
    from qmd_platform.cli import show

    if not holdings:
        show.say("The lake holds no candles yet. Fill it with `qmd demo` or `qmd backfill`.")
        return
    columns: list[show.Column] = [("series", "left")]
    columns += [(name, "right") for name in ("expected", "present", "empty", "missing", "never asked", "coverage")]
    columns += [("first", "left"), ("last", "left"), ("size", "right"), ("bytes each", "right")]
    total = sum(found.bytes for found in holdings)
    present = sum(found.summary.present for found in holdings)
    foot = [f"{len(holdings)} series", "", show.count(present), *[""] * 6, show.size(total), ""]
    show.table(
        columns, [_row(found) for found in holdings], total=foot, spare=("bytes each", "empty", "first", "expected")
    )


def _row(found: Holding) -> list[str]:
    from qmd_platform.cli import show

    summary = found.summary
    return [
        str(found.series),
        show.count(summary.expected),
        show.count(summary.present),
        show.count(summary.verified_empty),
        show.missing(summary),
        show.count(found.never_asked),
        show.share(summary.expected - summary.missing - summary.quarantined, summary.expected + found.never_asked),
        show.minute(found.first),
        show.minute(found.last),
        show.size(found.bytes),
        show.each(found.bytes, summary.present),
    ]
