"""A small picture of lines over time: mark, index and premium of a month, the basis of some markets. Pure.

What lives here: columns to SVG text, and to a Markdown image that carries the SVG in its address. What does not: candles
(``chart``), funding (``funding.chart``), where it is shown (``assets``). A line is broken where there is no value for longer
than an hour.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _FLOOR = 14, 610, 46, 180
_COLOURS = ("#2f6fb0", "#e39b2e", "#3f9c6b", "#d6453d", "#7d5bb0", "#5b6570")
MOST = len(_COLOURS)
"""Lines that are told apart by colour; more are not drawn."""
_APART = Timeframe.H1.step


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line: values at instants, epoch ms, sorted; NaN where there is none."""

    name: str
    at: NDArray[np.int64]
    values: NDArray[np.float64]


def markdown_image(lines: Sequence[Line], window: Window, title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(lines, window, title).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(lines: Sequence[Line], window: Window, title: str) -> str:
    """A picture of ``window``, 720 x 220 pixels: the first ``MOST`` of ``lines``, the names above in their colours."""
    style = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<style>{style}</style><rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="{_LEFT}" y="20">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="{HEIGHT - 12}">{_day(window.start)}</text>',
        f'<text class="e" x="{_RIGHT}" y="{HEIGHT - 12}">{_day(window.end)}</text>',
    ]
    drawn = [line for line in lines[:MOST] if np.isfinite(line.values).any()]
    if drawn:
        parts += _drawn(drawn, window)
    else:
        parts.append(f'<text x="{_LEFT}" y="{(_TOP + _FLOOR) // 2}">nothing is known</text>')
    return "".join([*parts, "</svg>"])


def _drawn(lines: Sequence[Line], window: Window) -> Iterator[str]:
    top = max(float(np.nanmax(line.values)) for line in lines)
    bottom = min(float(np.nanmin(line.values)) for line in lines)
    tall, wide = (_FLOOR - _TOP) / ((top - bottom) or 1), (_RIGHT - _LEFT) / (window.end - window.start)
    if bottom < 0 < top:
        zero = f"{_TOP + top * tall:.1f}"
        yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{zero}" y2="{zero}" stroke="#c6ccd2"/>'
        yield f'<text x="{_RIGHT + 8}" y="{zero}">0</text>'
    for number, (line, colour) in enumerate(zip(lines, _COLOURS, strict=False)):
        x, y = _LEFT + (line.at - window.start) * wide, _TOP + (top - line.values) * tall
        for piece in _pieces(line):
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[piece].tolist(), y[piece].tolist(), strict=True))
            yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2" stroke-linecap="round"/>'
        yield f'<text x="{_LEFT + number * 116}" y="36" style="fill:{colour}">{escape(line.name[:18])}</text>'
    yield f'<text x="{_RIGHT + 8}" y="{_TOP + 4}">{top:.6g}</text>'
    yield f'<text x="{_RIGHT + 8}" y="{_FLOOR + 4}">{bottom:.6g}</text>'


def _pieces(line: Line) -> list[NDArray[np.intp]]:
    """The rows of each unbroken piece."""
    known = np.flatnonzero(np.isfinite(line.values))
    return np.split(known, np.flatnonzero(np.diff(line.at[known]) > _APART) + 1)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
