"""``qmd read SERIES``: candles out of the lake, to look at or to hand on; filled first where that is asked for.

What lives here: choosing window and format, saying how much was written and where it came from. What does not: the
formats (``cli.export``), reading and filling (``qmd_platform.reader``).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.durations import seconds
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    import pyarrow as pa

    from qmd_platform.reader.candles import StrategyName
    from qmd_platform.reader.provenance import Read

FORMATS = ("table", "csv", "parquet", "arrow")
SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}
STDOUT = Path("-")

STRATEGIES = ("fail_fast", "auto_backfill", "partial_fill", "seamless")
"""As ``reader.asked.Strategy``, which is not imported for ``--help``; a test compares them."""


@kit.command(
    {
        "qmd read binance:BTC/USDT:USDT:1h": "Its first and last candles, as a table.",
        "qmd read gate:BTC/USDT:1m --start 2026-11-01 --end 2026-11-02 --format csv | head": "A day as CSV.",
        "qmd read binance:BTC/USDT:1m --start 2026-10-01 -o btc.parquet": "Everything since October into a file.",
        "qmd read binance:BTC/USDT:1h --as-of 2026-11-01T09:00Z": "As the lake was then, bit for bit.",
        "qmd read okx:BTC/USDT:1m --start 2026-11-20 --strategy seamless --deadline 30s": "Up to the newest closed candle; "
        "what the lake lacks is fetched, for half a minute at most.",
    }
)
@click.argument("series", type=kit.SERIES)
@kit.start_option("From here (default: the first candle held).")
@kit.end_option("Up to here, exclusive (default: behind the last candle held).")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="csv is UTF-8 with ISO times and floats that read back exactly; arrow is an IPC (Feather) file. "
    "[default: by FILE's ending, else a table in a terminal and csv in a pipe]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write here, whole or not at all; - is stdout.",
)
@click.option("--allow-gaps", is_flag=True, help="Read what is there instead of refusing when candles are missing.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default=STRATEGIES[0],
    show_default=True,
    help="What to do about candles the lake lacks: refuse; fill it first; print what is there, then fill; or fill it up to "
    "the newest closed candle.",
)
@click.option(
    "--deadline",
    type=kit.Parsed("seconds", seconds),
    metavar="SECONDS",
    help="Wait no longer than so long in all, then go by what is there.",
)
@kit.venue_url_option
@kit.as_of_option
def command(
    *,
    series: Series,
    start: Instant | None,
    end: Instant | None,
    format_: str | None,
    output: Path | None,
    allow_gaps: bool,
    strategy: str,
    deadline: float | None,
    venue_url: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Read candles from the lake, to look at or into a file.

    No venue is asked, unless --strategy says so; then each range's source is told. Refuses with exit code 5 when the lake does not hold the series, or when candles of the
    window are missing, unless gaps are allowed. Minutes the venue is known to have no candle for are not gaps. With
    --as-of it reads a past state, and goes by what was known then; exit code 5 says that a vacuum took it.
    """
    chosen = _format(format_, output, as_json=as_json)
    fills = strategy != STRATEGIES[0]
    if fills and as_of is not None:
        raise ConfigError(f"--strategy {strategy} cannot fill the past", hint="leave out --strategy or --as-of")
    # Settled once: the window and the rows are of the same state.
    commit = None if as_of is None else store.lake_to_read().ledger.resolved(as_of, series)
    window = _window_to_fill(start, end) if fills else _window(series, start, end, commit)
    found = _read(
        series,
        window,
        commit,
        strategy=strategy,
        deadline=deadline,
        venue_url=venue_url,
        allow_gaps=allow_gaps,
    )
    if found.provenance.outcome.note:
        kit.note(f"note: {found.provenance.outcome.note}")
    if fills:
        _tell_sources(found)
    _hand_on(found.arrow, series, window, chosen, output, as_json=as_json)
    if found.filling is not None:
        kit.note("filling what the lake lacks ...")
        if not found.filling.wait(deadline):
            kit.note("the deadline came first; what had come is kept")


