"""``qmd explain SERIES TIME``: why one candle is what it is, or why it is not there.

What lives here: the command, and its answer for programs. What does not: finding all that out (``lake.explaining``),
its answer for people (``cli.explained``).
"""

from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, instant, iso

if TYPE_CHECKING:
    from qmd_platform.lake.explaining import Explanation
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.tracing import Refused
    from qmd_platform.model.evidence import Answered


@kit.command(
    {
        "qmd explain binance:BTC/USDT:1m 2026-11-01T08:30Z": "One candle: its values, its commits, its requests.",
        "qmd explain gate:ETH/USDT:1h 2026-11-01T08:00Z --as-of 12": "What was known of it as of commit 12.",
        "qmd explain bitfinex:SOL/USD:1m 2026-11-01T08:30Z --json": "All of it, for a program.",
    }
)
@click.argument("series", type=kit.SERIES)
@click.argument("time", type=kit.Parsed("time", lambda text: instant(text, "TIME")))
@kit.as_of_option
def command(*, series: Series, time: Instant, as_of: str | None, as_json: bool) -> None:
    """Explain one candle: the one of SERIES that opens at TIME.

    What it is, and in which file; or why it is not there, how often it was asked for and when it will be again. Then
    every commit that said something else of it, with run, source and version of the code, and every request that
    speaks about it, with the sha256 of its answer. A candle that was made of shorter ones names these. Exits with 5
    when nobody asked for the candle yet.
    """
    refuse_off_grid(series, time)
    lake = store.lake_to_read()
    refuse_unheld(lake, series)
    from qmd_platform.lake.explaining import explained

    try:
        found = explained(lake, series, time, as_of=as_of)
    except CoverageError as error:
        error.hint = _how_to_ask(lake, series, time) if as_of is None else error.hint
        raise
    if as_json:
        kit.emit(_document(found, is_now=as_of is None))
    else:
        from qmd_platform.cli.explained import draw

        draw(found, next_at(found, is_now=as_of is None), is_now=as_of is None)


def refuse_off_grid(series: Series, at: Instant) -> None:
    """ConfigError where no candle of ``series`` opens at ``at``."""
    step = series.timeframe.step
    if late := at % step:
        before, after = iso(at - late), iso(at - late + step)
        nearest = before if 2 * late <= step else after
        hint = f"the nearest opens at {nearest}; the one around it is that of {before}, and the next opens at {after}"
        raise ConfigError(f"no candle of {series} opens at {iso(at)}", hint=hint)


def _how_to_ask(lake: "Lake", series: Series, at: Instant) -> str:
    end = at + series.timeframe.step
    if end > kit.now():
        return f"it closes at {iso(end)}; until then nobody can be asked for it"
    span = f"--start {iso(at)} --end {iso(end)}"
    line = store.asking(lake, f"qmd backfill {series.market} --timeframe {series.timeframe.value} {span}")
    return f"`qmd coverage {series}` shows what is known; to ask for it: {line}"


def next_at(found: "Explanation", *, is_now: bool) -> Instant | None:
    """When the candle is to be asked for (again), epoch ms; None if it is not, or is made of others, or of the past."""
    from qmd_platform.coverage.recheck import next_ask

    if not is_now or found.base is not None:
        return None
    asks, last_at = (found.attempt.asks, found.attempt.last_at) if found.attempt else (0, 0)
    return next_ask(found.run.state, found.run.cause, asks, last_at)


def _document(found: "Explanation", *, is_now: bool) -> dict[str, object]:
    due = next_at(found, is_now=is_now)
    base = found.base
    return {
        "series": str(found.series),
        "open_at": iso(found.open_at),
        "commit": found.commit,
        "state": found.run.state.value,
        "cause": found.run.cause,
        "since": iso(found.run.window.start),
        "until": iso(found.run.window.end),
        **_row(found),
        "asks": found.attempt.asks if found.attempt else 0,
        "last_ask": iso(found.attempt.last_at) if found.attempt else None,
        "next_ask": None if due is None else iso(max(due, kit.now())),
        "history": _history(found),
        "is_whole": found.is_whole,
        "requests": [_request(commit, one) for commit, one in found.evidence],
        "rejected": [_refused(one) for one in found.refused],
        "made_of": base
        and {
            "series": str(base.series),
            "start": iso(base.window.start),
            "end": iso(base.window.end),
            **{state.value: count for state, count in base.states.items()},
        },
    }


def _request(commit: int, one: "Answered") -> dict[str, object]:
    return {
        "commit": commit,
        "at": iso(one.at),
        "what": one.what,
        "start": iso(one.window.start),
        "end": iso(one.window.end),
        "rows": one.rows,
        "sha256": one.digest or None,
        "error": one.error or None,
    }


def _refused(one: "Refused") -> dict[str, object]:
    from qmd_platform.cli import rowtext

    return {
        "reason": one.rejected.reason,
        "row": rowtext.finite(one.rejected.row),
        "commit": one.commit,
        "at": iso(one.at),
        "run_id": one.run_id,
        "source": one.source,
    }


def _row(found: "Explanation") -> dict[str, object]:
    from qmd_platform.cli import rowtext

    if found.row is None:
        return {"row": None, "fetched_at": None, "source_rank": None, "file": None}
    file = found.row.file
    return {
        "row": rowtext.finite(found.row.values),
        "fetched_at": iso(found.row.fetched_at) if found.row.fetched_at else None,
        "source_rank": found.row.source_rank,
        "file": {"path": file.path, "sha256": file.file_hash, "version": file.version, "rows": file.rows},
    }


def _history(found: "Explanation") -> list[dict[str, object]]:
    from qmd_platform.cli import rowtext
    from qmd_platform.lake.explaining import events

    said: list[dict[str, object]] = []
    for one in events(found):
        version = found.versions[one.commit]
        said.append(
            {
                "commit": one.commit,
                "at": iso(version.at),
                "version": version.version,
                "run_id": version.run_id,
                "source": version.source,
                "code_version": version.code_version,
                "state": one.run.state.value,
                "cause": one.run.cause,
                "before": rowtext.finite(one.before),
                "after": rowtext.finite(one.after),
            }
        )
    return said
