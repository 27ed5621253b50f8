"""``qmd diff A [B]``: what is not the same in two states of the lake.

What lives here: counting, both tables. What does not: the comparison (``qmd_platform.lake.differences``), rows as
text (``cli.rowtext``).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Partition, Series

if TYPE_CHECKING:
    from qmd_platform.lake.differences import Difference
    from qmd_platform.lake.store import Lake

SHOWN = 40


@dataclass(slots=True)
class Found:
    """What differs between two commits: how many rows by partition and kind, and the rows that are kept to be shown."""

    before: int
    after: int
    counts: dict[Partition, Counter[str]] = field(default_factory=dict)
    rows: "list[Difference]" = field(default_factory=list)

    @property
    def total(self) -> int:
        """All rows that differ."""
        return sum(count.total() for count in self.counts.values())


@kit.command(
    {
        "qmd diff 12 15": "From commit 12 to commit 15.",
        "qmd diff 2026-11-01": "Since the first of November.",
        "qmd diff backtest-7 now --series binance:BTC/USDT:1m": "One series, since a pin was made.",
        "qmd diff 0 now --limit 1": "Everything there is, counted by month.",
    }
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", default="now")
@click.option("--series", "chosen", multiple=True, type=kit.SERIES, help="Only this one; may be given several times.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=SHOWN,
    show_default=True,
    help="Rows shown; all are counted. JSON has all.",
)
def command(*, before: str, after: str, chosen: tuple[Series, ...], limit: int, as_json: bool) -> None:
    """Show the rows that differ between two states of the lake.

    A and B are commits (0: before the first), times, names of pins, or `now`, which B is if it is left out. Of a
    row that changed the values that differ are shown, in A and in B. A pin of some series is compared in these alone,
    unless --series names others. Exits with 0 whether or not there are differences.
    """
    lake = store.lake_to_read()
    for series in chosen:
        refuse_unheld(lake, series)
    if not chosen and (chosen := _pinned(lake, before, after)):
        kit.note(f"compared: what the pin holds, {', '.join(map(str, chosen))}")
    found = _found(lake, before, after, chosen, None if as_json else limit)
    if as_json:
        kit.emit(_document(found))
    else:
        _draw(found)


def _pinned(lake: "Lake", *states: str) -> tuple[Series, ...]:
    """What both states hold, where one is a pin of some series: of the others it promises nothing. Else none: all."""
    held = [set(pin.series) for pin in lake.ledger.pins() if pin.name in states and pin.series is not None]
    if not held:
        return ()
    both = tuple(sorted(set.intersection(*held)))
    if not both:
        raise ConfigError("the two pins hold no series in common", hint="`qmd pins` says what each holds")
    return both


def _found(lake: "Lake", before: str, after: str, chosen: tuple[Series, ...], limit: int | None) -> Found:
    from qmd_platform.cli import rowtext
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake.differences import diff

    # Settled before anything is read: what is committed meanwhile is in neither.
    # For a series: a pin may hold that alone. The others are looked at when their turn comes.
    series = chosen[0] if chosen else None
    found = Found(lake.ledger.resolved(before, series), lake.ledger.resolved(after, series))
    partitions = sorted({state.partition for state in lake.states() if not chosen or state.partition.series in chosen})
    place = {partition: number for number, partition in enumerate(partitions)}
    with progress("partition") as tell:
        for one in diff(lake, found.before, found.after, sorted(chosen) or None):
            if one.partition not in found.counts:
                found.counts[one.partition] = Counter()
                tell("diff", place.get(one.partition, 0), len(place))
            found.counts[one.partition][rowtext.kind(one.before, one.after)] += 1
            if limit is None or len(found.rows) < limit:
                found.rows.append(one)
        tell("diff", len(place), len(place))
    return found


def _document(found: Found) -> dict[str, object]:
    from qmd_platform.cli import rowtext

    return {
        "before": found.before,
        "after": found.after,
        "partitions": [
            {"series": str(partition.series), "month": partition.month, **{kind: count[kind] for kind in rowtext.KINDS}}
            for partition, count in found.counts.items()
        ],
        "rows": [rowtext.document(one.partition, one.key, one.before, one.after) for one in found.rows],
    }


def _draw(found: Found) -> None:
    from qmd_platform.cli import rowtext, show

    ends = f"commit {found.before} and commit {found.after}"
    if not found.total:
        show.say(f"No row differs between {ends}.")
        return
    if found.rows:
        columns: list[show.Column] = [("", "left"), ("series", "left"), ("row", "left")]
        rows = [
            [
                rowtext.kind(one.before, one.after),
                str(one.partition.series),
                show.plain(rowtext.key_of(one.partition, one.key)),
                *map(show.plain, rowtext.sides(one.partition, one.before, one.after)),
            ]
            for one in found.rows
        ]
        show.table([*columns, ("before", "left"), ("after", "left")], rows)
    if found.total > len(found.rows):
        show.say(f"... and {show.counted(found.total - len(found.rows), 'more row')}: --limit N shows more.\n")
    _draw_counts(found)
    show.say(f"{show.counted(found.total, 'row')} differ{'s' if found.total == 1 else ''} between {ends}.")


def _draw_counts(found: Found) -> None:
    from qmd_platform.cli import rowtext, show

    rows = [
        [str(partition.series), partition.month, *(show.count(count[kind]) for kind in rowtext.KINDS)]
        for partition, count in found.counts.items()
    ]
    summed = sum(found.counts.values(), Counter[str]())
    total = [f"{len(rows)} partitions", "", *(show.count(summed[kind]) for kind in rowtext.KINDS)]
    columns: list[show.Column] = [("series", "left"), ("month", "left"), *((kind, "right") for kind in rowtext.KINDS)]
    show.table(columns, rows, total=total if len(rows) > 1 else None)
