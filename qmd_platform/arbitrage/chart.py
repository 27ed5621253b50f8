"""A small picture of opportunities: a lane a pair, a bar an episode, darker while the position was held. Pure.

What lives here: lanes to SVG text, and to a Markdown image that carries the SVG in its address. What does not: which pairs
are shown and where (``assets``).
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from qmd_platform.model.window import Instant, Window

WIDTH, LANE = 720, 20
_LEFT, _RIGHT, _TOP, _BELOW = 280, 706, 40, 30
_WATCHED, _HELD = "#c9d6e6", "#3f9c6b"


@dataclass(frozen=True, slots=True)
class Bar:
    """An episode on the chart: epoch ms; None for what has not come to that."""

    began: Instant
    opened: Instant | None
    closed: Instant | None
    ended: Instant | None


Lane = tuple[str, Sequence[Bar]]
"""The name of a pair, and its episodes."""


def markdown_image(lanes: Sequence[Lane], window: Window, title: str, until: Instant) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(lanes, window, title, until).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(lanes: Sequence[Lane], window: Window, title: str, until: Instant) -> str:
    """A picture of ``window``, 720 pixels wide and 20 high a lane.

    Args:
        lanes: in the order they are drawn.
        window: what the picture spans.
        title: one line, written at the top.
        until: to where what goes on is drawn: now.
    """
    height = _TOP + LANE * max(len(lanes), 1) + _BELOW
    style = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f'<style>{style}</style><rect width="{WIDTH}" height="{height}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="14" y="22">{escape(title)}: watched (light), held (dark)</text>',
        f'<text x="{_LEFT}" y="{height - 10}">{_day(window.start)}</text>',
        f'<text class="e" x="{_RIGHT}" y="{height - 10}">{_day(window.end)}</text>',
    ]
    for row, (name, bars) in enumerate(lanes):
        y = _TOP + row * LANE
        parts.append(f'<text class="e" x="{_LEFT - 8}" y="{y + 13}">{escape(name)}</text>')
        for one in bars:
            parts.append(_box(one.began, until if one.ended is None else one.ended, window, y, _WATCHED))
            if one.opened is not None:
                parts.append(_box(one.opened, until if one.closed is None else one.closed, window, y, _HELD))
    if not lanes:
        parts.append(f'<text x="{_LEFT}" y="{_TOP + 13}">none</text>')
    return "".join([*parts, "</svg>"])


def _box(start: Instant, end: Instant, window: Window, y: int, colour: str) -> str:
    first, last = max(start, window.start), min(end, window.end)
    if last < first:
        return ""
    wide = (_RIGHT - _LEFT) / (window.end - window.start)
    x, width = _LEFT + (first - window.start) * wide, max((last - first) * wide, 1.0)
    return f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{LANE - 6}" fill="{colour}"/>'


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
