"""What an archive's server does on the way, and what the client makes of it: tries, caches, sizes, questions."""

import asyncio
import hashlib
import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from qmd_platform.errors import (
    ArchiveAbsent,
    ArchiveDamaged,
    Banned,
    ConfigError,
    QmdError,
    Refused,
    UnknownMarket,
    VenueDown,
)
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.venues.archive import Archive, Archived
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.retry import Patience
from tests.venues.test_archive import LISTED, archive
from tests.venues.writtenserver import Reply, Server, writing

NOW = "2026-11-20T12:34:56Z"
BTC = Market("binance", "BTC/USDT")
PERPETUAL = Market("binance", "BTC/USDT:USDT")
LATE = Market("binance", "LATE/USDT")
H1 = Timeframe.H1
OCTOBER = month_window("2026-10")
QUICK = Patience(tries=3, base_seconds=0.001)


NAME = "BTCUSDT-1h-2026-10"


def packed(content: bytes, member: str = f"{NAME}.csv") -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(member, content)
    return body.getvalue()


def line(at: int) -> bytes:
    return b"%d,1,2,0.5,1.5,10,0,0,0,0,0,0\n" % at


def served(replies: Callable[[int, str], Reply], **options: Any) -> tuple[Archived | QmdError, Server, Traffic]:
    """What comes of October from a server whose answers are written here."""

    async def asked() -> tuple[Archived | QmdError, Server, Traffic]:
        async with writing(replies) as server:
            opened = Archive("binance", instruments=LISTED, venue_url=server.url, patience=QUICK, **options)
            async with opened:
                try:
                    return await opened.month(BTC, H1, "2026-10"), server, opened.traffic
                except QmdError as error:
                    return error, server, opened.traffic

    return asyncio.run(asked())


def file_of(body: bytes) -> Callable[[str], Reply]:
    checksum = f"{hashlib.sha256(body).hexdigest()}  {NAME}.zip\n".encode()
    return lambda path: Reply(checksum if path.endswith(".CHECKSUM") else body)


GOOD = file_of(packed(line(OCTOBER.start)))


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"busy", 503),
        Reply(b"busy", 429, {"Retry-After": "0"}),
        Reply(b"half", promised=100),
        Reply(reset=True),
    ],
    ids=["5xx", "429", "cut", "reset"],
)
@pytest.mark.parametrize("which", [1, 2])
def test_what_goes_wrong_on_the_way_is_tried_again(bad: Reply, which: int):
    got, server, traffic = served(lambda number, path: bad if number == which else GOOD(path))
    assert isinstance(got, Archived)
    assert got.candles.open_at.tolist() == [OCTOBER.start]
    assert (len(server.asked), traffic.requests, traffic.retries) == (3, 3, 1)


def test_what_the_archive_asks_to_wait_is_waited_before_any_file_is_asked_for_again():
    busy = Reply(b"busy", 429, {"Retry-After": "0.3"})
    began = time.monotonic()
    got, _, traffic = served(lambda number, path: busy if number == 1 else GOOD(path))
    assert isinstance(got, Archived)
    assert time.monotonic() - began >= 0.3
    assert traffic.waits_seconds >= 0.29


def test_caches_on_the_way_are_passed_by_when_file_and_checksum_do_not_fit():
    stale = file_of(packed(line(OCTOBER.start + 1)))
    got, server, _ = served(lambda number, path: stale(path) if number == 1 else GOOD(path))
    assert isinstance(got, Archived)
    assert [one.get("cache-control") for one in server.headers] == [None, None, "no-cache", "no-cache"]
    assert {one["accept-encoding"] for one in server.headers} == {"identity"}


def test_a_page_of_html_in_place_of_the_checksum_is_asked_for_once_more():
    got, server, _ = served(lambda number, path: Reply(b"<html>") if number == 1 else GOOD(path))
    assert isinstance(got, Archived)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("bad", "error", "requests"),
    [
        (Reply(b"busy", 503), VenueDown, 3),
        (Reply(b"<Code>NoSuchKey</Code>", 404), ArchiveAbsent, 1),
        (Reply(b"not from here", 403), Refused, 1),
        (Reply(b"not from here", 451), Refused, 1),
        (Reply(b"go away", 418), Banned, 1),
        (Reply(b"", after=5), VenueDown, 3),
    ],
    ids=["5xx", "404", "403", "451", "418", "hang"],
)
def test_what_stays_wrong_is_said_after_as_many_tries_as_make_sense(bad: Reply, error: type[QmdError], requests: int):
    got, server, _ = served(lambda number, path: bad, timeout_seconds=0.2)
    assert isinstance(got, error)
    assert len(server.asked) == requests


def test_a_file_that_goes_on_and_on_is_not_read_to_its_end():
    endless = Reply(bytes(4 << 20))
    got, _, traffic = served(lambda number, path: GOOD(path) if "CHECKSUM" in path else endless)
    assert isinstance(got, ArchiveDamaged)
    assert "has more than" in str(got)
    assert traffic.bytes < 2 * (2 << 20)


def test_a_file_of_another_time_is_refused_and_single_rows_of_it_are_left_to_the_judge():
    got, _, _ = served(lambda number, path: file_of(packed(line(OCTOBER.end)))(path))
    assert isinstance(got, ArchiveDamaged)
    assert "but none of" in str(got)
    got, _, _ = served(lambda number, path: file_of(packed(line(OCTOBER.start) + line(OCTOBER.end)))(path))
    assert isinstance(got, Archived)
    assert got.candles.open_at.tolist() == [OCTOBER.start, OCTOBER.end]


def test_questions_nobody_can_answer_are_refused_without_a_request():
    async def asked() -> None:
        async with writing(lambda number, path: Reply(status=404)) as server:
            async with archive(server.url) as opened:
                with pytest.raises(UnknownMarket, match="ETH/USDT"):
                    await opened.month(Market("binance", "ETH/USDT"), H1, "2026-10")
                with pytest.raises(ConfigError, match="not a month"):
                    await opened.month(BTC, H1, "2026-13")
                with pytest.raises(ValueError, match="neither"):
                    await opened.file(BTC, H1, Window.of("2026-10-01", "2026-10-03"))
            async with Archive("gate", venue_url=server.url) as opened:
                with pytest.raises(ConfigError, match="gate has no archive"):
                    await opened.month(Market("gate", "BTC/USDT"), H1, "2026-10")
            assert server.asked == []
        opened = archive(server.url)
        await opened.close()
        await opened.close()
        with pytest.raises(RuntimeError, match="closed"):
            await opened.month(BTC, H1, "2026-10")

    asyncio.run(asked())


def test_files_are_downloaded_side_by_side_but_only_so_many():
    months = [f"2025-{number:02d}" for number in range(1, 13)]
    silence = 0.05

    async def asked() -> list[float]:
        async with writing(lambda number, path: Reply(status=404, after=silence)) as server:
            opened = Archive("binance", instruments=LISTED, venue_url=server.url, concurrency=3)
            async with opened:
                got = await asyncio.gather(*(opened.month(BTC, H1, one) for one in months), return_exceptions=True)
            assert all(isinstance(one, ArchiveAbsent) for one in got)
            return server.at

    at = asyncio.run(asked())
    assert len(at) == len(months)
    assert 2 <= max(sum(one - silence < other <= one for other in at) for one in at) <= 3
