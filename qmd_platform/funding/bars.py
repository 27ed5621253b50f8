"""A small picture of a few numbers by name: a bar each, positive and negative told apart. Pure.

What lives here: numbers to SVG text, and to a Markdown image that carries the SVG in its address. What does not: which
numbers (``assets``), pictures of time (``funding.chart``).
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH = 720
_LEFT, _MIDDLE, _RIGHT = 14, 200, 600
_TOP, _ROW = 40, 22
_POSITIVE, _NEGATIVE = "#3f9c6b", "#d6453d"


class Bar(NamedTuple):
    """One bar: its name, its length in any unit, and the number as it is told."""

    name: str
    value: float
    told: str


def markdown_image(bars: Sequence[Bar], title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(bars, title).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(bars: Sequence[Bar], title: str) -> str:
    """A picture as wide as those of time, as tall as there are bars; their lengths share one scale.

    Args:
        bars: from top to bottom, with finite values.
        title: one line, written at the top.
    """
    height = _TOP + _ROW * max(len(bars), 1) + 10
    most = max((abs(bar.value) for bar in bars), default=0) or 1
    style = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f'<style>{style}</style><rect width="{WIDTH}" height="{height}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="{_LEFT}" y="22">{escape(title)}</text>',
    ]
    for row, bar in enumerate(bars):
        y, wide = _TOP + row * _ROW, abs(bar.value) / most * (_RIGHT - _MIDDLE)
        colour = _POSITIVE if bar.value >= 0 else _NEGATIVE
        parts += [
            f'<text class="e" x="{_MIDDLE - 8}" y="{y + 13}">{escape(bar.name)}</text>',
            f'<rect x="{_MIDDLE}" y="{y}" width="{max(wide, 0.5):.1f}" height="{_ROW - 6}" fill="{colour}"/>',
            f'<text x="{_MIDDLE + wide + 6:.1f}" y="{y + 13}">{escape(bar.told)}</text>',
        ]
    if not bars:
        parts.append(f'<text x="{_LEFT}" y="{_TOP + 13}">nothing yet</text>')
    return "".join([*parts, "</svg>"])
