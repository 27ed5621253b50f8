"""``qmd quarantine [SERIES]``: rows that were kept out, and why.

What lives here: the counts and the list. What does not: keeping rows out (``ingest``), the folder of damaged files
(``qmd verify --repair``).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Series
from qmd_platform.model.window import iso

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.tracing import Refusals, Refused
    from qmd_platform.model.spans import State

SHOWN = 20


@kit.command(
    {
        "qmd quarantine": "All rows that were kept out, counted by series and reason.",
        "qmd quarantine binance:BTC/USDT:1m --limit 100": "The first hundred of one series.",
        "qmd quarantine --reason ohlc_order --json": "Those kept out for breaking one rule, for a program.",
    }
)
@click.argument("series", type=kit.SERIES, required=False)
@click.option("--reason", default="", metavar="TEXT", help="Only rows with this in the reason.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=SHOWN,
    show_default=True,
    help="The first so many are shown; all are counted. JSON has all.",
)
def command(*, series: Series | None, reason: str, limit: int, as_json: bool) -> None:
    """List rows that a venue sent and that were kept out of the candles.

    Each with its values, the reason, and the commit that said so. A candle may have come right since: `now` says
    what it is today. Rows are never deleted from here.
    """
    lake = store.lake_to_read()
    if series is not None:
        refuse_unheld(lake, series)
    counts = lake.ledger.refusals(series, reason=reason)
    if reason and not counts:
        _refuse_unknown(lake, series, reason)
    found = lake.ledger.refused(series, reason=reason, limit=None if as_json else limit)
    states = _states(lake, found)
    if as_json:
        kit.emit({"counts": [_counted(one) for one in counts], "rows": [_document(one, states) for one in found]})
    else:
        _draw(series, counts, found, states)


def _refuse_unknown(lake: "Lake", series: Series | None, reason: str) -> None:
    """ConfigError where rows were kept out, but none for such a reason."""
    known = sorted({one.reason for one in lake.ledger.refusals(series)})
    if known:
        listed = "; ".join(known)
        raise ConfigError(f"no row was kept out for a reason with {reason!r} in it", hint=f"reasons: {listed}")


def _states(lake: "Lake", found: "Sequence[Refused]") -> "Mapping[tuple[Series, int], State]":
    """What the candles of these rows are today; those that nobody asked for are not there."""
    states: dict[tuple[Series, int], State] = {}
    known = lake.ledger.gaps_of({one.partition.series for one in found})
    for one in found:
        series, at = one.partition.series, one.rejected.open_at
        place = bisect_right(known[series], at, key=lambda run: run.window.start) - 1
        if place >= 0 and known[series][place].window.contains(at):
            states[series, at] = known[series][place].state
    return states


def _counted(one: "Refusals") -> dict[str, object]:
    said = {"series": str(one.series), "reason": one.reason, "rows": one.rows}
    return said | {"first": iso(one.first), "last": iso(one.last)}


def _document(one: "Refused", states: "Mapping[tuple[Series, int], State]") -> dict[str, object]:
    from qmd_platform.cli import rowtext

    series, at = one.partition.series, one.rejected.open_at
    return {
        "series": str(series),
        "open_at": iso(at),
        "reason": one.rejected.reason,
        "row": rowtext.finite(one.rejected.row),
        "now": states[series, at].value if (series, at) in states else None,
        "commit": one.commit,
        "at": iso(one.at),
        "run_id": one.run_id,
        "source": one.source,
    }


def _draw(
    series: Series | None,
    counts: "Sequence[Refusals]",
    found: "Sequence[Refused]",
    states: "Mapping[tuple[Series, int], State]",
) -> None:
    from qmd_platform.cli import show

    if not counts:
        show.say(f"No row of {series or 'the lake'} was kept out.")
        return
    columns: list[show.Column] = [("series", "left"), ("kept out for", "left"), ("rows", "right")]
    summed = [
        [str(one.series), show.plain(one.reason), show.count(one.rows), show.minute(one.first), show.minute(one.last)]
        for one in counts
    ]
    show.table([*columns, ("first", "left"), ("last", "left")], summed)
    total = sum(one.rows for one in counts)
    if found:
        _draw_rows(found, states)
    if len(found) < total:
        show.say(f"... and {show.counted(total - len(found), 'more row')}: --limit N shows more.")
    explained = [one for one in found if one.partition.series.is_candles]
    example = f"{explained[0].partition.series} {iso(explained[0].rejected.open_at)}" if explained else "SERIES TIME"
    show.say(f"{show.counted(total, 'row')} kept out. The requests that brought a candle: qmd explain {example}")


def _draw_rows(found: "Sequence[Refused]", states: "Mapping[tuple[Series, int], State]") -> None:
    from qmd_platform.cli import show
    from qmd_platform.cli.log import short_run

    columns: list[show.Column] = [("series", "left"), ("open_at (UTC)", "left"), ("row", "left")]
    columns += [("kept out for", "left"), ("now", "left"), ("commit", "right"), ("run", "left")]
    rows = []
    for one in found:
        key = (one.partition.series, one.rejected.open_at)
        values = ", ".join(f"{name} {value}" for name, value in one.rejected.row.items())
        cells = [str(key[0]), iso(key[1]).replace("T", " ").removesuffix("Z"), values, one.rejected.reason]
        # Only candles have a state: of a settlement that is not there nobody can say when it was due.
        unknown = "never asked for" if key[0].is_candles else "-"
        now = show.state(states[key]) if key in states else unknown
        rows.append([*map(show.plain, cells), now, str(one.commit), short_run(one.run_id)])
    show.say()
    show.table(columns, rows, spare=("run", "series"))
