"""``qmd coverage``: what is known about every candle, of one series in detail or of all in a map.

What lives here: the command; of one series a bar a month, and what is not simply present, with cause and evidence. What
does not: the map (``cli.coverage_map``), working coverage out (``qmd_platform.coverage``, the ledger).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import whole
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, iso, months

if TYPE_CHECKING:
    from qmd_platform.coverage.gaps import Gap
    from qmd_platform.lake.store import Lake
    from qmd_platform.model.spans import Run

SHOWN = 30
"""Runs listed unless all are asked for."""


@kit.command(
    {
        "qmd coverage": "A map of all series by month, and the gravest gaps.",
        "qmd coverage binance": "The same of one venue.",
        "qmd coverage binance:BTC/USDT:USDT:1m": "Every month the lake knows of one series, and every gap.",
        "qmd coverage gate:ETH/USDT:1h --start 2026-10-01 --end 2026-11-01": "One month of it.",
        "qmd coverage bitfinex:SOL/USD:1m --json": "All runs, for a program.",
    }
)
@click.argument("of", required=False, metavar="[VENUE|SERIES]", type=kit.VENUE_OR_SERIES)
@kit.start_option("From here (default: the first month held). With a series.")
@kit.end_option("Up to here, exclusive (default: the last month held). With a series.")
@click.option("--all", "every", is_flag=True, help="List every gap; of a series every run, the present ones too.")
def command(*, of: Series | str | None, start: Instant | None, end: Instant | None, every: bool, as_json: bool) -> None:
    """Show what is known about every candle.

    Each is present, missing, verified empty (the venue says it has none), unlisted (before the venue listed the
    market or after it delisted it) or quarantined (it broke a rule and was kept out). Candles nobody asked for yet are counted apart, as never asked.

    Of one series: a bar a month; a cell shows the gravest thing inside it, so a single missing minute is seen. Of a venue,
    or of all: a line a series, a cell a month, of everything the universe file wants and everything held besides. Every gap is listed with its cause,
    how often and when it was asked for, and when it is asked for next.
    """
    lake = store.lake_to_read()
    if isinstance(of, Series):
        seen = _seen(lake, of, start, end)
        if as_json:
            kit.emit(_document(seen))
        else:
            _draw(seen, every=every)
        return
    if start is not None or end is not None:
        raise ConfigError("--start and --end go with a series", hint="the map is of all months: leave them out")
    _map(lake, of, every=every, as_json=as_json)


def _map(lake: "Lake", venue: str | None, *, every: bool, as_json: bool) -> None:
    from qmd_platform.cli import coverage_map
    from qmd_platform.config import load_universe
    from qmd_platform.ingest.survey import surveyed

    now = kit.now()
    lines = surveyed(lake, load_universe(), now=now, venues=None if venue is None else {venue})
    if as_json:
        kit.emit(coverage_map.document(lines))
    else:
        coverage_map.draw(lines, venue, every=every, now=now)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One series. ``window`` is drawn, ``meant`` was to be asked for, ``gaps`` are what is not there of it.

    ``told`` are those gaps of which something is known: they are missing or quarantined.
    """

    series: Series
    window: Window
    meant: Window
    runs: "Sequence[Run]"
    gaps: "Sequence[Gap]"
    told: "Sequence[Gap]"
    now: Instant

    @property
    def step(self) -> int:
        return self.series.timeframe.step


def _seen(lake: "Lake", series: Series, start: Instant | None, end: Instant | None) -> _Seen:
    from qmd_platform.coverage.gaps import gaps
    from qmd_platform.model.spans import State, in_state

    held = whole(lake, series)
    window = Window(held.start if start is None else start, held.end if end is None else end)
    runs = lake.coverage(series, window)
    # Where no end is given, the months held only frame the picture: their edges were not meant to be asked for.
    meant = Window(
        runs[0].window.start if runs and start is None else window.start,
        runs[-1].window.end if runs and end is None else window.end,
    )
    now = kit.now()
    step, attempts = series.timeframe.step, lake.attempts(series, window)
    known = in_state(runs, State.MISSING, State.QUARANTINED)
    return _Seen(
        series,
        window,
        meant,
        runs,
        gaps([meant], runs, attempts, now, step),
        gaps(known, runs, attempts, now, step),
        now,
    )


