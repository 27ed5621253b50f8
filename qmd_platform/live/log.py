"""The append log: closed candles and marks as venues said them, durable, one file a venue and day.

What lives here: ``Log``, the one door to it. What does not: the bytes (``live.frames``, ``live.files``, ``live.reading``),
who is listened to (``live.collector``), taking it into the lake (``ingest.absorbed``).

| path below QMD_HOME/live | has |
|---|---|
| ``world`` | whose words these are: ``live`` or ``sandbox`` |
| ``<venue>/candles-2026-11-21.log`` | closed candles that open on that day (UTC), in the order they were heard |
| ``<venue>/marks-2026-11-21.log`` | mark, index and predicted funding said on that day |

One process writes to a venue's files, any number reads them, also while they grow. A forming candle is never written.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qmd_platform.errors import LakeError, WrongWorld
from qmd_platform.live import frames, places
from qmd_platform.live.files import Appender, deleted, written_at
from qmd_platform.live.frames import CANDLES, MARKS, Rows
from qmd_platform.live.places import STEMS
from qmd_platform.live.reading import FileView, candles_of
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant, Window, iso
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark

FOLDER = "live"
"""Where the log of a home is in it."""

OPEN_FILES = 8
"""Files that are kept open for appending: yesterday's and today's of each kind, and some more."""

KEPT_VIEWS = 32
"""Files whose rows are kept in memory after a look; of 200 markets one has up to 21 MB."""


class Log:
    """The log in ``folder``, which need not exist. Not for several threads at once; for several processes it is.

    Args:
        folder: ``live`` below QMD_HOME.
        world: for who appends: ``live`` or ``sandbox``; one log has words of one world.
    """

    def __init__(self, folder: Path, *, world: str | None = None) -> None:
        self.folder = folder
        self.claims = world
        self._appenders: OrderedDict[Path, Appender] = OrderedDict()
        self._views: OrderedDict[Path, FileView] = OrderedDict()
        self.cut = 0
        """Bytes of torn appends that were cut off when files were opened for appending."""

    @property
    def world(self) -> str | None:
        """Whose words it has: ``live`` or ``sandbox``; None while nothing was appended."""
        try:
            return (self.folder / "world").read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None

    def append(self, records: Sequence[Heard]) -> None:
        """Write ``records`` down; they are durable when this returns.

        Raises:
            ValueError: one of them is a candle that is not closed.
            ConfigError: another process writes to the same files.
            LakeError: the disk refused; of the files that had been written before, the records count.
            WrongWorld: the log has words of the other world.
        """
        by_file: dict[Path, list[Heard]] = {}
        for one in records:
            if isinstance(one, HeardCandle) and not one.is_closed:
                raise ValueError(f"a forming candle of {one.series} at {iso(one.open_at)} must not be kept")
            by_file.setdefault(places.path_of(self.folder, one), []).append(one)
        if by_file:
            self._claim()
        for path, part in by_file.items():
            self._append(path, part)

    def candles(self, series: Series, window: Window) -> Candles:
        """The closed candles of ``series`` that open in ``window``: sorted, unique; of several said for one the latest."""
        rows = self.heard(series, window)
        order = np.argsort(rows["open_at"], kind="stable")
        at = rows["open_at"][order]
        last = order[np.r_[at[1:] != at[:-1], True]] if len(at) else order
        return candles_of(rows[last])

    def heard(self, series: Series, window: Window) -> Rows:
        """Rows of ``frames.CANDLE``: all that was said of candles that open in ``window``, as it came, repeats and all."""
        return self._rows(series.venue, CANDLES, str(series), window, "open_at")

    def contradicted(self, series: Series, window: Window) -> list[Instant]:
        """The candles in ``window`` of which two different closed versions were heard, sorted by open time."""
        rows = self.heard(series, window)
        said = {(row[0], row[1:]) for row in rows[list(COLUMNS)].tolist()}
        times = [at for at, _ in said]
        return sorted({at for at in times if times.count(at) > 1}) if len(times) > len(set(times)) else []

    def marks(self, market: Market, window: Window) -> list[HeardMark]:
        """What was kept of ``market`` and said in ``window`` (by the venue's clock, else ours), as it came."""
        rows = self._rows(market.venue, MARKS, str(market), window, None)
        said = (HeardMark(market=market, **one) for one in frames.fields(rows))
        return [one for one in said if window.contains(places.said_at(one))]

    def heard_until(self, series: Series) -> Instant | None:
        """The end of the newest closed candle of ``series``; None when none was heard."""
        for path in reversed(self.files(series.venue, CANDLES)):
            rows = self._view(path, CANDLES).rows(str(series))
            if len(rows):
                return int(rows["open_at"].max()) + series.timeframe.step
        return None

    def series(self, venue: str) -> list[Series]:
        """The series of ``venue`` that candles were heard of, sorted."""
        names = {name for path in self.files(venue, CANDLES) for name in self._view(path, CANDLES).names}
        return sorted(Series.parse(name) for name in names)

    def markets(self, venue: str) -> list[Market]:
        """The perpetuals of ``venue`` that marks were kept of, sorted."""
        names = {name for path in self.files(venue, MARKS) for name in self._view(path, MARKS).names}
        return sorted(Market.parse(name) for name in names)

    def files(self, venue: str, kind: int) -> list[Path]:
        """The files of one kind, oldest first."""
        return sorted((self.folder / venue).glob(f"{STEMS[kind]}-*.log"))

    def days(self, venue: str, kind: int = CANDLES) -> list[Window]:
        """The days that there is a file of, oldest first."""
        return [places.day_of(path) for path in self.files(venue, kind)]

    def newest_day(self, venue: str, now: Instant, kind: int = CANDLES) -> Window | None:
        """The newest of its days; of real venues' words none that ``now`` has not come to, so that one slip makes no day old."""
        days = self.days(venue, kind)
        past = [day for day in days if day.start <= now] if self.world == "live" else days
        return past[-1] if past else None

    def damaged(self, venue: str) -> dict[Path, int]:
        """Bytes that are of no whole frame, by file, where there are any; their records are as if never heard."""
        views = [self._view(path, kind) for kind in STEMS for path in self.files(venue, kind)]
        return {view.path: view.damaged for view in views if view.damaged}

    def trim(self, before: Instant, venue: str | None = None, kinds: Sequence[int] = (CANDLES, MARKS)) -> int:
        """Delete the files of days that end at or before ``before``, unless they are written to; how many went."""
        venues = [venue] if venue else sorted(path.name for path in self.folder.glob("*/"))
        paths = [path for one in venues for kind in kinds for path in self.files(one, kind)]
        return self._delete([path for path in paths if places.day_of(path).end <= before])

    def expire(self, before: Instant, venue: str) -> int:
        """Delete the files that were written to last before ``before`` (our clock), whatever they are dated; how many went."""
        paths = [path for kind in STEMS for path in self.files(venue, kind)]
        return self._delete([path for path in paths if (at := written_at(path)) is not None and at < before])

    def _delete(self, paths: Sequence[Path]) -> int:
        for path in paths:
            if (mine := self._appenders.pop(path, None)) is not None:
                mine.close()
            self._views.pop(path, None)
        return sum(deleted(path) for path in paths)

    def close(self) -> None:
        """Let go of all files. What was appended is durable without it."""
        while self._appenders:
            self._appenders.popitem()[1].close()
        self._views.clear()

    def _claim(self) -> None:
        if self.claims is None or (held := self.world) == self.claims:
            return
        if held is not None:
            raise WrongWorld(
                f"the log in {self.folder} has words of the {held} world, not of the {self.claims} one",
                hint="use another QMD_HOME, or delete the folder",
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "world").open("w", encoding="ascii") as file:
                file.write(self.claims + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LakeError(f"cannot write {self.folder}: {error.strerror}") from error

    def _append(self, path: Path, records: Sequence[Heard]) -> None:
        appender = self._appender(path)
        numbers, free = dict(appender.numbers), appender.free
        parts: list[bytes] = []
        for one in records:
            name = places.name_of(one)
            if name not in numbers:
                numbers[name], free = free, free + 1
                parts.append(frames.name_frame(numbers[name], name))
        candles = [(numbers[places.name_of(one)], one) for one in records if isinstance(one, HeardCandle)]
        marks = [(numbers[places.name_of(one)], one) for one in records if isinstance(one, HeardMark)]
        if candles:
            parts.append(frames.frame(CANDLES, frames.candle_rows(candles)))
        if marks:
            parts.append(frames.frame(MARKS, frames.mark_rows(marks)))
        try:
            appender.append(parts)
        except LakeError:
            self._appenders.pop(path).close()  # what is in the file now is found out when it is opened again
            raise
        appender.numbers, appender.free = numbers, free

    def _appender(self, path: Path) -> Appender:
        if path not in self._appenders:
            self._appenders[path] = Appender.open(path)
            self.cut += self._appenders[path].cut
            if len(self._appenders) > OPEN_FILES:
                self._appenders.popitem(last=False)[1].close()
            self._let_go(places.day_of(path))
        self._appenders.move_to_end(path)
        return self._appenders[path]

    def _let_go(self, day: Window) -> None:
        """Close what is older than yesterday when a new day begins, so that the tails can delete it."""
        days = {path: places.day_of(path) for path in self._appenders}
        if day == max(days.values()):
            for path in [path for path, one in days.items() if one.end < day.start]:
                self._appenders.pop(path).close()

    def _rows(self, venue: str, kind: int, name: str, window: Window, by: str | None) -> Rows:
        paths = [path for path in self.files(venue, kind) if places.day_of(path).intersection(window)]
        parts = [self._view(path, kind).rows(name) for path in paths]
        rows = np.concatenate(parts) if parts else np.empty(0, frames.ROWS[kind])
        return rows if by is None else rows[(rows[by] >= window.start) & (rows[by] < window.end)]

    def _view(self, path: Path, kind: int) -> FileView:
        view = self._views.setdefault(path, FileView(path, kind))
        self._views.move_to_end(path)
        if len(self._views) > KEPT_VIEWS:
            self._views.popitem(last=False)
        view.refresh()
        return view
