"""What of the heard is written down, what was heard last, and where nothing was.

What lives here: the choice, the view of candles in progress, the seams. What does not: writing (``live.log``), waiting
(``live.queue``).

A seam is the time between two closed candles of a series that were heard one after the other, when there are steps
between them: connections were lost, candles were dropped, or the venue had no trades. The live side knows only that it
heard nothing; the REST tail fills it or proves it empty. A candle that comes late takes its hole away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qmd_platform.live.early import has_begun, is_early
from qmd_platform.live.frames import Rows
from qmd_platform.live.queue import Batch, told_fields
from qmd_platform.live.told import Newest
from qmd_platform.model.candles import COLUMNS
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import subtracted, united
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark

REMEMBERED = 1000
"""Closed candles of a series that are known again, by a number made of their values: Kraken says 720 anew after a reconnect."""

HOLES = 100
"""Holes of a series that are told; of more the newest. The lake knows them all."""


@dataclass(slots=True)
class Keeping:
    """What one collector knows of what it heard.

    Attributes:
        marks_seconds: how often what is said of a perpetual is kept; in between only the newest is known.
        is_live: whether the venue is a real one, and our clock can be held to it.
        closed, forming: the newest candle of each series that is closed, and in progress.
        holes: of each series, the time after its first heard candle of which none was heard.
        repeated: closed candles heard again with the same values.
        contradicted: closed candles heard again with others.
        early: candles called closed that were not over, and prices dated ahead (``live.early``).
    """

    marks_seconds: float = 60.0
    is_live: bool = False
    closed: dict[Series, Newest] = field(default_factory=dict)
    forming: dict[Series, Newest] = field(default_factory=dict)
    holes: dict[Series, list[Window]] = field(default_factory=dict)
    repeated: int = 0
    contradicted: int = 0
    early: int = 0
    _until: dict[Series, Instant] = field(default_factory=dict)
    _said: dict[Series, dict[Instant, int]] = field(default_factory=dict)
    _marks: dict[tuple[Market, tuple[bool, ...]], HeardMark] = field(default_factory=dict)
    _marks_due: float | None = None

    def resume(self, series: Series, rows: Rows) -> None:
        """Say what an earlier collector heard last of ``series`` (``frames.CANDLE``): what comes next closes a seam with it."""
        if not len(rows):
            return
        self._until[series] = int(rows["open_at"].max()) + series.timeframe.step
        said = zip(rows["open_at"].tolist(), rows[list(COLUMNS[1:])].tolist(), strict=True)
        self._said[series] = {at: hash(values) for at, values in said}

    def worth(self, batch: Batch, now: float, *, is_last: bool = False) -> list[Heard]:
        """What of ``batch`` is to be written; marks of the batches before too, when they are due.

        Args:
            batch: what waited.
            now: seconds of a clock that only runs forward.
            is_last: nothing follows: marks are due.
        """
        for one in batch.forming:
            self.forming[one.series] = _newest(one)
        found: list[Heard] = []
        for one in batch.closed:
            if is_early(one, is_live=self.is_live):
                self.early += 1
                if has_begun(one, is_live=self.is_live):
                    self.lost(one.series, one.open_at)
            elif self._is_news(one):
                found.append(one)
        return [*found, *self._due(batch.marks, now, is_last=is_last)]

    def _due(self, heard: Sequence[HeardMark], now: float, *, is_last: bool) -> list[HeardMark]:
        marks = [one for one in heard if not is_early(one, is_live=self.is_live)]
        self.early += len(heard) - len(marks)
        self._marks |= {(one.market, told_fields(one)): one for one in marks}
        if self._marks_due is None:
            self._marks_due = now
        if not self._marks or not (is_last or now >= self._marks_due):
            return []
        found = list(self._marks.values())
        self._marks.clear()
        self._marks_due = now + self.marks_seconds
        return found

    def kept(self, records: Sequence[Heard]) -> None:
        """``records`` are durable."""
        for one in records:
            if isinstance(one, HeardCandle):
                self._heard(one)

    def refused(self, records: Sequence[Heard]) -> None:
        """``records`` could not be written: as if they had not been heard."""
        for one in records:
            if isinstance(one, HeardCandle):
                self._said.get(one.series, {}).pop(one.open_at, None)
                self.lost(one.series, one.open_at)

    def lost(self, series: Series, open_at: Instant) -> None:
        """One closed candle was heard and is not kept."""
        step = series.timeframe.step
        at = open_at // step * step
        if at >= self._until.setdefault(series, at):
            self._until[series] = at + step
        self._hole(series, Window(at, at + step))

    def _is_news(self, one: HeardCandle) -> bool:
        said = self._said.setdefault(one.series, {})
        values = hash((one.open, one.high, one.low, one.close, one.volume))
        before = said.pop(one.open_at, None)
        said[one.open_at] = values
        while len(said) > REMEMBERED:
            del said[next(iter(said))]
        self.repeated += before == values
        self.contradicted += before is not None and before != values
        return before != values

    def _heard(self, one: HeardCandle) -> None:
        step, series = one.series.timeframe.step, one.series
        until = self._until.get(series, one.open_at)
        if one.open_at > until:
            self._hole(series, Window(until, one.open_at))
        self._until[series] = max(until, one.open_at + step)
        if series in self.holes:
            self.holes[series] = subtracted(self.holes[series], [Window(one.open_at, one.open_at + step)])
        if series not in self.closed or one.open_at >= self.closed[series].open_at:
            self.closed[series] = _newest(one)

    def _hole(self, series: Series, hole: Window) -> None:
        self.holes[series] = united([*self.holes.get(series, []), hole])[-HOLES:]


def _newest(one: HeardCandle) -> Newest:
    return Newest(one.open_at, one.close, one.received_at)
