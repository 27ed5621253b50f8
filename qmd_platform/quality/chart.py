"""A small picture of a partition: the price line over its range, and a strip of what is there.

What lives here: candles and coverage to SVG text, and to a Markdown image that carries the SVG in its address. What
does not: where it is shown (``assets``).

No drawing library: matplotlib costs about 0.6 s an import, and every run that shows a receipt would pay it. Some
240 points are all that a receipt's width can show, so the picture stays under 8 KB whatever the partition.

It has a background of its own, so that it reads on the Dagster UI's light and dark pages alike.
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window, month_window, months

WIDTH, HEIGHT = 720, 256
POINTS = 240
"""Price points a picture is made of."""

BOXES = 60
"""Coverage runs drawn one by one; where there are more, the strip is cut into so many equal slices."""

Box = tuple[int, int, State]
"""A stretch of coverage: from, to (epoch ms), state."""

_LEFT, _RIGHT, _TOP, _FLOOR = 14, 630, 40, 186
_STRIP, _STRIP_HEIGHT = 196, 14
_COLOURS = {
    State.PRESENT: "#3f9c6b",
    State.VERIFIED_EMPTY: "#9db8d9",
    State.UNLISTED: "#d5d9de",
    State.QUARANTINED: "#e39b2e",
    State.MISSING: "#d6453d",
}
"""From best to worst: the worse is drawn over the better."""

_BAD = (State.MISSING, State.QUARANTINED)

_SIGNIFICANT = 6


def markdown_image(candles: Candles, runs: Sequence[Run], window: Window, title: str) -> str:
    """The picture of ``svg`` as Markdown that needs no file: ``![title](data:image/svg+xml;base64,...)``."""
    picture = b64encode(svg(candles, runs, window, title).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def svg(candles: Candles, runs: Sequence[Run], window: Window, title: str) -> str:
    """A picture of ``window``, 720 x 256 pixels.

    Args:
        candles: sorted; those outside the window are left out.
        runs: coverage; outside the window is left out. Where no run speaks the strip stays empty.
        window: what the picture spans, a partition's month or longer.
        title: one line, written at the top.
    """
    shown, known = candles.within(window), _spoken(runs, window)
    style = "text{font:12px system-ui,sans-serif;fill:#5b6570}.t{font-weight:600;fill:#20262d}.e{text-anchor:end}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<style>{style}</style><rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fbfcfd"/>',
        f'<text class="t" x="{_LEFT}" y="22">{escape(title)}</text>',
        *_axis(window),
        *(_prices(shown, window) if len(shown) else _nothing()),
        *_strip(known, window),
        *_legend({state for _, _, state in known}),
        "</svg>",
    ]
    return "".join(parts)


def _across(at: int | NDArray[np.int64], window: Window) -> NDArray[np.float64]:
    return _LEFT + (np.asarray(at) - window.start) * ((_RIGHT - _LEFT) / (window.end - window.start))


def _nothing() -> list[str]:
    middle = (_LEFT + _RIGHT) // 2
    return [f'<text x="{middle}" y="{(_TOP + _FLOOR) // 2}" text-anchor="middle">no candles</text>']


def _prices(candles: Candles, window: Window) -> list[str]:
    """The band from low to high, the line of closes, and the highest, lowest and last price by name."""
    edges = np.linspace(window.start, window.end, POINTS + 1)
    first = np.unique(np.searchsorted(candles.open_at, edges[:-1]))
    first = first[first < len(candles)]
    last = np.r_[first[1:], len(candles)] - 1
    high, low = np.maximum.reduceat(candles.high, first), np.minimum.reduceat(candles.low, first)
    close = candles.close[last]
    top, bottom = _bounds(high, low)
    x = _across((candles.open_at[first] + candles.open_at[last]) // 2, window)
    up, down, line = (_down(values, top, bottom) for values in (high, low, close))
    pieces = _pieces(candles.open_at[first], window)
    bands = "".join(_path([*_points(x[p], up[p]), *_points(x[p][::-1], down[p][::-1])]) + "z" for p in pieces)
    lines = "".join(_path(_points(x[p], line[p])) for p in pieces)
    return [
        f'<path d="{bands}" fill="#b9cbe4" stroke="#b9cbe4" stroke-width="1.5" stroke-linejoin="round"/>',
        f'<path d="{lines}" fill="none" stroke="#1f4f8f" stroke-width="1.5" stroke-linejoin="round"/>',
        *_labels(top, bottom, float(close[-1]), float(x[-1])),
    ]


def _bounds(high: NDArray[np.float64], low: NDArray[np.float64]) -> tuple[float, float]:
    """Highest and lowest finite price; damaged rows must not blank the picture."""
    values = np.concatenate([high, low])
    values = values[np.isfinite(values)]
    return (float(values.max()), float(values.min())) if len(values) else (1.0, 0.0)


def _down(values: NDArray[np.float64], top: float, bottom: float) -> NDArray[np.float64]:
    """Prices as heights on the page; a price that is not finite lies on the floor."""
    finite = np.nan_to_num(values, nan=bottom, posinf=top, neginf=bottom)
    return _FLOOR - (finite - bottom) * ((_FLOOR - _TOP) / ((top - bottom) or 1))


def _pieces(starts: NDArray[np.int64], window: Window) -> list[slice]:
    """Stretches of points without a gap wider than a few points' breadth: no line is drawn over a hole."""
    usual = max((window.end - window.start) / POINTS, float(np.median(np.diff(starts))) if len(starts) > 1 else 0)
    breaks = np.flatnonzero(np.diff(starts) > 2.5 * usual) + 1
    bounds = [0, *breaks.tolist(), len(starts)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(x.round(0).tolist(), y.round(0).tolist(), strict=True))


