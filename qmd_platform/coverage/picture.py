"""The map of coverage as a small picture: a row a series, a cell a month, filled as far as the month is there.

What lives here: lines of ``coverage.heatmap`` to SVG text, and to a Markdown image that carries the SVG in its address.
What does not: counting, where it is shown (``assets``).

A cell is green from below as far as its candles are settled; what is left above is in the colour of the gravest thing
in it, at least a few pixels, so that a single missing minute of a month is seen. It has a background of its own, so
that it reads on the Dagster UI's light and dark pages alike. Equal neighbours are one shape, which keeps sixty series of
three years near 20 KB.
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from qmd_platform.coverage.heatmap import Cell, Line, months_of, worst_first
from qmd_platform.model.spans import State

WIDTH = 760
ROWS = 60
"""Series drawn; of more the worst."""

_LEFT, _RIGHT, _TOP = 150, 690, 74
_ROW_HEIGHTS = ((16, 20), (30, 14), (ROWS, 10))
"""Up to so many rows each is so high."""

_BACK = "#fbfcfd"
_GREEN, _RED, _AMBER = "#3f9c6b", "#d6453d", "#e39b2e"
_COLOURS: dict[State | None, tuple[str, str]] = {
    State.PRESENT: (_GREEN, "there, or known to be empty"),
    State.VERIFIED_EMPTY: (_GREEN, "there, or known to be empty"),
    State.MISSING: (_RED, "missing"),
    State.QUARANTINED: (_AMBER, "quarantined"),
    None: ("#b7c6dc", "never asked for"),
    State.UNLISTED: ("#e4e7eb", "not listed"),
}
_LEAST = 4
"""Pixels of a cell that what is not there takes at least."""

_LONGEST = 20
"""Letters of a name that fit."""

_MONTH_ROOM = 9
"""Pixels from which on a month's letter fits above its cells."""

_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-size:14px;font-weight:600;fill:#20262d}"
    ".e{text-anchor:end}.m{text-anchor:middle;font-size:9px}.b{fill:#20262d}.s{font-size:9px}"
)


