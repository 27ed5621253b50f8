"""A venue's archive: whole files of closed candles, each proven by its checksum before a row of it is looked at.

What lives here: from a market and a month or day to candles with their evidence. What does not: which file is worth
it (``coverage.sources``), what an archive holds and when (``archive_facts``), sockets (``archive_http``), reading zips and
CSVs (``archive_zip``, ``archive_csv``), what becomes of the rows (``ingest``, which judges them like a page's).

A file may be replaced between its checksum's download and its own, so where they differ both are asked for once more.
A file whose checksum still differs is never used.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from qmd_platform.errors import ArchiveDamaged, ConfigError, UnknownMarket
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import archive_csv, archive_facts, archive_zip, facts
from qmd_platform.venues.archive_facts import ArchiveFacts, ArchiveFile
from qmd_platform.venues.archive_http import Downloads
from qmd_platform.venues.port import Instrument, Traffic
from qmd_platform.venues.retry import Meter, Patience, Retry
from qmd_platform.venues.throttle import Pace
from qmd_platform.venues.transport import rehosted

TOGETHER = 8
"""Files of one archive that are downloaded at the same time; each may take ``most_bytes`` of memory twice."""

_A_LINE = 256
"""Bytes that a row has at most; Binance's have up to 190."""
_ROWS_BESIDES = 1000
"""Rows a file may have beyond twice its candles (repeats) before it is not believed to be one."""
_A_CHECKSUM = 1024
_BUCKET = "files"
"""Files cost no budget; only what the archive asks to wait is waited for."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One file's candles: as sent, sorted by open time, repeats and rows of another time and all.

    ``evidence`` says which file (its path) with which sha256; ``bytes`` is the zip's size.
    """

    file: ArchiveFile
    candles: Candles
    evidence: Answered
    bytes: int

    @property
    def window(self) -> Window:
        """The month or the day of the file."""
        return self.file.window


