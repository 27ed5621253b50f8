"""One picture a month of a table of arbitrage, for where no page is: an image that carries itself in its address.

What lives here: which pair, coin or market a month's picture is of, and the picture on its own ground. What does not: the
drawing (``plot``, ``charts``), where it is shown (``assets``).

It stays small, since Dagster keeps it with every materialisation: a line has two points a pixel column at most.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.lake.buffers import column, or_nan, texts
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.model import tables
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, FUNDING_ANOMALIES, FUNDING_CARRY, VENUE_SPREADS
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant, Window
from qmd_platform.report import charts, figures
from qmd_platform.report.figures import HOUR_MS, number
from qmd_platform.report.lives import with_lives
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.plot import Frame, axes, line, mark, steps
from qmd_platform.report.reading import Snapshot, found
from qmd_platform.report.records import Wanted

BPS = charts.BPS
WIDE, TALL = 720, 210
MOST = 6
"""Markets in one picture: more colours than that nobody tells apart."""

_COLOURS = ("#c4570a", "#1464c8", "#08703c", "#6d3bb8", "#a8892b", "#56606d")
_STYLE = (
    "text{font:10px system-ui,sans-serif;fill:#56606d}.t{font-size:12px;font-weight:600;fill:#14181d}.e{text-anchor:end}"
    ".m{text-anchor:middle}path{fill:none;stroke-linejoin:round}.g{stroke:#dde1e7}.z{stroke:#b9c0ca}.w{stroke-width:1.5}"
    ".p{stroke:#14181d}.n{stroke:#6d3bb8}.c{stroke:#56606d;stroke-dasharray:4 3}text.c{stroke:none}"
    ".held{fill:#08703c;opacity:.1}path.open{fill:#08703c}path.close{fill:#b3261e}path.warn{fill:#b3261e}"
    + "".join(
        f".k{place}{{stroke:{colour}}}text.k{place}{{stroke:none;fill:{colour}}}"
        for place, colour in enumerate(_COLOURS)
    )
)

Picture = tuple[str, str, Markup]
"""A title, a line about it, and what is drawn under both."""


def markdown_of(lake: Lake, partition: Partition) -> str | None:
    """The picture of one month of a table of arbitrage as Markdown that needs no file; None where there is nothing."""
    made = _DRAWERS[partition.series.table](_Month(lake, partition))
    if made is None:
        return None
    title = made[0]
    picture = b64encode(_alone(*made).encode()).decode()
    words = title.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/svg+xml;base64,{picture})"


def _alone(title: str, about: str, drawn: Markup) -> Markup:
    tall = TALL + _HEAD
    ground = tag("rect", width=WIDE, height=tall, rx=8, fill="#fbfcfd")
    head = many(tag("text", title, class_="t", x=14, y=20), tag("text", about, x=14, y=36))
    inside = tag("svg", drawn, y=_HEAD, width=WIDE, height=TALL)
    view, name = f"0 0 {WIDE} {tall}", "http://www.w3.org/2000/svg"
    return tag(
        "svg", tag("style", Markup(_STYLE)), ground, head, inside, xmlns=name, viewBox=view, width=WIDE, height=tall
    )


_HEAD = 42
"""Pixels for the two lines above what is drawn."""


@dataclass(frozen=True, slots=True)
class _Month:
    lake: Lake
    partition: Partition

    @property
    def window(self) -> Window:
        return self.partition.window

    def rows(self) -> pa.Table:
        series = self.partition.series
        segments = [one for one in self.lake.ledger.segments(series) if one.partition == self.partition]
        return table_of(tables.table(series.table), self.lake.blobs.data, segments)

    def frame(self, values: Sequence[NDArray[np.float64]], right: int = 14) -> Frame:
        return Frame.around(self.window, values, width=WIDE, height=TALL, right=right)


def _hedges(month: _Month) -> Picture | None:
    """The pair that is best at the end of the month: its price spread with entries and exits, and what it earned."""
    snapshot = Snapshot.of(month.lake)
    wanted = Wanted(month.window.end - 1, month.window, None, 1)
    best = found(snapshot, tables.table(month.partition.series.table), wanted).pairs
    if not best:
        return None
    (pair,) = with_lives(snapshot, best, wanted)
    half = {"width": WIDE // 2, "height": TALL}
    left = tag("svg", charts.spread(pair, month.window, **half), **half)
    right = tag("svg", charts.earned(pair, month.window, **half), x=half["width"], **half)
    net = figures.percent(pair.row["net_168h_per_year"])
    about = f"net {net} a year (simple) if held 7 days; on the left the price spread, on the right what funding earned"
    return f"{pair.row['underlying']}: short {pair.short}, long {pair.long}", about, many(left, right)


def _carry(month: _Month) -> Picture | None:
    """Funding per hour of the coin whose venues are furthest apart, market by market."""
    rows = month.rows()
    if not len(rows):
        return None
    coins, coin = texts(rows.column("underlying").combine_chunks())
    markets, market = texts(rows.column("market").combine_chunks())
    hourly, hours, at = or_nan(rows, "rate_per_hour"), or_nan(rows, "interval_hours"), column(rows, "settled_at")
    mine = coin == _furthest_apart(coin, market, hourly)
    chosen = np.unique(market[mine]).tolist()[:MOST]
    known = np.isfinite(hourly)
    parts = [np.flatnonzero(mine & known & (market == one)) for one in chosen]
    frame = month.frame([hourly[part] * BPS for part in parts], right=52)
    drawn = [axes(frame, "bp/h", charts.A_YEAR, "% a year")]
    for place, part in enumerate(parts):
        ends = at[part]
        begins = ends - np.rint(hours[part] * HOUR_MS).astype(np.int64)
        drawn.append(steps(frame, begins, ends, hourly[part] * BPS, f"w k{place}"))
    drawn += _names(frame, [markets[one].partition(":")[0] for one in chosen])
    about = "each settled rate by its own interval; a hole is an interval that nothing proves"
    return f"{coins[int(coin[mine][0])]}: funding per hour by venue", about, many(drawn)


def _furthest_apart(coin: NDArray[np.int64], market: NDArray[np.int64], hourly: NDArray[np.float64]) -> int:
    """The coin of which two markets' mean funding differs most; where none has two, the one that pays most."""
    best, score = int(coin[0]), (0, 0.0)
    for one in np.unique(coin).tolist():
        mine = (coin == one) & np.isfinite(hourly)
        means = [float(hourly[mine & (market == each)].mean()) for each in np.unique(market[mine]).tolist()]
        found_ = (
            (min(len(means), 2), max(means) - min(means) if len(means) > 1 else abs(means[0])) if means else (0, 0.0)
        )
        if found_ > score:
            best, score = one, found_
    return best


