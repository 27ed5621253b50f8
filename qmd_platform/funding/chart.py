"""A small picture of a month of funding: a bar a settlement, as a yearly rate by its own interval. Pure.

What lives here: settlements to SVG text, and to a Markdown image that carries the SVG in its address. What does not:
where it is shown (``assets``). Bars and not a line: a rate is paid at an instant, not in between.
"""

from base64 import b64encode
from datetime import UTC, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmd_platform.funding.annual import simple_apr
from qmd_platform.funding.intervals import Intervals
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _FLOOR = 14, 630, 40, 180
_POSITIVE, _NEGATIVE, _SUSPECT = "#3f9c6b", "#d6453d", "#e39b2e"


def markdown_image(settlements: Settlements, found: Intervals, window: Window, title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(settlements, found, window, title).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(settlements: Settlements, found: Intervals, window: Window, title: str) -> str:
    """A picture of ``window``, 720 x 220 pixels.

    Args:
        settlements: sorted, all inside the window.
        found: the interval of each; one of which nothing is known has no bar.
        window: what the picture spans.
        title: one line, written at the top.
    """
    percent = 100 * simple_apr(settlements.rate, found.hours)
    is_drawn = np.isfinite(percent)
    style = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<style>{style}</style><rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="{_LEFT}" y="22">{escape(title)}: funding, % a year (simple, by its own interval)</text>',
        f'<text x="{_LEFT}" y="{HEIGHT - 12}">{_day(window.start)}</text>',
        f'<text class="e" x="{_RIGHT}" y="{HEIGHT - 12}">{_day(window.end)}</text>',
    ]
    if is_drawn.any():
        parts += _bars(settlements.settled_at[is_drawn], percent[is_drawn], found.suspect[is_drawn], window)
    else:
        parts.append(f'<text x="{_LEFT}" y="{(_TOP + _FLOOR) // 2}">no settlement of a known interval</text>')
    return "".join([*parts, "</svg>"])


def _bars(at: NDArray[np.int64], percent: NDArray[np.float64], suspect: NDArray[np.bool_], window: Window) -> list[str]:
    top, bottom = max(float(percent.max()), 0.0), min(float(percent.min()), 0.0)
    tall = (_FLOOR - _TOP) / ((top - bottom) or 1)
    zero = _TOP + top * tall
    wide = (_RIGHT - _LEFT) / (window.end - window.start)
    width = max(min((_RIGHT - _LEFT) / len(at) * 0.7, 8), 0.6)
    parts = []
    for when, value, is_suspect in zip(at.tolist(), percent.tolist(), suspect.tolist(), strict=True):
        x = _LEFT + (when - window.start) * wide - width / 2
        colour = _SUSPECT if is_suspect else _POSITIVE if value >= 0 else _NEGATIVE
        y, height = (zero - value * tall, value * tall) if value >= 0 else (zero, -value * tall)
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" fill="{colour}"/>'
        )
    return [
        f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#c6ccd2"/>',
        *parts,
        f'<text x="{_RIGHT + 8}" y="{_TOP + 4}">{top:.2f} %</text>',
        f'<text x="{_RIGHT + 8}" y="{_FLOOR + 4}">{bottom:.2f} %</text>',
        *([f'<text x="{_RIGHT + 8}" y="{zero:.1f}">0</text>'] if bottom < 0 < top else []),
    ]


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
