"""Equity curves as a small picture. Pure.

What lives here: profit over time to SVG text, and to a Markdown image that carries the SVG in its address. What does not:
where it is shown (``assets``, the docs), which curves are worth showing.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column

WIDTH, HEIGHT = 760, 310
POINTS = 240
"""A curve of more is drawn by as many, evenly apart, and its last: a picture must stay small."""

_LEFT, _RIGHT, _TOP, _FLOOR = 14, 690, 44, 226
_LINE = 12
_COLOURS = ("#2f6fb0", "#3f9c6b", "#e39b2e", "#d6453d", "#7a5aa6", "#5b6570")
_STYLE = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Profit at the instants ``at`` (epoch ms, rising), as a fraction of the capital."""

    name: str
    at: NDArray[np.int64]
    profit: Column


def markdown_image(curves: Sequence[Curve], title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(curves, title).encode()).decode()
    return f"![{title.replace('[', '(').replace(']', ')')}](data:image/svg+xml;base64,{picture})"


def svg(curves: Sequence[Curve], title: str) -> str:
    """The curves in one picture, 760 x 310 pixels, in percent of the capital.

    Args:
        curves: at most six are told apart by colour; those without points are left out.
        title: one line, written at the top.
    """
    drawn = [one for one in curves if len(one.at)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="{_LEFT}" y="22">{escape(title)}: profit, % of the capital</text>',
    ]
    if drawn:
        parts += _lines(drawn)
    else:
        parts.append(f'<text x="{_LEFT}" y="{(_TOP + _FLOOR) // 2}">nothing was simulated</text>')
    return "".join([*parts, "</svg>"])


def _lines(curves: Sequence[Curve]) -> list[str]:
    start, end = min(int(one.at[0]) for one in curves), max(int(one.at[-1]) for one in curves)
    top = max(0.0, *(float(one.profit.max()) for one in curves))
    bottom = min(0.0, *(float(one.profit.min()) for one in curves))
    wide, tall = (_RIGHT - _LEFT) / ((end - start) or 1), (_FLOOR - _TOP) / ((top - bottom) or 1)
    zero = _TOP + top * tall
    parts = [f'<path d="M{_LEFT} {zero:.1f}H{_RIGHT}" stroke="#c6ccd2"/>']
    for place, one in enumerate(curves):
        rows = _few(len(one.at))
        xs, ys = _LEFT + (one.at[rows] - start) * wide, zero - one.profit[rows] * tall
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
        colour = _COLOURS[place % len(_COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        x, y = _LEFT + (place % 2) * 350, _FLOOR + 40 + (place // 2) * 16
        told = f"{escape(one.name)}: {100 * float(one.profit[-1]):+.2f} %"
        parts.append(f'<text x="{x}" y="{y}"><tspan fill="{colour}">&#9632;</tspan> {told}</text>')
    return [*parts, *_axis(start, end, (top, bottom, zero))]


def _axis(start: int, end: int, levels: tuple[float, float, float]) -> list[str]:
    top, bottom, zero = levels
    return [
        f'<text x="{_LEFT}" y="{_FLOOR + 18}">{_day(start)}</text>',
        f'<text class="e" x="{_RIGHT}" y="{_FLOOR + 18}">{_day(end)}</text>',
        f'<text x="{_RIGHT + 6}" y="{_TOP + 4}">{100 * top:.2f} %</text>' if top > 0 else "",
        f'<text x="{_RIGHT + 6}" y="{_FLOOR + 4}">{100 * bottom:.2f} %</text>' if bottom < 0 else "",
        f'<text x="{_RIGHT + 6}" y="{zero + 4:.1f}">0</text>' if _is_apart(zero) else "",
    ]


def _is_apart(zero: float) -> bool:
    """Whether there is room for a 0 between the highest and the lowest figure."""
    return min(zero - _TOP, _FLOOR - zero) > _LINE or zero in {_TOP, _FLOOR}


def _few(count: int) -> NDArray[np.intp]:
    """At most ``POINTS`` rows of so many, evenly apart; the last is one of them."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(np.intp))


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")