class Archive:
    """One venue's archive. One instance belongs to one event loop; use it as an async context manager."""

    def __init__(
        self,
        venue: str,
        *,
        instruments: Sequence[Instrument] = (),
        venue_url: str | None = None,
        concurrency: int = TOGETHER,
        timeout_seconds: float = 60,
        patience: Patience | None = None,
    ) -> None:
        """An archive ready to be asked.

        Args:
            venue: one of ``facts.VENUES``; one without an archive answers every question with ConfigError.
            instruments: the markets that will be asked for, whose spelling at the venue the files carry.
            venue_url: a server in the archive's place (a sandbox).
            concurrency: downloads under way at once.
            timeout_seconds: bound of a single download.
            patience: how long to keep trying; the default is ``Patience()``.
        """
        self.name = facts.known_venue(venue)
        self.traffic = Traffic()
        self._venue_url = venue_url
        self._venue_symbols = {one.symbol: one.venue_symbol for one in instruments}
        self._downloads = Downloads(venue, concurrency=concurrency, timeout_seconds=timeout_seconds)
        # Its own: a refusal of the archive is none of the API's, and the other way round.
        self._pace = Pace(venue, {})
        # Jitter only has to differ between processes; nobody gains by guessing it.
        self._retry = Retry(venue, self._pace, patience or Patience(), random.Random())  # noqa: S311

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back sockets. May be called twice."""
        await self._downloads.close()

    async def month(self, market: Market, timeframe: Timeframe, month: str, traffic: Traffic | None = None) -> Archived:
        """The candles of the month written ``2026-11``. Errors: see ``file``."""
        known, symbol = self._of(market, timeframe)
        return await self._fetched(known, archive_facts.month_file(known, symbol, timeframe, month), traffic)

    async def day(self, market: Market, timeframe: Timeframe, day: str, traffic: Traffic | None = None) -> Archived:
        """The candles of the day written ``2026-11-05``. Errors: see ``file``."""
        known, symbol = self._of(market, timeframe)
        return await self._fetched(known, archive_facts.day_file(known, symbol, timeframe, day), traffic)

    async def file(
        self, market: Market, timeframe: Timeframe, window: Window, traffic: Traffic | None = None
    ) -> Archived:
        """The candles of the file that is exactly ``window``, a whole month or a whole day.

        Every attempt is counted in ``self.traffic`` and, where given, in ``traffic`` too.

        Raises:
            ArchiveAbsent: there is no such file, or none with a checksum: not yet, or never.
            ArchiveDamaged: it is not what its checksum, its name or its format promise.
            VenueDown: no answer after the last try.
            Refused, Banned: the archive does not serve this address.
            ConfigError: the venue has no archive of such candles.
            UnknownMarket: the market is not among the instruments.
            ValueError: ``window`` is neither a month nor a day.
        """
        known, symbol = self._of(market, timeframe)
        return await self._fetched(known, archive_facts.file_of(known, symbol, timeframe, window), traffic)

    def _of(self, market: Market, timeframe: Timeframe) -> tuple[ArchiveFacts, str]:
        known = archive_facts.find(self.name, market.kind, timeframe)
        if known is None:
            raise ConfigError(f"{self.name} has no archive of {timeframe} candles of {market.kind} markets")
        symbol = self._venue_symbols.get(market.symbol)
        if symbol is None:
            raise UnknownMarket(self.name, f"{market.symbol!r} is not among the instruments the archive was given")
        return known, symbol

    async def _fetched(self, known: ArchiveFacts, file: ArchiveFile, traffic: Traffic | None) -> Archived:
        at = time.time_ns() // 1_000_000
        meter = Meter(self.traffic, *(() if traffic is None else (traffic,)))
        most = _most_bytes(file)
        body, digest = await self._proven(known, file, meter, most)
        content = archive_zip.unzipped(self.name, body, file.member, most)
        candles = archive_csv.decoded(self.name, file.member, content)
        if not len(candles.within(file.window)):
            raise ArchiveDamaged(self.name, f"{file.name} holds candles, but none of {file.window}")
        evidence = Answered(file.window, at, file.path, digest, len(candles))
        return Archived(file, candles, evidence, len(body))

    async def _proven(self, known: ArchiveFacts, file: ArchiveFile, meter: Meter, most: int) -> tuple[bytes, str]:
        """The zip and its sha256, which its checksum file states too, perhaps only when asked again."""
        try:
            return await self._matched(known, file, meter, most, is_fresh=False)
        except ArchiveDamaged as error:
            meter.failure(error)
        return await self._matched(known, file, meter, most, is_fresh=True)

    async def _matched(
        self, known: ArchiveFacts, file: ArchiveFile, meter: Meter, most: int, *, is_fresh: bool
    ) -> tuple[bytes, str]:
        checksum = await self._got(known, file.checksum_path, meter, _A_CHECKSUM, is_fresh=is_fresh)
        stated = archive_zip.stated_digest(self.name, file.name, checksum)
        body = await self._got(known, file.path, meter, most, is_fresh=is_fresh)
        digest = archive_zip.digest_of(body)
        if digest != stated:
            raise ArchiveDamaged(self.name, f"{file.path} has the sha256 {digest}, its checksum file says {stated}")
        return body, digest

    async def _got(self, known: ArchiveFacts, path: str, meter: Meter, most: int, *, is_fresh: bool) -> bytes:
        url = known.host + path
        url = rehosted(url, self._venue_url) if self._venue_url else url

        async def once() -> bytes:
            meter.waited(await self._pace.turn(_BUCKET, 1, self._retry.check))
            return await self._downloads.get(url, meter, most_bytes=most, is_fresh=is_fresh)

        return await self._retry.answer(once, meter)


def _most_bytes(file: ArchiveFile) -> int:
    """What a file may have at most, packed or not: room for every candle twice, in lines longer than any."""
    return (2 * file.window.steps(file.timeframe.step) + _ROWS_BESIDES) * _A_LINE
