"""An agenda of gaps as tables and as JSON, and what became of it.

What lives here: showing. What does not: the command ``qmd gaps`` (``cli.gaps``), the agenda
(``qmd_platform.coverage.agenda``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmd_platform.cli import kit
from qmd_platform.model.window import iso

if TYPE_CHECKING:
    from qmd_platform.coverage.agenda import Agenda
    from qmd_platform.coverage.ranges import Range
    from qmd_platform.ingest.receipt import Receipt

SHOWN = 20
"""Ranges listed of each kind unless all are asked for."""

HEADINGS = {
    "ask": "Asked next, newest first",
    "later": "Left for later: the budget is spent",
    "wait": "Waiting: asked for in vain, and not due yet",
    "never": "No API has them",
}


def document(agenda: "Agenda") -> dict[str, object]:
    """Everything, for programs."""
    return {
        "next_due": None if agenda.next_due is None else iso(agenda.next_due),
        "ranges": [_as_document(one) for one in (*agenda.ranges, *agenda.left)],
    }


def _as_document(one: "Range") -> dict[str, object]:
    from qmd_platform.cli.coverage_map import gap_document

    return {
        "verdict": one.verdict.value,
        "table": one.table,
        "venue": one.venue,
        "markets": [market.symbol for market in one.markets],
        "months": list(one.months),
        "candles": one.candles,
        "requests": one.requests,
        "due_at": None if one.due_at is None else iso(one.due_at),
        "key": one.key,
        "sentence": one.sentence,
        "gaps": [
            {"series": str(partition.series), **gap_document(partition.series, gap)}
            for partition in one.partitions
            for gap in one.gaps[partition]
        ],
    }


def draw(agenda: "Agenda", fill: str, *, every: bool) -> None:
    """A table for each verdict, what is asked first on top; ``fill`` is the command that asks for what is due."""
    from qmd_platform.cli import show

    found = [*agenda.ranges, *agenda.left]
    if not found:
        show.say(
            "Nothing is missing: all that the universe wants is here, or known to be empty. (The last minutes are left to "
            "the tail schedules; --fill asks for them too.)"
        )
        return
    for verdict, heading in HEADINGS.items():
        mine = [one for one in found if one.verdict == verdict]
        if mine:
            show.say(f"[bold]{heading}[/]")
            _table(mine if every else mine[:SHOWN])
            if not every and len(mine) > SHOWN:
                show.say(f"... and {show.counted(len(mine) - SHOWN, 'more range')}: add --all or --json.")
            show.say()
    if agenda.ranges:
        kit.note(f"To ask for what is due now: {fill}. In Dagster (`qmd dev`) the sensors `<venue>_gaps` do.")


def _table(ranges: "Sequence[Range]") -> None:
    from qmd_platform.cli import show

    columns: list[show.Column] = [("what", "left"), ("candles", "right"), ("requests", "right"), ("not before", "left")]
    rows = [
        [
            one.where,
            show.count(one.candles),
            show.count(one.requests),
            show.minute(one.due_at),
            show.plain(one.what),
        ]
        for one in ranges
    ]
    told = {"ask": (0, 1, 2, 4), "later": (0, 1, 2, 4), "wait": (0, 1, 3, 4)}.get(ranges[0].verdict, (0, 1, 4))
    columns.append(("known of them", "left"))
    show.table([columns[place] for place in told], [[row[place] for place in told] for row in rows])


def draw_filled(receipts: "Sequence[Receipt]", took: float) -> None:
    """What filling brought, month by month; ``took`` is in seconds."""
    from qmd_platform.cli import show

    if not receipts:
        show.say("Nothing is due.")
        return
    columns: list[show.Column] = [("series", "left"), ("month", "left"), ("new", "right"), ("requests", "right")]
    columns += [("of the month: missing", "right"), ("empty", "right")]
    rows = [
        [
            str(one.partition.series),
            one.partition.month,
            show.count(one.new),
            show.count(one.traffic.requests),
            show.missing(one.summary),
            show.count(one.summary.verified_empty),
        ]
        for one in receipts
    ]
    requests = sum(one.traffic.requests for one in receipts)
    foot = ["total", "", show.count(sum(one.new for one in receipts)), show.count(requests), "", ""]
    show.table(columns, rows, total=foot)
    show.say(f"\nIt took {show.seconds(took)}.")
    for failure in [failure for one in receipts for failure in one.failures][:10]:
        kit.note(f"failed: {failure}")