def _format(named: str | None, output: Path | None, *, as_json: bool) -> str:
    """One of FORMATS, or ``json``; ConfigError when the options contradict each other."""
    to_file = output is not None and output != STDOUT
    if as_json and not to_file:
        if named or output:
            raise ConfigError("--json prints the candles as JSON", hint="leave out --format, or write -o FILE")
        return "json"
    known = SUFFIXES.get(output.suffix.lower()) if output and to_file else None
    if to_file and not named and not known:
        raise ConfigError(f"cannot tell a format from {str(output)!r}", hint="add --format csv, parquet or arrow")
    chosen = named or known or ("table" if sys.stdout.isatty() and not output else "csv")
    if chosen == "table" and output:
        raise ConfigError("a table is for the terminal", hint="write a file with --format csv, parquet or arrow")
    if chosen in {"parquet", "arrow"} and not output:
        raise ConfigError(f"{chosen} is not text", hint="name a file with -o FILE, or -o - for stdout")
    return chosen


def _window(series: Series, start: Instant | None, end: Instant | None, commit: int | None) -> Window:
    """The window asked for; what is left out is what the lake holds, or held as of ``commit``."""
    if start is not None and end is not None:
        return Window(start, end)
    lake = store.lake_to_read()
    found = lake.ledger.states(series, as_of=commit)
    states = [state for state in found if state.first is not None and state.last is not None]
    if not states:
        refuse_unheld(lake, series)
        then = "" if commit is None else f" as of commit {commit}"
        raise CoverageError(
            f"the lake holds no candles of {series}{then}", hint=f"`qmd log {series}` says what came when"
        )
    first, last = min(state.first or 0 for state in states), max(state.last or 0 for state in states)
    return Window(first if start is None else start, last + series.timeframe.step if end is None else end)


def _window_to_fill(start: Instant | None, end: Instant | None) -> Window:
    if start is None:
        raise ConfigError("a read that fills the lake needs --start", hint="say from when on")
    return Window(start, kit.now() if end is None else end)


def _read(
    series: Series,
    window: Window,
    commit: int | None,
    *,
    strategy: str,
    deadline: float | None,
    venue_url: str | None,
    allow_gaps: bool,
) -> "Read":
    from qmd_platform.reader import Sla, read
    from qmd_platform.reader.candles import HOW_TO_ALLOW

    if strategy == STRATEGIES[0]:
        store.lake_to_read()
    try:
        return read(
            series,
            start=window.start,
            end=window.end,
            strategy=cast("StrategyName", strategy),
            on_missing="allow" if allow_gaps else None,
            as_of=commit,
            sla=None if deadline is None else Sla(total_s=deadline),
            url=venue_url,
        )
    except CoverageError as error:
        hint = error.hint and error.hint.replace(HOW_TO_ALLOW, "add --allow-gaps")
        raise CoverageError(error.message, hint=hint) from error


def _tell_sources(found: "Read") -> None:
    for one in found.provenance.ranges:
        source = (
            f"lake, version {one.version}" if one.version else " ".join(filter(None, (one.source.value, one.detail)))
        )
        kit.note(f"{one.window}: {one.rows:,} candles, {source}")
    for failure in found.provenance.outcome.failures:
        kit.note(f"failed: {failure}")


def _hand_on(
    table: "pa.Table", series: Series, window: Window, chosen: str, output: Path | None, *, as_json: bool
) -> None:
    from qmd_platform.cli import export

    if chosen == "json":
        kit.emit(
            {"series": str(series), "start": iso(window.start), "end": iso(window.end), "rows": export.rows(table)}
        )
    elif chosen == "table":
        export.draw(table, f"{series}  {window}")
    elif output is None or output == STDOUT:
        export.write(table, chosen, sys.stdout.buffer)
    else:
        written = export.write_whole(table, chosen, output)
        said = {"series": str(series), "file": str(output), "format": chosen, "rows": len(table), "bytes": written}
        if as_json:
            kit.emit(said)
        else:
            kit.note(f"{output}: {len(table):,} candles of {series}, {written:,} bytes")