def markdown_image(lines: Sequence[Line], title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(lines, title).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(lines: Sequence[Line], title: str) -> str:
    """The picture, 760 pixels wide; series that lack most come first.

    Args:
        lines: of one venue or of several.
        title: what it is of, written before the figures.
    """
    shown, months = worst_first(lines)[:ROWS], months_of(lines)
    tall = next(height for most, height in _ROW_HEIGHTS if len(shown) <= most)
    height = _TOP + tall * max(len(shown), 1) + 34
    width = (_RIGHT - _LEFT) / max(len(months), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{height}" rx="8" fill="{_BACK}"/>',
        *_heading(lines, len(shown), title),
        *_axis(months, width, height - 30),
        *_cells(shown, months, width, tall),
        *(_names(row, line, tall, _is_mixed(lines)) for row, line in enumerate(shown)),
        *_legend(shown, height - 10),
        "</svg>",
    ]
    return "".join(parts)


def _heading(lines: Sequence[Line], shown: int, title: str) -> list[str]:
    total = sum((line.total for line in lines), Cell())
    summary = total.summary
    absent = [
        f"{number:,} {word}"
        for number, word in (
            (summary.missing, "missing"),
            (summary.quarantined, "quarantined"),
            (total.never_asked, "never asked for"),
        )
        if number
    ]
    below = ", ".join(absent) or "nothing is missing"
    more = f" · the {shown} worst of {len(lines)} series" if shown < len(lines) else ""
    return [
        f'<text class="t" x="14" y="22">{escape(title)}: {_percent(total)} of {total.wanted:,} candles</text>',
        f'<text x="14" y="40">{below}{more}</text>',
    ]


def _axis(months: Sequence[str], width: float, floor: float) -> Iterable[str]:
    """Years and the first letters of months above the cells, a line where a year begins."""
    for place, month in enumerate(months):
        x = _LEFT + place * width
        if month.endswith("-01") or place == 0:
            room = next((at - place for at, other in enumerate(months) if at > place and other.endswith("-01")), 12)
            if room * width > 4 * _MONTH_ROOM:
                yield f'<text class="b" x="{x + 3:.0f}" y="57">{month[:4]}</text>'
            if place:
                yield f'<path d="M{x:.1f} 48V{floor:.0f}" stroke="#9aa4af"/>'
        if width >= _MONTH_ROOM:
            letter = "JFMAMJJASOND"[int(month[5:]) - 1]
            yield f'<text class="m" x="{x + width / 2:.1f}" y="70">{letter}</text>'


def _cells(lines: Sequence[Line], months: Sequence[str], width: float, tall: int) -> list[str]:
    """One path a colour; cells that look the same and touch are one rectangle of it."""
    paths: dict[str, list[str]] = defaultdict(list)
    for row, line in enumerate(lines):
        y = _TOP + row * tall
        looks = [_look(line.cells.get(month), tall - 2) for month in months]
        for look, group in groupby(range(len(months)), looks.__getitem__):
            places = list(group)
            x, across = _LEFT + places[0] * width, len(places) * width
            at = y
            for colour, deep in look:
                paths[colour].append(f"M{x:.1f} {at}h{across:.1f}v{deep}h-{across:.1f}z")
                at += deep
    drawn = [f'<path d="{"".join(words)}" fill="{colour}"/>' for colour, words in paths.items()]
    floor = _TOP + len(lines) * tall
    rules = "".join(f"M{_LEFT + place * width:.1f} {_TOP}V{floor}" for place in range(1, len(months)))
    return [*drawn, f'<path d="{rules}" stroke="{_BACK}" stroke-width="{1 if width > _MONTH_ROOM else 0.5}"/>']


def _look(cell: Cell | None, tall: int) -> tuple[tuple[str, int], ...]:
    """What a cell is made of from above: colours, each with its height in pixels."""
    if cell is None:
        return ()
    colour = _COLOURS[cell.worst][0]
    if colour == _GREEN or not cell.settled:
        return ((colour, tall),)
    above = min(max(round((1 - cell.share) * tall), _LEAST), tall - 1)
    return ((colour, above), (_GREEN, tall - above))


def _names(row: int, line: Line, tall: int, is_mixed: bool) -> str:  # noqa: FBT001 - one caller, right above
    """The series' name left of its cells, what of it is there on the right."""
    name = line.series.symbol + (f" {line.series.timeframe}" if is_mixed else "")
    name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    y = _TOP + row * tall + (tall - 2) / 2 + (3 if tall <= _ROW_HEIGHTS[-1][1] else 4)
    small = " s" if tall <= _ROW_HEIGHTS[-1][1] else ""
    return (
        f'<text class="e b{small}" x="{_LEFT - 8}" y="{y:g}">{escape(name)}</text>'
        f'<text class="e{small}" x="{WIDTH - 12}" y="{y:g}">{_percent(line.total)}</text>'
    )


def _is_mixed(lines: Sequence[Line]) -> bool:
    return len({line.series.timeframe for line in lines}) > 1


def _percent(total: Cell) -> str:
    """Never rounded up to 100."""
    return "100 %" if total.settled >= total.wanted else f"{min(total.share * 100, 99.99):.2f} %"


def _legend(lines: Sequence[Line], y: float) -> Iterable[str]:
    """The colours that occur, in words."""
    worst = {cell.worst for line in lines for cell in line.cells.values()}
    there = {_COLOURS[state] for state in worst}
    if any(cell.settled for line in lines for cell in line.cells.values()):
        there.add(_COLOURS[State.PRESENT])
    x = 14.0
    for colour, words in dict.fromkeys(_COLOURS.values()):
        if (colour, words) in there:
            yield f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="11" height="11" rx="2" fill="{colour}"/>'
            yield f'<text x="{x + 16:.0f}" y="{y:.0f}">{words}</text>'
            x += 34 + 6.4 * len(words)
