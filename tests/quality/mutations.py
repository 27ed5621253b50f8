"""Ways to spoil a clean month, and the rules that name each. Not here: the clean months (``test_mutations``).

A corruption takes a ``Month`` and gives one. Where more than one rule speaks, the docstring of the corruption says why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.model.candles import COLUMNS, PRICES, Candles, rolled_up
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, accounted, windows_of
from qmd_platform.model.window import Window
from qmd_platform.quality.judge import Beside
from tests.quality.tables import changed, half_built, with_value


@dataclass(frozen=True)
class Month:
    """A partition as it is to be judged, and candles of another market over the same time."""

    partition: Partition
    candles: Candles
    runs: list[Run]
    other: Candles
    shorter: Beside
    beside: Beside = field(default_factory=Beside)

    @property
    def step(self) -> int:
        return self.partition.series.timeframe.step


Spoil = Callable[[Month], Month]


def rows(month: Month, of: np.ndarray | slice) -> Month:
    return replace(month, candles=month.candles.take(of))


def dropped(row: int) -> Spoil:
    return lambda month: rows(month, np.delete(np.arange(len(month.candles)), row))


def valued(column: str, value: float, row: int = 300) -> Spoil:
    return lambda month: replace(month, candles=with_value(month.candles, column, row, value))


def twice(month: Month) -> Month:
    return rows(month, np.insert(np.arange(len(month.candles)), 300, 300))


def swapped(month: Month) -> Month:
    order = np.arange(len(month.candles))
    order[[300, 301]] = (301, 300)
    return rows(month, order)


def shifted(month: Month) -> Month:
    """The first candle is not there, and the last one is after what was stored, maybe in the next month."""
    return replace(month, candles=changed(month.candles, open_at=month.candles.open_at + month.step))


def off_grid(month: Month) -> Month:
    """The row is off the grid, and the candle it should have been is not there."""
    at = month.candles.open_at.copy()
    at[300] += 1000
    return replace(month, candles=changed(month.candles, open_at=at))


def low_above_high(month: Month) -> Month:
    high, low = month.candles.high.copy(), month.candles.low.copy()
    row = int(np.argmax(high > low))
    high[row], low[row] = low[row], high[row]
    return replace(month, candles=changed(month.candles, high=high, low=low))


def close_outside(month: Month) -> Month:
    return valued("close", float(month.candles.high[300]) * 1.001)(month)


def other_dtype(month: Month) -> Month:
    return replace(month, candles=changed(month.candles, volume=month.candles.volume.astype(np.float32)))


def half_built_pages(month: Month) -> Month:
    """The repetition is one sign, the disagreement with the shorter candles another."""
    return replace(month, candles=half_built(month.candles, 100), beside=month.shorter)


def half_built_once(month: Month) -> Month:
    one = half_built(month.candles.take(slice(0, 300)), 300)
    whole = Candles.concat([one, month.candles.take(slice(300, None))])
    return replace(month, candles=whole, beside=month.shorter)


def page_again(month: Month) -> Month:
    """Its rows are there twice, and the second time below later ones."""
    order = np.arange(len(month.candles))
    return rows(month, np.r_[order[:300], order[200:300], order[300:]])


def page_under_later_times(month: Month) -> Month:
    """Where a trend separates the pages the price jumps there too; the months used here have none so steep."""
    order = np.arange(len(month.candles))
    order[300:400] = order[200:300]
    return replace(month, candles=changed(month.candles.take(order), open_at=month.candles.open_at))


def spliced(part: slice) -> Spoil:
    """Rows of another market at another price: they are known by themselves, and the price jumps at the seams.

    So does the volume, where the other market trades in another order of magnitude.
    """

    def spoil(month: Month) -> Month:
        columns = {name: getattr(month.candles, name).copy() for name in COLUMNS[1:]}
        for name, values in columns.items():
            values[part] = getattr(month.other, name)[part]
        return replace(month, candles=changed(month.candles, **columns))

    return spoil


def scaled(part: slice, by: float, columns: tuple[str, ...] = PRICES) -> Spoil:
    def spoil(month: Month) -> Month:
        spoiled = {name: getattr(month.candles, name).copy() for name in columns}
        for values in spoiled.values():
            values[part] *= by
        return replace(month, candles=changed(month.candles, **spoiled))

    return spoil


def flat_outage(month: Month) -> Month:
    part, last = slice(300, 330), month.candles.close[299]
    prices = {name: getattr(month.candles, name).copy() for name in COLUMNS[1:]}
    for name, values in prices.items():
        values[part] = 0 if name == "volume" else last
    return replace(month, candles=changed(month.candles, **prices))


def omitted_outage(month: Month) -> Month:
    spoiled = rows(month, np.r_[0:300, 330 : len(month.candles)])
    return replace(spoiled, runs=with_empty(month, slice(300, 330)))


def edge_left_out(row: int) -> Spoil:
    return lambda month: replace(dropped(row)(month), runs=with_empty(month, slice(row, row + 1 or None)))


def with_empty(month: Month, part: slice) -> list[Run]:
    """Coverage that says of these candles that there are none."""
    at = month.candles.open_at[part]
    asked = [run.window for run in month.runs]
    there = windows_of(np.setdiff1d(month.candles.open_at, at), month.step)
    return accounted(asked, there, [Run(Window(int(at[0]), int(at[-1]) + month.step), State.VERIFIED_EMPTY)], "")


def stale(month: Month) -> Month:
    prices = {name: getattr(month.candles, name).copy() for name in PRICES}
    for values in prices.values():
        values[300:330] = values[300]
    return replace(month, candles=changed(month.candles, **prices))


def spike(month: Month) -> Month:
    return scaled(slice(300, 301), 1.8)(month)


def longer_rows(month: Month) -> Month:
    longer, _ = rolled_up(month.candles, 4 * month.step, month.step)
    return replace(month, candles=longer)


def forming(month: Month) -> Month:
    end = int(month.candles.open_at[-1]) + month.step
    return replace(month, beside=replace(month.beside, stored_at=end - 1000))


def restated(month: Month) -> Month:
    return replace(month, beside=replace(month.beside, restated=[int(month.candles.open_at[300])]))


CORRUPTIONS: list[tuple[str, Spoil, set[str]]] = [
    ("a row twice", twice, {"unique_open_times"}),
    ("a row gone inside", dropped(300), {"complete"}),
    ("the first row gone", dropped(0), {"complete"}),
    ("the last row gone", dropped(-1), {"complete"}),
    ("two rows exchanged", swapped, {"in_order"}),
    ("every row a step late", shifted, {"complete", "closed"}),
    ("a time off the grid", off_grid, {"on_the_grid", "complete"}),
    ("low above high", low_above_high, {"ohlc_order"}),
    ("a close above the high", close_outside, {"ohlc_order"}),
    ("a negative volume", valued("volume", -3.0), {"volume_not_negative"}),
    ("a negative price", valued("low", -3.0), {"positive_prices"}),
    ("a price of zero", valued("low", 0.0), {"positive_prices"}),
    ("a price that is no number", valued("close", np.nan), {"finite"}),
    ("an infinite price", valued("high", np.inf), {"finite"}),
    ("a column of another type", other_dtype, {"schema"}),
    ("a half-built candle at every page's end", half_built_pages, {"page_boundary", "agrees_with_shorter"}),
    ("one half-built candle", half_built_once, {"agrees_with_shorter"}),
    ("a page twice", page_again, {"unique_open_times", "in_order"}),
    ("a page again under later times", page_under_later_times, {"repeated_page"}),
    ("another market's rows from a row on", spliced(slice(300, None)), {"contamination", "price_jump"}),
    ("another market's page", spliced(slice(300, 400)), {"contamination", "price_jump"}),
    ("another market's month", spliced(slice(0, None)), {"contamination", "price_jump"}),
    ("prices tenfold from a row on", scaled(slice(300, None), 10), {"price_jump"}),
    ("prices a thousandfold for a page", scaled(slice(300, 400), 1000), {"price_jump"}),
    ("prices tenfold for the month", scaled(slice(0, None), 10), {"price_jump"}),
    ("volume in contracts from a row on", scaled(slice(300, None), 1e4, ("volume",)), {"volume_unit"}),
    ("volume in contracts for the month", scaled(slice(0, None), 1e4, ("volume",)), {"volume_unit"}),
    ("an outage printed flat", flat_outage, {"outage"}),
    ("an outage left out", omitted_outage, {"outage"}),
    ("the first row said to be empty", edge_left_out(0), {"edge_gap"}),
    ("the last row said to be empty", edge_left_out(-1), {"edge_gap"}),
    ("a price that stands still", stale, {"stale_price"}),
    ("a single spike", spike, {"price_jump"}),
    ("rows of a longer timeframe", longer_rows, {"complete"}),
    ("the forming candle kept", forming, {"closed"}),
    ("a row restated", restated, {"restated"}),
]

ALSO = {"every row a step late": {"on_the_grid"}, "another market's rows from a row on": {"volume_unit"}} | {
    "another market's month": {"volume_unit"}
}
"""Rules that may speak too, by corruption: whether they do depends on the month."""
