"""The three pictures of a pair: what each leg pays, how far the prices are apart, what was earned. Pure.

What lives here: which lines and marks there are. What does not: axes and paths (``plot``), the captions around them
(``section``).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qmd_platform.funding.annual import HOURS_PER_YEAR
from qmd_platform.model.window import Instant, Window
from qmd_platform.report import figures
from qmd_platform.report.figures import HOUR_MS, number
from qmd_platform.report.legs import Leg
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.plot import Frame, axes, band, level, line, mark, steps
from qmd_platform.report.records import Change, History, Life, Pair

BPS = 10_000
A_YEAR = HOURS_PER_YEAR / 100
"""Basis points an hour to per cent a year, simple."""

Column = NDArray[np.float64]


def funding(pair: Pair, short: Leg, long: Leg, window: Window) -> Markup:
    """Both legs' funding per hour: a settled rate is a step as long as its interval, unknown ones are a hole."""
    legs = [(leg, *_stepped(leg, window)) for leg in (short, long)]
    frame = Frame.around(window, [values for _, _, _, values in legs], right=52)
    drawn = [
        steps(frame, begins, ends, values, f"w {side}")
        for side, (_, begins, ends, values) in zip("sl", legs, strict=True)
    ]
    holes = [hole for leg, *_ in legs for hole in _holes(frame, leg)]
    title = (
        f"Funding per hour of {pair.short} (short) and {pair.long} (long), basis points, in steps of their intervals"
    )
    return svg(frame, title, many(axes(frame, "bp/h", A_YEAR, "% a year"), drawn, holes))


def _stepped(leg: Leg, window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64], Column]:
    """Begin, end and basis points an hour of each settlement in the window."""
    if leg.is_spot:
        return np.array([window.start]), np.array([window.end]), np.zeros(1)
    lo, hi = (int(row) for row in np.searchsorted(leg.settlements.settled_at, [window.start, window.end]))
    ends, hours = leg.settlements.settled_at[lo:hi], leg.found.hours[lo:hi]
    known = np.isfinite(hours) & (hours > 0)
    ends, hours = ends[known], hours[known]
    begins = ends - np.rint(hours * HOUR_MS).astype(np.int64)
    return begins, ends, leg.settlements.rate[lo:hi][known] / hours * BPS


def _holes(frame: Frame, leg: Leg) -> Iterator[Markup]:
    """A mark where a settlement seems to be missing."""
    at = leg.settlements.settled_at[leg.found.suspect].tolist()
    for instant in at:
        words = f"{leg.market}: a settlement before {figures.minute(instant)} seems to be missing"
        yield mark(frame, instant, 0.0, "warn", words, up=True)


def spread(pair: Pair, window: Window, **sizes: int) -> Markup:
    """How far the short leg's price is above the long leg's, with where the rules opened and closed the pair.

    ``sizes`` are those of the ``Frame``, in pixels.
    """
    history = pair.history
    frame = Frame.around(window, [history.price_spread_bps], **sizes)
    drawn = many(
        axes(frame, "bp"),
        _held(frame, pair, window),
        line(frame, history.at, history.price_spread_bps, "w p"),
        _marks(frame, pair, history.price_spread_bps),
    )
    return svg(frame, f"Price of {pair.short} over {pair.long}, basis points, with entries and exits", drawn)


def earned(pair: Pair, window: Window, **sizes: int) -> Markup:
    """What the direction of now has earned by funding since the window began, beside what a round trip costs."""
    values = gained(pair.history)
    cost = pair.row["cost_bps"]
    frame = Frame.around(window, [values, np.array([np.nan if cost is None else cost])], **sizes)
    drawn = many(
        axes(frame, "bp"),
        _held(frame, pair, window),
        "" if cost is None else level(frame, cost, "c", f"round trip {number(cost)} bp"),
        line(frame, pair.history.at, values, "w n"),
        _marks(frame, pair, values),
    )
    title = f"Funding earned short {pair.short}, long {pair.long} since {figures.minute(window.start)}, basis points"
    return svg(frame, title, drawn)


def gained(history: History) -> Column:
    """Earned since the first row of the window, basis points."""
    known = history.earned[np.isfinite(history.earned)]
    return np.asarray((history.earned - (known[0] if len(known) else 0.0)) * BPS)


def held(life: Life | None, until: Instant) -> list[tuple[Change, Instant]]:
    """Each opening with when it was closed; with ``until`` where it was not."""
    spans: list[tuple[Change, Instant]] = []
    opened: Change | None = None
    for change in life.changes if life else ():
        if change.after == "OPEN":
            opened = change
        elif change.after == "CLOSE" and opened is not None:
            spans.append((opened, change.at))
            opened = None
    return [*spans, (opened, until)] if opened is not None else spans


def _held(frame: Frame, pair: Pair, window: Window) -> Iterator[Markup]:
    """The time in which the rules held the pair, shaded."""
    for change, end in held(pair.life, window.end):
        words = f"held from {figures.minute(change.at)}, episode {change.episode}"
        yield band(frame, max(change.at, window.start), end, "held", words)


def _marks(frame: Frame, pair: Pair, values: Column) -> Iterator[Markup]:
    """Up where the rules opened, down where they closed."""
    for change in pair.life.changes if pair.life else ():
        if change.after in ("OPEN", "CLOSE") and len(values):
            row = max(int(np.searchsorted(pair.history.at, change.at, side="right")) - 1, 0)
            words = f"{change.after} {figures.minute(change.at)}: {change.reason}"
            yield mark(frame, change.at, float(values[row]), change.after.lower(), words, up=change.after == "OPEN")


def svg(frame: Frame, title: str, *drawn: Markup) -> Markup:
    """The picture, with its title for those who cannot see it."""
    return tag("svg", tag("title", title), *drawn, viewBox=f"0 0 {frame.width} {frame.height}", role="img")
