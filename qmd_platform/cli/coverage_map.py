"""The coverage of many series: a map in the terminal, series by month, and the gravest gaps below it.

What lives here: drawing it, and its JSON. What does not: counting (``qmd_platform.coverage.heatmap``), one series in
detail (``cli.coverage``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qmd_platform.cli import show
from qmd_platform.coverage.gaps import Gap
from qmd_platform.coverage.heatmap import Cell, Line, gravest, months_of, worst_first
from qmd_platform.coverage.ranges import known_of
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State
from qmd_platform.model.window import Instant, iso

if TYPE_CHECKING:
    from qmd_platform.coverage.summary import Summary

SHOWN = 20
"""Gaps listed unless all are asked for."""

LINES = 60
"""Series drawn unless all are asked for; of more the worst."""

WIDE = 3
"""Characters of a month, the space after it included, where all months have that much room; otherwise it is one."""

NEVER = ("?", "blue")
"""How candles that nobody asked for are drawn."""

LEVELS = "▁▂▃▄▅▆▇"
"""How much of a month that is not whole is there."""


def document(lines: Sequence[Line]) -> dict[str, object]:
    """Everything, for programs."""
    venues = sorted({one.series.venue for one in lines})
    return {
        "totals": _total(lines),
        "venues": {venue: _total([one for one in lines if one.series.venue == venue]) for venue in venues},
        "series": [
            {
                "series": str(one.series),
                **_counts(one.total),
                "oldest_gap": _time(one.oldest_gap),
                "next_ask": _time(one.next_ask),
                "months": {month: _counts(cell) for month, cell in one.cells.items()},
                "gaps": [gap_document(one.series, gap) for gap in one.gaps],
            }
            for one in lines
        ],
    }


def gap_document(series: Series, gap: Gap) -> dict[str, object]:
    """One gap for JSON: what, why, how often and when it was asked for, when it is next."""
    return {
        "start": iso(gap.window.start),
        "end": iso(gap.window.end),
        "candles": gap.window.steps(series.timeframe.step),
        "state": gap.state.value,
        "cause": gap.cause,
        "asks": gap.asks,
        "last_asked": iso(gap.last_at) if gap.asks else None,
        "next_ask": _time(gap.due_at),
    }


def draw(lines: Sequence[Line], venue: str | None, *, every: bool, now: Instant) -> None:
    """The map, the totals, the gaps; of one ``venue``, or of all."""
    if not lines and venue is not None:
        show.say(f"Nothing of {venue} is wanted, and nothing of it is held.")
        return
    if not lines:
        show.say("Nothing is wanted and nothing is held. Fill the lake with `qmd demo` or `qmd backfill`.")
        return
    drawn = lines if every else worst_first(lines)[:LINES]
    _draw_map(lines if len(drawn) == len(lines) else drawn)
    if len(drawn) < len(lines):
        show.say(f"... and {show.counted(len(lines) - len(drawn), 'line')} that lack less: add --all or --json.\n")
    _draw_totals(lines)
    found = gravest(lines)
    listed = found if every else found[:SHOWN]
    if listed:
        show.say()
        draw_gaps(listed, now)
    if len(listed) < len(found):
        show.say(f"... and {show.counted(len(found) - len(listed), 'more gap')}: add --all or --json.")


def draw_gaps(found: Iterable[tuple[Series, Gap]], now: Instant) -> None:
    """A table of gaps: what is known of each, and when it is asked for next."""
    show.table(
        [
            ("series", "left"),
            ("from", "left"),
            ("until", "left"),
            ("candles", "right"),
            ("known", "left"),
            ("last asked", "left"),
            ("next", "left"),
        ],
        [
            [
                str(series),
                show.minute(gap.window.start),
                show.minute(gap.window.end),
                show.count(gap.window.steps(series.timeframe.step)),
                show.plain(known_of(gap)),
                show.minute(gap.last_at) if gap.asks else "",
                next_ask(gap, now),
            ]
            for series, gap in found
        ],
        spare=("last asked",),
    )


def next_ask(gap: Gap, now: Instant) -> str:
    """When a gap is asked for next, for people."""
    if gap.due_at is None:
        return "no API has it"
    return "due" if gap.is_due(now) else show.minute(gap.due_at)


def cell(of: Cell | None) -> str:
    """One month as a glyph, in markup: whole, or how much is there, in the colour of the gravest state."""
    if of is None:
        return " "
    if of.worst in {State.PRESENT, State.VERIFIED_EMPTY, State.UNLISTED}:
        glyph, style = show.GLYPHS[of.worst]
        return f"[{style}]{glyph}[/]"
    glyph, style = NEVER if of.worst is None else show.GLYPHS[of.worst]
    if of.settled:
        glyph = LEVELS[min(int(of.share * len(LEVELS)), len(LEVELS) - 1)]
    return f"[{style}]{glyph}[/]"


def _draw_map(lines: Sequence[Line]) -> None:
    months = months_of(lines)
    names = [str(one.series) for one in lines]
    left = max(len(name) for name in names)
    room = max(show.console().width - left - 12, 12)
    width = WIDE if WIDE * len(months) <= room else 1
    shown = months[-(room // width) :]
    if len(shown) < len(months):
        show.say(f"[dim]{months[0]} to {months[-len(shown) - 1]} do not fit and are not drawn: --json has them[/]")
    show.say(f"{'':{left}} [dim]{_years(shown, width)}[/]")
    if width == WIDE:
        show.say(f"{'':{left}} [dim]{' '.join(month[5:] for month in shown)}[/]")
    for name, one in zip(names, lines, strict=True):
        drawn = [cell(one.cells.get(month)) for month in shown]
        cells = " ".join(glyph * 2 for glyph in drawn) if width == WIDE else "".join(drawn)
        show.say(f"{name:{left}} {cells} {show.share(one.total.settled, one.total.wanted):>8}")
    show.say(f"{show.LEGEND}\n[{NEVER[1]}]{NEVER[0]}[/] never asked for  {LEVELS} part of a month\n")


def _years(months: Sequence[str], width: int) -> str:
    """A line that has each year above its first month, as far as there is room."""
    text = ""
    for place, month in enumerate(months):
        room = next((at - place for at, other in enumerate(months) if at > place and other.endswith("-01")), 12) * width
        if (place == 0 or month.endswith("-01")) and room > len("2026"):
            text = text.ljust(place * width) + month[:4]
    return text.rstrip()


def _draw_totals(lines: Sequence[Line]) -> None:
    venues = sorted({one.series.venue for one in lines})
    names = ("series", "wanted", "present", "empty", "missing", "never asked", "quarantined", "unlisted", "coverage")
    columns: list[show.Column] = [("venue", "left"), *((name, "right") for name in names), ("oldest gap", "left")]
    rows = [_row(venue, [one for one in lines if one.series.venue == venue]) for venue in venues]
    total = _row("total", lines) if len(venues) > 1 else None
    show.table(columns, rows, total=total, spare=("unlisted", "quarantined", "oldest gap", "empty"))


def _row(name: str, lines: Sequence[Line]) -> list[str]:
    total = sum((one.total for one in lines), Cell())
    summary = total.summary
    oldest = min((one.oldest_gap for one in lines if one.oldest_gap is not None), default=None)
    return [
        name,
        show.count(len(lines)),
        show.count(total.wanted),
        show.count(summary.present),
        show.count(summary.verified_empty),
        f"[bold red]{show.count(summary.missing)}[/]" if summary.missing else "0",
        show.count(total.never_asked),
        show.count(summary.quarantined),
        show.count(summary.unlisted),
        show.share(total.settled, total.wanted),
        show.minute(oldest),
    ]


def _total(lines: Sequence[Line]) -> dict[str, object]:
    oldest = min((one.oldest_gap for one in lines if one.oldest_gap is not None), default=None)
    due = min((one.next_ask for one in lines if one.next_ask is not None), default=None)
    counts = _counts(sum((one.total for one in lines), Cell()))
    return {"series": len(lines), **counts, "oldest_gap": _time(oldest), "next_ask": _time(due)}


def _counts(of: Cell) -> dict[str, object]:
    summary: Summary = of.summary
    return {**asdict(summary), "never_asked": of.never_asked, "wanted": of.wanted, "share": round(of.share, 6)}


def _time(at: Instant | None) -> str | None:
    return None if at is None else iso(at)
