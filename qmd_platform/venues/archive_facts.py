"""What is known about venues' archives of whole files, as data: what they hold, under which name, from when on.

What lives here: facts with their sources and dates, names of files, when a file can be expected. What does not:
downloading (``archive``), reading a file (``archive_csv``, ``archive_zip``), whether a file is worth it
(``coverage.sources``).

An archive is one more source of closed candles, beside the venue's API and outside its budget. Its files are found in
practice to be late, short, replaced, or under a wrong checksum (sources below), so a file is used only when its
checksum matches, and what it lacks is asked for at the API.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, month_of, month_window

READ_ON = "2026-11-21"
"""When the sources below were last read."""

DAY = 86_400_000
"""Milliseconds in a day."""

_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """The archive of one kind of market at one venue.

    ``host`` answers for ``root``; ``timeframes`` are spelled as ours. ``day_delay_ms`` is how long after a day's end its
    file can be expected, ``month_delay_ms`` how long after the first Monday of the next month. ``since_us`` is the
    month from which on new files count in microseconds (None: never); readers tell by magnitude all the same.
    ``sources`` says of every field where it is from.
    """

    host: str
    root: str
    timeframes: frozenset[Timeframe]
    day_delay_ms: int
    month_delay_ms: int
    since_us: str | None
    sources: Mapping[str, str] = field(repr=False)

    def published_at(self, window: Window) -> Instant:
        """When the file of ``window``, a whole month or a whole day, can be expected; it may come earlier or never."""
        if window.end - window.start == DAY:
            return window.end + self.day_delay_ms
        first = datetime.fromtimestamp(window.end / 1000, UTC)
        monday = first + timedelta(days=-first.weekday() % 7)
        return round(monday.timestamp() * 1000) + self.month_delay_ms


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """One zip of one market's candles. ``path`` begins with ``/``; ``member`` is the one file that is inside."""

    window: Window
    path: str
    timeframe: Timeframe

    @property
    def name(self) -> str:
        """The zip's name without its folders, as its checksum file states it."""
        return self.path.rpartition("/")[2]

    @property
    def member(self) -> str:
        """The name of the CSV inside."""
        return self.name.removesuffix(".zip") + ".csv"

    @property
    def checksum_path(self) -> str:
        """Where its checksum is."""
        return self.path + ".CHECKSUM"


def find(venue: str, kind: str, timeframe: Timeframe) -> ArchiveFacts | None:
    """The archive that has candles of ``timeframe`` of ``kind`` of market at ``venue``; None where there is none."""
    known = ARCHIVES.get((venue, kind))
    return known if known is not None and timeframe in known.timeframes else None


def month_file(known: ArchiveFacts, venue_symbol: str, timeframe: Timeframe, month: str) -> ArchiveFile:
    """The file of a month written ``2026-11``. ``venue_symbol`` is the venue's own spelling (``BTCUSDT``)."""
    return _file(known, venue_symbol, timeframe, month_window(month), period="monthly", date=month)


def day_file(known: ArchiveFacts, venue_symbol: str, timeframe: Timeframe, day: str) -> ArchiveFile:
    """The file of a day written ``2026-11-05``."""
    return _file(known, venue_symbol, timeframe, day_window(day), period="daily", date=day)


def file_of(known: ArchiveFacts, venue_symbol: str, timeframe: Timeframe, window: Window) -> ArchiveFile:
    """The file that holds exactly ``window``: a whole month's, or a whole day's.

    Raises:
        ValueError: the window is neither; no such file exists.
    """
    month, day = month_of(window.start), day_of(window.start)
    if window == month_window(month):
        return month_file(known, venue_symbol, timeframe, month)
    if window == day_window(day):
        return day_file(known, venue_symbol, timeframe, day)
    raise ValueError(f"{window} is neither a month nor a day")


def days(window: Window) -> Iterator[Window]:
    """Each whole day that ``window`` touches, oldest first."""
    for start in range(window.start // DAY * DAY, window.end, DAY):
        yield Window(start, start + DAY)


def day_of(at: Instant) -> str:
    """The day an instant falls into, ``2026-11-05``."""
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def day_window(day: str) -> Window:
    """The window of a day written ``2026-11-05``; ConfigError when it is not one."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(f"{day!r} is not a day", hint="write 2026-11-05") from None
    return Window.of(start, start + timedelta(days=1))


def _file(
    known: ArchiveFacts, symbol: str, timeframe: Timeframe, window: Window, *, period: str, date: str
) -> ArchiveFile:
    path = f"{known.root}/{period}/klines/{symbol}/{timeframe}/{symbol}-{timeframe}-{date}.zip"
    return ArchiveFile(window, path, timeframe)


_README = "https://github.com/binance/binance-public-data, README"
_ISSUES = "https://github.com/binance/binance-public-data/issues"
_SOURCES = {
    "host": f"{_README}: the base url",
    "root": f"{_README}: data/<spot or futures/um>/<monthly or daily>/klines/<symbol>/<interval>/",
    "timeframes": f"{_README}, intervals: those of the API from 1m to 1d",
    "day_delay_ms": f"{_README}: daily files are uploaded in the next day; half a day is our choice",
    "month_delay_ms": (
        f"{_README}: monthly files come at the beginning of the next month, on its first Monday; "
        f"finished in 1-3 days ({_ISSUES}/38); one more day is our choice"
    ),
    "since_us": f"{_README} and {_ISSUES}/386: timestamps of spot are in microseconds from 2025-01-01 on, futures not",
}
_BINANCE_SPOT = ArchiveFacts(
    host="https://data.binance.vision",
    root="/data/spot",
    timeframes=frozenset(Timeframe),
    day_delay_ms=12 * _HOUR,
    month_delay_ms=24 * _HOUR,
    since_us="2025-01",
    sources=_SOURCES,
)
_BINANCE_USDM = ArchiveFacts(
    host="https://data.binance.vision",
    root="/data/futures/um",
    timeframes=frozenset(Timeframe),
    day_delay_ms=12 * _HOUR,
    month_delay_ms=24 * _HOUR,
    since_us=None,
    sources=_SOURCES,
)

ARCHIVES: Mapping[tuple[str, str], ArchiveFacts] = {
    ("binance", "spot"): _BINANCE_SPOT,
    ("binance", "perpetual"): _BINANCE_USDM,
    ("binance", "future"): _BINANCE_USDM,
}
"""By venue and kind of market. Volumes are in base coins, as the API's; 12 columns, the API's own.

Known defects of the files, all seen in the issues of binance/binance-public-data: wrong checksums (#249: 201 files,
#405), broken zips and missing checksum files (#469), months that end after ten days (#320), 1,293 of 4,746 files with
rows missing (#169), monthly files that contradict daily ones and the API (#475). Files are replaced after such reports.
"""
