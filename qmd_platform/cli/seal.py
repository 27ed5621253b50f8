"""``qmd seal [SERIES]``: the files of months that have ended become one each.

What lives here: progress, the table by series. What does not: sealing (``qmd_platform.lake.sealing``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.model.series import Partition, Series

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake


@dataclass(frozen=True, slots=True)
class Laid:
    """Files and bytes of one partition, or of several summed; ``after`` is None for a dry run."""

    partition: Partition
    before: tuple[int, int]
    after: tuple[int, int] | None


@kit.command(
    {
        "qmd seal": "Every month that has ended and is in several files.",
        "qmd seal --dry-run": "Only say which.",
        "qmd seal binance:BTC/USDT:1m --json": "One series; the answer for a program.",
    }
)
@click.argument("series", type=kit.SERIES, required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be sealed.")
def command(*, series: Series | None, dry_run: bool, as_json: bool) -> None:
    """Merge the files of months that have ended.

    An open month is in one file a day, so that an append writes little; once it has ended one file reads faster.
    Files an older version wrote are brought up to date too. No candle and no version changes. Safe while others
    read and write; what was replaced stays readable until `qmd vacuum` takes it.
    """
    lake = store.lake_to_read()
    if series is not None:
        refuse_unheld(lake, series)
    found = _due(lake, series) if dry_run else _sealed(lake, series)
    if as_json:
        kit.emit([_document(one) for one in found])
    else:
        _draw(found, dry_run=dry_run)


def _due(lake: "Lake", series: Series | None) -> list[Laid]:
    from qmd_platform.lake.sealing import due

    wanted = set(due(lake, now=kit.now(), series=series))
    counts: dict[Partition, tuple[int, int]] = {}
    for segment in lake.ledger.segments(series):
        files, size = counts.get(segment.partition, (0, 0))
        counts[segment.partition] = files + 1, size + segment.bytes
    return [Laid(one, counts[one], None) for one in sorted(wanted)]


def _sealed(lake: "Lake", series: Series | None) -> list[Laid]:
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake.sealing import seal

    with progress("partition") as tell:
        done = seal(
            lake,
            run_id=kit.run_id("seal"),
            now=kit.now(),
            series=series,
            progress=lambda done, total: tell("seal", done, total),
        )
    return [Laid(one.partition, (one.files_before, one.bytes_before), (one.files, one.bytes)) for one in done]


def _document(one: Laid) -> dict[str, object]:
    said: dict[str, object] = {
        "series": str(one.partition.series),
        "month": one.partition.month,
        "files_before": one.before[0],
        "bytes_before": one.before[1],
    }
    return said if one.after is None else said | {"files": one.after[0], "bytes": one.after[1]}


def _draw(found: Sequence[Laid], *, dry_run: bool) -> None:
    from qmd_platform.cli import show

    if not found:
        show.say("Nothing to seal: every month that has ended is in one file.")
        return
    columns: list[show.Column] = [("series", "left"), ("months", "right"), ("files", "right"), ("size", "right")]
    columns += [] if dry_run else [("files after", "right"), ("size after", "right")]
    series: dict[Series, list[Laid]] = {one.partition.series: [] for one in found}
    for one in found:
        series[one.partition.series].append(one)
    rows = [_row(str(name), months) for name, months in series.items()]
    show.table(columns, rows, total=_row(f"{len(series)} series", found))
    if dry_run:
        show.say("This was a dry run: nothing was changed.")


def _row(name: str, months: Sequence[Laid]) -> list[str]:
    from qmd_platform.cli import show

    cells = [name, show.count(len(months)), *_cells([one.before for one in months])]
    after = [one.after for one in months if one.after is not None]
    return [*cells, *_cells(after)] if after else cells


def _cells(counts: Sequence[tuple[int, int]]) -> list[str]:
    from qmd_platform.cli import show

    return [show.count(sum(files for files, _ in counts)), show.size(sum(size for _, size in counts))]