def _path(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through whole pixels, written as steps from point to point: half the bytes."""
    x, y = points[0]
    words = [f"M{x:g} {y:g}l"]
    for after_x, after_y in points[1:] or [(x + 1, y)]:
        words.append(f"{after_x - x:g} {after_y - y:g} ")
        x, y = after_x, after_y
    return "".join(words).replace(" -", "-").rstrip()


def _labels(top: float, bottom: float, last: float, x: float) -> list[str]:
    """Highest, lowest and last price right of the picture, the last one kept clear of the others."""
    y = float(_down(np.array([last]), top, bottom)[0])
    beside = min(max(y + 4, _TOP + 18), _FLOOR - 14)
    at = _RIGHT + 8
    return [
        f'<text x="{at}" y="{_TOP + 4}">{_price(top)}</text><text x="{at}" y="{_FLOOR}">{_price(bottom)}</text>',
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#1f4f8f"/>',
        f'<text class="t" x="{at}" y="{beside:.0f}">{_price(last)}</text>',
    ]


def _price(value: float) -> str:
    if abs(value) < 1:
        return f"{value:.{_SIGNIFICANT}g}"
    digits = max(_SIGNIFICANT - len(f"{abs(value):.0f}"), 1)
    return f"{value:,.{digits}f}".rstrip("0").removesuffix(".")


def _axis(window: Window) -> list[str]:
    """Faint lines at days of the month (or at months, where there are several) with their dates."""
    spans = list(months(window))
    if len(spans) > 1:
        marks = [(month_window(month).start, f"{_date(month_window(month).start):%b %Y}") for month, _ in spans]
    else:
        start = month_window(spans[0][0]).start
        marks = [
            (at, f"{_date(at):%b} {_date(at).day}") for day in (0, 7, 14, 21, 28) for at in [start + day * 86_400_000]
        ]
    marks = [(at, text) for at, text in marks if window.start <= at < window.end]
    marks = marks[:: -(-len(marks) // 8)] if marks else []
    words = []
    for at, text in marks:
        x = f"{float(_across(at, window)):.0f}"
        words.append(
            f'<path d="M{x} {_TOP}V{_STRIP + _STRIP_HEIGHT}" stroke="#e3e7ec"/><text x="{x}" y="226">{text}</text>'
        )
    return words


def _date(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _spoken(runs: Sequence[Run], window: Window) -> list[Box]:
    """The parts of ``runs`` inside ``window``, as plain numbers: a venue that omits empty minutes has thousands."""
    start, end = window.start, window.end
    known = ((run.window.start, run.window.end, run.state) for run in runs)
    return [(max(a, start), min(b, end), state) for a, b, state in known if a < end and b > start]


def _strip(boxes: Sequence[Box], window: Window) -> list[str]:
    """Coverage as coloured boxes, none thinner than two pixels: a single missing candle must be seen."""
    drawn = _sliced(boxes, window) if len(boxes) > BOXES else boxes
    words = []
    for state, colour in _COLOURS.items():
        shapes = []
        for start, end in ((start, end) for start, end, told in drawn if told is state):
            x, after = float(_across(start, window)), float(_across(end, window))
            width = f"{max(after - x, 2):.1f}"
            shapes.append(f"M{x:.1f} {_STRIP}h{width}v{_STRIP_HEIGHT}h-{width}z")
        if shapes:
            words.append(f'<path d="{"".join(shapes)}" fill="{colour}"/>')
    return words


def _sliced(boxes: Sequence[Box], window: Window) -> list[Box]:
    """``BOXES`` equal slices of the window: in a bad state if any candle of it is, else in the commonest."""
    edges = np.linspace(window.start, window.end, BOXES + 1).astype(np.int64)
    time_in = {state: _time_in(state, boxes, edges) for state in _COLOURS}
    states = [_state({state: int(times[n]) for state, times in time_in.items() if times[n]}) for n in range(BOXES)]
    result: list[Box] = []
    for state, group in groupby(range(BOXES), states.__getitem__):
        slices = list(group)
        if state is not None:
            result.append((int(edges[slices[0]]), int(edges[slices[-1] + 1]), state))
    return result


def _state(spent: dict[State, int]) -> State | None:
    """What a slice is drawn as, from the time spent in each state."""
    bad = [state for state in _BAD if state in spent]
    return bad[0] if bad else max(spent, key=spent.__getitem__, default=None)


def _time_in(state: State, boxes: Sequence[Box], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Milliseconds of each slice between ``edges`` that are in ``state``."""
    spans = np.array([(start, end) for start, end, told in boxes if told is state], np.int64).reshape(-1, 2)
    until_edge: NDArray[np.int64] = np.clip(edges[:, None] - spans[:, 0], 0, spans[:, 1] - spans[:, 0]).sum(axis=1)
    return np.diff(until_edge)


def _legend(there: set[State]) -> list[str]:
    """The states that occur, each with its colour."""
    words, x = [], _LEFT
    for state, colour in _COLOURS.items():
        if state in there:
            words.append(f'<rect x="{x}" y="237" width="9" height="9" fill="{colour}"/>')
            words.append(f'<text x="{x + 13}" y="246">{state.value.replace("_", " ")}</text>')
            x += 32 + 7 * len(state.value)
    return words
