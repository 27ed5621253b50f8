"""How much is measured, and the made-up candles as files that every system's process reads before its clock starts.

What lives here: the sizes of a full and of a quick run, and the files. What does not: the generator (``market``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.storage.market import generated, name
from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Window

HOUR = 3_600_000
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run. ``quick`` ones prove that everything works; their times mean nothing."""

    markets: int
    """Markets in the big store and in the hourly append."""
    load: int
    """Markets loaded from an empty folder, again and again."""
    window: Window
    """What the big store and the load hold of each market."""
    times: int
    """Measured repetitions; there is one more before them, which does not count."""

    @property
    def history(self) -> Window:
        """What the open month holds before the hourly append: half of it, up to a noon."""
        return Window(self.window.end, self.window.end + 15 * DAY + 12 * HOUR)

    @property
    def day(self) -> Window:
        """The day that is read of all markets: their last."""
        return Window(self.window.end - DAY, self.window.end)

    @property
    def month(self) -> Window:
        """The month that is read of one market."""
        return Window.of("2025-02-01", "2025-03-01")

    def hour(self, number: int) -> Window:
        """The hour that is appended ``number``-th."""
        return Window(self.history.end + number * HOUR, self.history.end + (number + 1) * HOUR)

    @property
    def open_month(self) -> Window:
        """What the open month holds after the last hour."""
        return Window(self.history.start, self.hour(self.times).end)

    @property
    def names(self) -> list[str]:
        """All markets."""
        return [name(number) for number in range(self.markets)]


FULL = Scale(markets=100, load=10, window=Window.of("2025-01-01", "2026-01-01"), times=5)
QUICK = Scale(markets=2, load=1, window=Window.of("2025-01-01", "2025-03-01"), times=1)
SCALES = {"full": FULL, "quick": QUICK}


class Data:
    """The candles of a run below a folder: 48 bytes each."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        self._folder = folder
        self.scale = scale

    def prepare(self, recordings: Iterable[tuple[str, object, Candles]]) -> int:
        """Make them all, and keep ``recordings`` beside them; the number of candles of all years."""
        self._folder.mkdir(parents=True, exist_ok=True)
        opened = self.scale.open_month
        rows = 0
        for number in range(self.scale.markets):
            year = generated(number, self.scale.window)
            rows += len(year)
            self._save(f"year-{number}", year)
            # No outages in the open month: every system appends the same 60 candles.
            self._save(f"open-{number}", _whole(generated(number, Window(opened.start - DAY, opened.end)), opened))
        for name_of, _, candles in recordings:
            self._save(f"recorded-{name_of}", candles)
        return rows

    def recorded(self) -> list[Candles]:
        """The recordings; none where they are not at hand."""
        return [self._load(path.stem) for path in sorted(self._folder.glob("recorded-*.npy"))]

    def year(self, number: int) -> Candles:
        """All candles of the market in the scale's window."""
        return self._load(f"year-{number}")

    def open_month(self, number: int, window: Window) -> Candles:
        """Candles of the open month."""
        return self._load(f"open-{number}").within(window)

    def _save(self, stem: str, rows: Candles) -> None:
        floats = [rows.open_at.astype(np.float64), rows.open, rows.high, rows.low, rows.close, rows.volume]
        np.save(self._folder / f"{stem}.npy", np.stack(floats))

    def _load(self, stem: str) -> Candles:
        columns = np.load(self._folder / f"{stem}.npy")
        return Candles(columns[0].astype(np.int64), *columns[1:])


def _whole(rows: Candles, window: Window) -> Candles:
    """``rows`` of the window, where the market was unreachable with the candle before repeated."""
    open_at = np.arange(window.start, window.end, 60_000, dtype=np.int64)
    at = np.searchsorted(rows.open_at, open_at, side="right") - 1
    filled = rows.take(at)
    return Candles(open_at, filled.open, filled.high, filled.low, filled.close, filled.volume)
