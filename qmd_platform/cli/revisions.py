"""``qmd revisions [SERIES]``: candles that the venue, or a better source, said otherwise later.

What lives here: the table. What does not: noticing them (``lake.changes``), rows as text (``cli.rowtext``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.log import short_run
from qmd_platform.cli.series import refuse_unheld, whole
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Revision

SHOWN = 40


@kit.command(
    {
        "qmd revisions": "Of every series of the lake.",
        "qmd revisions binance:BTC/USDT:1m": "Every candle that was changed after it was stored.",
        "qmd revisions gate:ETH/USDT:1h --start 2026-10-01 --end 2026-11-01 --json": "Those of October, for a program.",
    }
)
@click.argument("series", type=kit.SERIES, required=False)
@kit.start_option("Only candles that open from here on.")
@kit.end_option("Only candles that open before this.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=SHOWN,
    show_default=True,
    help="The latest so many are shown; all are counted. JSON has all.",
)
def command(*, series: Series | None, start: Instant | None, end: Instant | None, limit: int, as_json: bool) -> None:
    """List candles that were restated, of SERIES or of all.

    Each with the values that changed, before and after, the instant that was seen and the commit. A backtest as of
    an earlier commit or pin sees the values of before.
    """
    lake = store.lake_to_read()
    if series is not None:
        refuse_unheld(lake, series)
    every = lake.ledger.revisions(series, _window(lake, series, start, end))
    found = [one for one in every if one.partition.series.is_candles]
    runs = _runs(lake, series) if found else {}
    if as_json:
        kit.emit([_document(one, runs) for one in found])
    else:
        _draw(series, found, runs, limit)


def _window(lake: "Lake", series: Series | None, start: Instant | None, end: Instant | None) -> Window | None:
    if start is None and end is None:
        return None
    held = Window(0, max(kit.now(), (start or 0) + 1)) if series is None else whole(lake, series)
    return Window(held.start if start is None else start, held.end if end is None else end)


def _runs(lake: "Lake", series: Series | None) -> dict[int, str]:
    """The run of each commit (to ``series``)."""
    last = lake.ledger.last_commit()
    return {commit.id: commit.run_id for commit in lake.ledger.log(series, limit=last)}


def _document(one: "Revision", runs: Mapping[int, str]) -> dict[str, object]:
    from qmd_platform.cli import rowtext

    said = rowtext.document(one.partition, one.key, one.before, one.after)
    return said | {"seen_at": iso(one.seen_at), "commit": one.commit, "run_id": runs.get(one.commit)}


def _draw(series: Series | None, found: "Sequence[Revision]", runs: Mapping[int, str], limit: int) -> None:
    from qmd_platform.cli import rowtext, show

    if not found:
        show.say(f"No candle of {series or 'the lake'} was restated.")
        return
    rows = [
        [
            *([] if series else [str(one.partition.series)]),
            rowtext.key_of(one.partition, one.key),
            *map(show.plain, rowtext.sides(one.partition, one.before, one.after)),
            show.minute(one.seen_at),
            str(one.commit),
            short_run(runs.get(one.commit, "")),
        ]
        for one in found[-limit:]
    ]
    columns: list[show.Column] = [] if series else [("series", "left")]
    columns += [("open_at (UTC)", "left"), ("before", "left"), ("after", "left"), ("seen", "left")]
    show.table([*columns, ("commit", "right"), ("run", "left")], rows, spare=("run",))
    if len(found) > limit:
        show.say(f"{show.counted(len(found) - limit, 'earlier one')} are not shown: --limit N shows more.")
    candles = show.counted(len({(one.partition, one.key) for one in found}), "candle")
    show.say(f"{show.counted(len(found), 'restatement')} of {candles}{f' of {series}' if series else ''}.")
