"""``qmd log [SERIES]``: who changed what, and when.

What lives here: the two tables. What does not: the history (``Ledger.log``, ``Ledger.versions``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.model.series import Series
from qmd_platform.model.window import iso

if TYPE_CHECKING:
    from qmd_platform.ledger.records import Commit, Version

SHOWN = 20
RUN_LENGTH = 24
"""Characters of a run's name in a table; JSON has all of it."""


@kit.command(
    {
        "qmd log": "The latest commits, newest first.",
        "qmd log binance:BTC/USDT:1m": "The versions of one series, with what each changed.",
        "qmd log binance:BTC/USDT:1m --limit 1 --json": "The latest version, for a program.",
    }
)
@click.argument("series", type=kit.SERIES, required=False)
@click.option("--limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="List at most this many.")
def command(*, series: Series | None, limit: int, as_json: bool) -> None:
    """List commits, or the versions of one series.

    A version of a month is a commit that changed its candles, its coverage or its rejected rows; each names its run
    and its source. new, changed and unchanged count the candles that were written; outranked those that gave way to
    a better source. Sealing lays the same version out anew, and asking again without anything new keeps it; pins are
    commits that change no month.
    """
    lake = store.lake_to_read()
    if series is None:
        commits = lake.ledger.log(limit=limit + 1)
        is_more, documents = len(commits) > limit, [_commit(one) for one in commits[:limit]]
    else:
        refuse_unheld(lake, series)
        versions = lake.ledger.versions(series, limit + 1)
        is_more, documents = len(versions) > limit, [_version(one) for one in versions[:limit]]
    if as_json:
        kit.emit(documents)
        return
    if series is None:
        _draw_commits(commits[:limit])
    else:
        _draw_versions(versions[:limit])
    if is_more:
        kit.note("there are older ones: --limit N lists more")


def _commit(one: "Commit") -> dict[str, object]:
    return asdict(one) | {"at": iso(one.at)}


def _version(one: "Version") -> dict[str, object]:
    """Flat: the partition as series and month."""
    said = {name: value for name, value in asdict(one).items() if name != "partition"}
    return {"series": str(one.partition.series), "month": one.partition.month, **said, "at": iso(one.at)}


def _draw_commits(commits: "Sequence[Commit]") -> None:
    from qmd_platform.cli import show

    if not commits:
        show.say("The lake has no commits yet.")
        return
    columns: list[show.Column] = [("commit", "right"), ("time", "left"), ("source", "left"), ("run", "left")]
    columns += [(name, "right") for name in ("partitions", "new", "changed", "unchanged")]
    rows = [
        [
            str(one.id),
            show.minute(one.at),
            show.plain(one.source),
            short_run(one.run_id),
            *map(show.count, (one.partitions, one.new, one.changed, one.unchanged)),
        ]
        for one in commits
    ]
    show.table(columns, rows, spare=("run",))


def _draw_versions(versions: "Sequence[Version]") -> None:
    from qmd_platform.cli import show

    columns: list[show.Column] = [("month", "left"), ("version", "right"), ("commit", "right"), ("time", "left")]
    columns += [("source", "left"), ("run", "left")]
    columns += [(name, "right") for name in ("new", "changed", "unchanged", "outranked", "rows", "size")]
    rows = [
        [
            one.partition.month,
            str(one.version),
            str(one.commit),
            show.minute(one.at),
            show.plain(one.source),
            short_run(one.run_id),
            *map(show.count, (one.new, one.changed, one.unchanged, one.outranked, one.rows)),
            show.size(one.bytes),
        ]
        for one in versions
    ]
    show.table(columns, rows, spare=("run", "outranked", "size", "unchanged"))


def short_run(name: str) -> str:
    """A run's name, cut to what a table has room for."""
    from qmd_platform.cli import show

    return show.plain(name if len(name) <= RUN_LENGTH else f"{name[: RUN_LENGTH - 1]}…")
