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
    market) or quarantined (it broke a rule and was kept out). Candles nobody asked for yet are counted apart, as never asked. A bar's cell shows the gravest thing inside it, so a single missing minute is seen.
    """
    lake = store.lake_to_read()
    held = whole(lake, series)
    window = Window(held.start if start is None else start, held.end if end is None else end)
    runs = lake.coverage(series, window)
    # Where no end is given, the months held only frame the picture: their edges were not meant to be asked for.
    meant = Window(
        runs[0].window.start if runs and start is None else window.start,
        runs[-1].window.end if runs and end is None else window.end,
    )
    if as_json:
        kit.emit(_document(series, window, meant, runs))
    else:
        _draw(series, window, meant, runs, every=every)


def _document(series: Series, window: Window, meant: Window, runs: "Sequence[Run]") -> dict[str, object]:
    from qmd_platform.coverage.summary import never_asked, summarised

    step = series.timeframe.step
    return {
        "series": str(series),
        "start": iso(window.start),
        "end": iso(window.end),
        **asdict(summarised(runs, step)),
        "never_asked": never_asked(meant, runs, step),
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


def _draw(series: Series, window: Window, meant: Window, runs: "Sequence[Run]", *, every: bool) -> None:
    from qmd_platform.cli import show
    from qmd_platform.coverage.summary import never_asked, summarised
    from qmd_platform.model.spans import State

    step = series.timeframe.step
    show.say(f"[bold]{series}[/]  {window}\n")
    _draw_months(window, meant, runs, step)
    unknown = never_asked(meant, runs, step)
    quiet = [] if every else [run for run in runs if run.state in {State.PRESENT, State.VERIFIED_EMPTY}]
    notable = [run for run in runs if every or run.state not in {State.PRESENT, State.VERIFIED_EMPTY}]
    listed = notable if every else notable[:SHOWN]
    if listed:
        show.table(
            [("state", "left"), ("from", "left"), ("until", "left"), ("candles", "right"), ("cause", "left")],
            [_row(run, step) for run in listed],
        )
    elif not unknown:
        show.say(f"Nothing is missing from {show.minute(meant.start)} to {show.minute(meant.end)}.")
    if len(listed) < len(notable):
        show.say(f"... and {show.counted(len(notable) - len(listed), 'more run')}: add --all or --json.")
    if unknown:
        span = f"from {show.minute(meant.start)} to {show.minute(meant.end)}"
        show.say(f"{show.counted(unknown, 'candle')} {span} were never asked for: `qmd backfill` fetches them.")
    if summarised(quiet, step).verified_empty:
        empty = show.counted(summarised(quiet, step).verified_empty, "candle")
        show.say(f"\n{empty} the venue is known not to have (no trades); --all lists them.")


def _draw_months(window: Window, meant: Window, runs: "Sequence[Run]", step: int) -> None:
    from qmd_platform.cli import show
    from qmd_platform.coverage.summary import never_asked, summarised
    from qmd_platform.model.spans import clipped

    for month, part in months(window):
        inside = clipped(runs, part)
        summary = summarised(inside, step)
        settled = summary.expected - summary.missing - summary.quarantined
        wanted = part.intersection(meant)
        unknown = never_asked(wanted, inside, step) if wanted else 0
        told = show.share(settled, summary.expected + unknown) if inside else "never asked for"
        show.say(f"{month} {show.bar(inside, part)} {told:>8}")
    show.say(f"        {show.LEGEND}\n")


def _row(run: "Run", step: int) -> list[str]:
    from qmd_platform.cli import show

    return [
        show.state(run.state),
        show.minute(run.window.start),
        show.minute(run.window.end),
        show.count(run.window.steps(step)),
        show.plain(run.cause),
    ]