def _document(seen: _Seen) -> dict[str, object]:
    from qmd_platform.cli.coverage_map import gap_document
    from qmd_platform.coverage.summary import never_asked, summarised

    return {
        "series": str(seen.series),
        "start": iso(seen.window.start),
        "end": iso(seen.window.end),
        **asdict(summarised(seen.runs, seen.step)),
        "never_asked": never_asked(seen.meant, seen.runs, seen.step),
        "runs": [
            {
                "state": run.state.value,
                "start": iso(run.window.start),
                "end": iso(run.window.end),
                "candles": run.window.steps(seen.step),
                "cause": run.cause,
            }
            for run in seen.runs
        ],
        "gaps": [gap_document(seen.series, gap) for gap in seen.gaps],
    }


def _draw(seen: _Seen, *, every: bool) -> None:
    from qmd_platform.cli import show
    from qmd_platform.coverage.summary import never_asked, summarised
    from qmd_platform.model.spans import State

    show.say(f"[bold]{seen.series}[/]  {seen.window}\n")
    _draw_months(seen.window, seen.meant, seen.runs, seen.step)
    closed = Window(seen.meant.start, max(min(seen.meant.end, seen.now), seen.meant.start))
    unknown = never_asked(closed, seen.runs, seen.step)
    rows = _told(seen, every=every)
    listed = rows if every else rows[:SHOWN]
    if listed:
        columns: list[show.Column] = [("state", "left"), ("from", "left"), ("until", "left"), ("candles", "right")]
        columns += [("cause", "left"), ("asked", "right"), ("last", "left"), ("next", "left")]
        show.table(columns, listed, spare=("last", "asked", "next"))
    elif not unknown:
        show.say(f"Nothing is missing from {show.minute(seen.meant.start)} to {show.minute(seen.meant.end)}.")
    if len(listed) < len(rows):
        show.say(f"... and {show.counted(len(rows) - len(listed), 'more run')}: add --all or --json.")
    if unknown:
        span = f"from {show.minute(closed.start)} to {show.minute(closed.end)}"
        show.say(f"{show.counted(unknown, 'candle')} {span} were never asked for: `qmd backfill` fetches them.")
    if closed != seen.meant:
        show.say(f"What is after {show.minute(closed.end)} has not closed yet.")
    empty = (
        0
        if every
        else summarised([run for run in seen.runs if run.state is State.VERIFIED_EMPTY], seen.step).verified_empty
    )
    if empty:
        show.say(
            f"\n{show.counted(empty, 'candle')} the venue is known not to have; --all lists them, with the reason."
        )


def _told(seen: _Seen, *, every: bool) -> list[list[str]]:
    """The rows of the table, oldest first: what is not there with its evidence, and what else is worth a line."""
    from qmd_platform.coverage.plan import SETTLED
    from qmd_platform.model.spans import State

    others = [run for run in seen.runs if run.state is State.UNLISTED or (every and run.state in SETTLED)]
    rows = [(gap.window, _gap_row(gap, seen)) for gap in seen.told] + [
        (run.window, _row(run, seen.step)) for run in others
    ]
    return [row for _, row in sorted(rows)]


def _gap_row(gap: "Gap", seen: _Seen) -> list[str]:
    from qmd_platform.cli import show
    from qmd_platform.cli.coverage_map import next_ask

    return [
        show.state(gap.state),
        show.minute(gap.window.start),
        show.minute(gap.window.end),
        show.count(gap.window.steps(seen.step)),
        show.plain(gap.cause),
        show.count(gap.asks),
        show.minute(gap.last_at) if gap.asks else "",
        next_ask(gap, seen.now),
    ]


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
        "",
        "",
        "",
    ]