def _anomalies(month: _Month) -> Picture | None:
    """Funding per hour of the market with the highest score, what is usual for it, and what was unusual."""
    rows = month.rows()
    scores = np.abs(np.nan_to_num(or_nan(rows, "z_robust")))
    if not scores.any():
        return None
    markets, market = texts(rows.column("market").combine_chunks())
    mine = np.flatnonzero(market == market[int(np.argmax(scores))])
    at, hourly = column(rows, "settled_at")[mine], or_nan(rows, "rate_per_hour")[mine] * BPS
    usual = or_nan(rows, "centre_per_hour")[mine] * BPS
    strange = np.array(rows.column("is_anomaly").to_pylist(), np.bool_)[mine]
    frame = month.frame([hourly, usual])
    drawn = [axes(frame, "bp/h"), line(frame, at, hourly, "p"), line(frame, at, usual, "w n")]
    drawn += _unusual(frame, at[strange], hourly[strange], scores[mine][strange])
    about = "black what was paid, violet the median of the days before, red what was unusual against them"
    return f"{markets[int(market[mine[0]])]}: funding per hour", about, many(drawn)


def _unusual(
    frame: Frame, at: NDArray[np.int64], values: NDArray[np.float64], scores: NDArray[np.float64]
) -> Iterator[Markup]:
    """The gravest of them marked."""
    for row in np.argsort(-scores)[:_MARKED].tolist():
        when: Instant = int(at[row])
        yield mark(
            frame,
            when,
            float(values[row]),
            "warn",
            f"{figures.minute(when)} z {number(scores[row])}",
            up=values[row] < 0,
        )


_MARKED = 40
"""Marks in one picture."""


def _names(frame: Frame, names: Sequence[str]) -> list[Markup]:
    """What each colour is, in a line above."""
    return [
        tag("text", name, class_=f"k{place}", x=frame.left + 10 + 80 * place, y=frame.top - 8)
        for place, name in enumerate(names)
    ]


_DRAWERS: dict[str, Callable[[_Month], Picture | None]] = {
    FUNDING_CARRY.name: _carry,
    FUNDING_ANOMALIES.name: _anomalies,
    VENUE_SPREADS.name: _hedges,
    CASH_AND_CARRY.name: _hedges,
}
