"""``qmd coverage SERIES``: what is known about every candle of one series.

What lives here: a bar a month, and the runs that are not simply present, with their causes. What does not:
working coverage out (``qmd_platform.coverage``, the ledger).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import whole
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, iso, months

if TYPE_CHECKING:
    from qmd_platform.model.spans import Run

SHOWN = 30
"""Runs listed unless all are asked for."""


@kit.command(
    {
        "qmd coverage binance:BTC/USDT:USDT:1m": "Every month the lake knows, and every gap.",
        "qmd coverage gate:ETH/USDT:1h --start 2026-10-01 --end 2026-11-01": "One month of it.",
        "qmd coverage bitfinex:SOL/USD:1m --json": "All runs, for a program.",
    }
)
@click.argument("series", type=kit.SERIES)
@kit.start_option("From here (default: the first month held).")
@kit.end_option("Up to here, exclusive (default: the last month held).")
@click.option("--all", "every", is_flag=True, help="List every run, the present ones too.")
def command(*, series: Series, start: Instant | None, end: Instant | None, every: bool, as_json: bool) -> None:
    """Show what is known about every candle of one series.

    Each is present, missing, verified empty (the venue says it has none), unlisted (before the venue listed the
    market) or quarantined (it broke a rule and was kept out). A bar's cell shows the gravest thing inside it, so a single missing minute is seen.
    """
    lake = store.lake_to_read()
    held = whole(lake, series)
    window = Window(held.start if start is None else start, held.end if end is None else end)
    runs = lake.coverage(series, window)
    if as_json:
        kit.emit(_document(series, window, runs))
    else:
        _draw(series, window, runs, every=every)


def _document(series: Series, window: Window, runs: "Sequence[Run]") -> dict[str, object]:
    from qmd_platform.coverage.summary import summarised

    step = series.timeframe.step
    return {
        "series": str(series),
        "start": iso(window.start),
        "end": iso(window.end),
        **asdict(summarised(runs, step)),
        "runs": [
            {
                "state": run.state.value,
                "start": iso(run.window.start),
                "end": iso(run.window.end),
                "candles": run.window.steps(step),
                "cause": run.cause,
            }
            for run in runs
        ],
    }


def _draw(series: Series, window: Window, runs: "Sequence[Run]", *, every: bool) -> None:
    from qmd_platform.cli import show
    from qmd_platform.coverage.summary import summarised
    from qmd_platform.model.spans import State, clipped

    step = series.timeframe.step
    show.say(f"[bold]{series}[/]  {window}\n")
    for month, part in months(window):
        inside = clipped(runs, part)
        summary = summarised(inside, step)
        settled = summary.expected - summary.missing - summary.quarantined
        told = show.share(settled, summary.expected) if inside else "never asked for"
        show.say(f"{month} {show.bar(inside, part)} {told:>8}")
    show.say(f"        {show.LEGEND}\n")
    quiet = [] if every else [run for run in runs if run.state in {State.PRESENT, State.VERIFIED_EMPTY}]
    notable = [run for run in runs if run not in quiet]
    listed = notable if every else notable[:SHOWN]
    if listed:
        show.table(
            [("state", "left"), ("from", "left"), ("until", "left"), ("candles", "right"), ("cause", "left")],
            [_row(run, step) for run in listed],
        )
    else:
        show.say("Nothing is missing.")
    if len(listed) < len(notable):
        show.say(f"... and {show.counted(len(notable) - len(listed), 'more run')}: add --all or --json.")
    if summarised(quiet, step).verified_empty:
        empty = show.counted(summarised(quiet, step).verified_empty, "candle")
        show.say(f"\n{empty} the venue is known not to have (no trades); --all lists them.")


def _row(run: "Run", step: int) -> list[str]:
    from qmd_platform.cli import show

    return [
        show.state(run.state),
        show.minute(run.window.start),
        show.minute(run.window.end),
        show.count(run.window.steps(step)),
        show.plain(run.cause),
    ]
