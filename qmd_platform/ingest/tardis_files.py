"""The files of days that Tardis has of a market, gathered on this disk.

What lives here: which files a window needs, getting them one after the other, the account of their rows. What does not:
downloads (``venues.tardis.downloads``), what becomes of rows (``ingest.tardis``, ``ingest.tardis_ticker``).

Who stops in the middle loses nothing: a file that is here is not asked for again. What cannot be had ends the asking, and
what is here by then is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qmd_platform.errors import ArchiveError, VenueError
from qmd_platform.ingest.instruments import histories, known, refresh
from qmd_platform.ingest.tardis_days import Days, Left, Source
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.spans import united
from qmd_platform.model.window import Window
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.retry import Patience
from qmd_platform.venues.tardis import api
from qmd_platform.venues.tardis.datasets import DAY, days
from qmd_platform.venues.tardis.downloads import File, Files
from qmd_platform.venues.tardis.exchanges import exchange_of
from qmd_platform.venues.tardis.wire import Wire

Tell = Callable[[int, int], None]
"""How many files are done, of how many."""

PATIENCE = Patience()

STOPPED = "not asked for after what went wrong"


@dataclass(frozen=True, slots=True)
class Account:
    """Every row that came in: ``rows`` = used + thinned + held + duplicates + refused + outside + silent.

    Attributes:
        rows: in the files, or messages of a replay.
        used: what candles are made of, or what became a row of a table.
        thinned: left out because another of the same span of time is kept.
        held: of a time of which the lake has a row already; that stays.
        duplicates: came before, and are the same.
        refused: a price or an amount that is not above 0, or what contradicts a row that came before. Their minutes are not whole.
        outside: of minutes that the files or the replay do not have whole, or that were not asked for.
        silent: say nothing of what is looked for.
    """

    rows: int = 0
    used: int = 0
    thinned: int = 0
    held: int = 0
    duplicates: int = 0
    refused: int = 0
    outside: int = 0
    silent: int = 0

    def __add__(self, other: "Account") -> "Account":
        return Account(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def lost(self) -> int:
        """Rows that the account does not explain: 0."""
        parts = (self.used, self.thinned, self.held, self.duplicates, self.refused, self.outside, self.silent)
        return self.rows - sum(parts)


@dataclass(slots=True)
class Gathered:
    """What is here of a window.

    Attributes:
        files: by day, in order; the days around the window too where their files were here anyway.
        incidents: times of which Tardis says that its recording is incomplete.
        failures: days of which there is no file, in words.
        left: days that were not asked for: Tardis has not published them yet, or has none.
        error: what ended the asking, if it did not end by itself.
        traffic: what it took.
    """

    files: list[File] = field(default_factory=list)
    incidents: list[Window] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    error: VenueError | None = None
    traffic: Traffic = field(default_factory=Traffic)


def source_of(lake: Lake, market: Market, *, run_id: str, url: str | None) -> Source:
    """``market`` at Tardis; the venue's instruments are fetched where the lake has none of the market.

    Raises:
        ConfigError: Tardis records no such markets.
        UnknownMarket: the venue does not list it.
        VenueError: the venue could not be asked.
    """
    exchange = exchange_of(market)
    rows = histories(lake, market.venue)
    if market.symbol not in rows:
        refresh(lake, market.venue, run_id=run_id, url=url)
        rows = histories(lake, market.venue)
    known({symbol: one[-1] for symbol, one in rows.items()}, market)
    return Source(market, exchange, rows[market.symbol])


async def gathered(
    root: Path,
    source: Source,
    type_: str,
    window: Window,
    *,
    url: str | None,
    skip: Callable[[Window], bool],
    tell: Tell,
) -> Gathered:
    """The files of ``type_`` of the days that ``window`` touches.

    Args:
        root: the folder files are kept in.
        source: whose.
        type_: of data set.
        window: whole days of it are wanted; days that are not published yet are left for later.
        url: a server in Tardis's place.
        skip: whether nothing of a day is needed; then it is not asked for.
        tell: called after every file.

    Raises:
        UnknownMarket: Tardis has no such data sets, or none of these days and never will.
        VenueError: it cannot be asked what it has.
    """
    result = Gathered()
    async with Wire(url=url, patience=PATIENCE) as wire:
        result.traffic = wire.traffic
        details = await api.details(wire, source.exchange.id)
        needed = [day for day in days(window) if not skip(day)]
        there = Days(details, source, type_)
        published = set(there.of(window))
        wanted = [day for day in needed if day in published]
        result.left = there.left([day for day in needed if day not in published])
        if not wanted:
            return result
        files = Files(root, wire)
        for number, day in enumerate(wanted):
            await _one(files, source, type_, day, result)
            tell(number + 1, len(wanted))
            if result.error is not None:
                result.left += [Left(one, STOPPED) for one in united(wanted[number + 1 :])]
                break
        _add_neighbours(files, source, type_, wanted, result)
    result.incidents = [one.window for one in details.incidents(Window(wanted[0].start - DAY, wanted[-1].end + DAY))]
    return result


async def _one(files: Files, source: Source, type_: str, day: Window, result: Gathered) -> None:
    try:
        expected = source.expected(day)
        result.files.append(await files.file(expected.exchange, type_, day, expected.dataset))
    except ArchiveError as error:  # of this day; the others are there all the same
        result.failures.append(error.message)
    except VenueError as error:
        result.failures.append(error.message)
        result.error = error


def _add_neighbours(files: Files, source: Source, type_: str, wanted: Sequence[Window], result: Gathered) -> None:
    """The days before and after each day, where their files are here already: they have what a day's own file lacks."""
    here = {one.day for one in result.files}
    for day in list(here):
        for start in (day.start - DAY, day.end):
            other = Window(start, start + DAY)
            if other in here or other in wanted:
                continue
            expected = source.expected(other)
            kept = files.kept(expected.exchange, type_, other, expected.dataset)
            if kept is not None:
                here.add(other)
                result.files.append(kept)
    result.files.sort(key=lambda one: one.day)


def runs_of(files: Sequence[File]) -> list[list[File]]:
    """The files in runs of days without a gap."""
    found: list[list[File]] = []
    for one in files:
        if found and found[-1][-1].day.end == one.day.start:
            found[-1].append(one)
        else:
            found.append([one])
    return found
