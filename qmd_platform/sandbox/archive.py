"""Binance's archive of whole files as the sandbox serves it: ``/data/spot/monthly/klines/BTCUSDT/1m/...zip``.

What lives here: the layout, when a file is published by the sandbox's clock, CSVs, zips and checksums. What does not:
files that are not as they should be (``archive_defects``), the candles themselves (``exchange``), sockets (``service``).
Source: README of github.com/binance/binance-public-data.

A file holds what the venue told when the file was published, whenever it is asked for: what is restated later is
restated at the API only.
"""

import hashlib
import io
import re
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, month_window
from qmd_platform.sandbox import archive_defects
from qmd_platform.sandbox.archive_defects import Defect, Printed
from qmd_platform.sandbox.exchange import Answer, Ask, Exchange
from qmd_platform.sandbox.text import Cells, Figures, rows_of
from qmd_platform.sandbox.universe import Listing

NAME = "archive"
"""What the counters call this host; a fault plan finds its requests by the path."""
PREFIX = "/data/"
"""Where its paths begin."""

_VENUE = "binance"
_PATH = re.compile(
    r"/data/(?P<kind>spot|futures/um)/(?P<period>monthly|daily)/klines/(?P<symbol>[^/]+)/(?P<interval>[^/]+)"
    r"/(?P=symbol)-(?P=interval)-(?P<date>\d{4}-\d\d(-\d\d)?)\.zip(?P<checksum>\.CHECKSUM)?"
)
_HEADER = (
    b"open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    b"taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
_HOUR = 3_600_000
_DAILY_AFTER = 8 * _HOUR
_MONTHLY_AFTER = 6 * _HOUR
_DAY = 24 * _HOUR
_MICROSECONDS_FROM = "2025-01"
"""Files of spot count in microseconds from this month on."""
_KEPT = 64
"""Files kept ready; a month of 1m candles has some 2 MB."""
_LEVEL = 1
_NO_SUCH_KEY = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'


@dataclass(frozen=True, slots=True)
class _File:
    """What a path names. ``name`` is that of the zip."""

    listing: Listing
    timeframe: Timeframe
    window: Window
    name: str
    date: str


@dataclass(frozen=True, slots=True)
class _Built:
    """A zip, the digest that its checksum file states, and the candles inside."""

    body: bytes
    digest: str
    rows: int


class Archive:
    """All files of the archive; made when first asked for."""

    def __init__(self, exchange: Exchange, defects: Sequence[Defect] = ()) -> None:
        """``defects`` may be changed later: a file is made anew when what is wrong with it changes."""
        self.defects = list(defects)
        self._exchange = exchange
        self._built: OrderedDict[tuple[_File, tuple[str, ...]], _Built] = OrderedDict()

    def answer(self, path: str, now: Instant) -> Answer:
        """What goes back for ``path``: a zip, its checksum, or 404 in the words of the store behind the archive."""
        found = _PATH.fullmatch(path)
        file = self._file(found) if found else None
        if found is None or file is None or now < _published_at(file.window):
            return _absent()
        defects = [one for one in self.defects if one.matches(path)]
        kinds = {one.kind for one in defects}
        if "absent" in kinds or (found["checksum"] and "no_checksum" in kinds):
            return _absent()
        built = self._kept(file, defects)
        if not built.rows:
            return _absent()
        if found["checksum"] is None:
            return Answer(built.body, headers={"Content-Type": "application/zip"}, rows=built.rows)
        digest = archive_defects.stated(built.digest, defects)
        return Answer(f"{digest}  {file.name}\n".encode(), headers={"Content-Type": "text/plain"})

    def reset(self) -> None:
        """Count what strikes a limited number of times from the beginning again."""
        for one in self.defects:
            one.struck = 0

    def _file(self, found: re.Match[str]) -> _File | None:
        settles = ("",) if found["kind"] == "spot" else ("USDT", "USDC")
        listing = self._exchange.listing(_VENUE, found["symbol"], *settles)
        window = _window(found["period"], found["date"])
        if listing is None or window is None or found["interval"] not in set(Timeframe):
            return None
        name = found[0].rpartition("/")[2].removesuffix(".CHECKSUM")
        return _File(listing, Timeframe(found["interval"]), window, name, found["date"])

    def _kept(self, file: _File, defects: Sequence[Defect]) -> _Built:
        key = (file, tuple(str(one) for one in defects))
        if key not in self._built:
            self._built[key] = self._made(file, defects)
            if len(self._built) > _KEPT:
                self._built.popitem(last=False)
        self._built.move_to_end(key)
        return self._built[key]

    def _made(self, file: _File, defects: Sequence[Defect]) -> _Built:
        at = _published_at(file.window)
        shown = archive_defects.other(self._exchange, file.listing, defects, at)
        step, start, end = file.timeframe.step, file.window.start, file.window.end
        rows = self._exchange.candles(Ask(shown, file.timeframe, start, end, file.window.steps(step), newest=False), at)
        is_spot = file.listing.is_spot
        per_ms = 1000 if is_spot and file.date >= _MICROSECONDS_FROM else 1
        printed = archive_defects.of_rows(Printed(rows, has_header=not is_spot, per_ms=per_ms), defects)
        content = archive_defects.of_content(_csv(printed, step), defects)
        member = archive_defects.of_name(file.name.removesuffix(".zip") + ".csv", defects)
        body = archive_defects.of_zip(_zip(member, content), defects)
        return _Built(body, hashlib.sha256(body).hexdigest(), len(rows))


def endpoint(path: str) -> str:
    """The path with what varies left out, so that counters stay few."""
    found = _PATH.fullmatch(path)
    if found is None:
        return f"{PREFIX}{{other}}"
    return f"/data/{found['kind']}/{found['period']}/klines/{{file}}.zip{found['checksum'] or ''}"


def _absent() -> Answer:
    return Answer(_NO_SUCH_KEY, 404, {"Content-Type": "application/xml"})


def _window(period: str, date: str) -> Window | None:
    """The month or the day a file's name ends with; None when the calendar has no such date."""
    try:
        if period == "monthly":
            return month_window(date)
        start = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
    except (ConfigError, ValueError):
        return None
    return Window.of(start, start + timedelta(days=1))


def _published_at(window: Window) -> Instant:
    """Daily files come on the next day, monthly ones on the first Monday of the next month."""
    if window.end - window.start == _DAY:
        return window.end + _DAILY_AFTER
    weekday = datetime.fromtimestamp(window.end / 1000, UTC).weekday()
    return window.end + -weekday % 7 * _DAY + _MONTHLY_AFTER


def _csv(printed: Printed, step: int) -> bytes:
    rows, per_ms = printed.rows, printed.per_ms
    parts: list[bytes | Cells] = [Figures(rows.open_at * per_ms).cells()]
    for column in (rows.open, rows.high, rows.low, rows.close, rows.volume):
        parts += [b",", column.cells()]
    parts += [b",", Figures((rows.open_at + step) * per_ms - 1).cells()]
    for column in (rows.quote, rows.trades, rows.taker, rows.taker_quote):
        parts += [b",", column.cells()]
    return (_HEADER if printed.has_header else b"") + rows_of([*parts, b",0\n"], len(rows))


def _zip(member: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED, _LEVEL)
    return packed.getvalue()
