"""The archive over real sockets: what is proven becomes candles, anything else an error that says what is wrong."""

import asyncio
import hashlib
import http.client
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import (
    ArchiveAbsent,
    ArchiveDamaged,
    ArchiveError,
    Banned,
    ConfigError,
    QmdError,
    Refused,
    UnknownMarket,
    VenueDown,
)
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_window
from qmd_platform.sandbox.archive_defects import KINDS
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.server import running
from qmd_platform.venues.archive import Archive, Archived
from qmd_platform.venues.archive_facts import day_window
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Traffic
from qmd_platform.venues.retry import Patience
from tests.venues.writtenserver import Reply, Server, writing

NOW = "2026-11-20T12:34:56Z"
BTC = Market("binance", "BTC/USDT")
PERPETUAL = Market("binance", "BTC/USDT:USDT")
LATE = Market("binance", "LATE/USDT")
H1 = Timeframe.H1
OCTOBER = month_window("2026-10")
QUICK = Patience(tries=3, base_seconds=0.001)


def instrument(symbol: str, venue_symbol: str) -> Instrument:
    kind = Market("binance", symbol).kind
    return Instrument(symbol, venue_symbol, kind, "", "", "", True, 1.0, None, None, None, "{}")


def fetched(url: str, path: str) -> bytes:
    """The bytes at ``path``, without any of our code."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


LISTED = [
    instrument("BTC/USDT", "BTCUSDT"),
    instrument("BTC/USDT:USDT", "BTCUSDT"),
    instrument("LATE/USDT", "LATEUSDT"),
]


def archive(url: str) -> Archive:
    return Archive("binance", instruments=LISTED, venue_url=url, patience=QUICK)


def month(url: str, market: Market = BTC, step: Timeframe = H1, which: str = "2026-10") -> Archived:
    async def asked() -> Archived:
        async with archive(url) as opened:
            return await opened.month(market, step, which)

    return asyncio.run(asked())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(now=NOW) as address:
        yield address


@pytest.mark.parametrize("market", [BTC, PERPETUAL, LATE])
@pytest.mark.parametrize("step", [Timeframe.M1, Timeframe.H1, Timeframe.D1])
@pytest.mark.parametrize("which", ["2026-10", "2024-12"])
def test_a_months_file_holds_exactly_the_markets_candles(url: str, market: Market, step: Timeframe, which: str):
    if market is LATE and which == "2024-12":
        with pytest.raises(ArchiveAbsent):
            month(url, market, step, which)
        return
    got = month(url, market, step, which)
    wanted = truth(market, step, month_window(which), instant(NOW))
    assert got.candles.equals(wanted)
    assert got.evidence.rows == len(wanted) > 0


def test_a_file_is_what_the_api_says_bit_for_bit(url: str):
    async def both() -> tuple[Archived, Any]:
        async with archive(url) as shelf, client("binance", venue_url=url) as api:
            return await shelf.day(PERPETUAL, Timeframe.M5, "2026-11-18"), await api.page(
                PERPETUAL, Timeframe.M5, day_window("2026-11-18")
            )

    archived, page = asyncio.run(both())
    assert len(page.candles) == 288
    assert archived.candles.equals(page.candles)


def test_the_evidence_names_the_file_and_the_sha256_of_the_zip(url: str):
    async def asked() -> tuple[Archived, Traffic, Traffic]:
        mine = Traffic()
        async with archive(url) as opened:
            return await opened.file(BTC, H1, OCTOBER, mine), mine, opened.traffic

    got, mine, total = asyncio.run(asked())
    assert got.evidence.what == got.file.path == "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2026-10.zip"
    assert got.evidence.window == got.window == OCTOBER
    assert got.evidence.error == ""
    assert mine == total
    assert (mine.requests, mine.retries, mine.failures) == (2, 0, {})
    assert mine.bytes > got.bytes > 10_000

    assert got.evidence.digest == hashlib.sha256(fetched(url, got.file.path)).hexdigest()


def test_what_is_not_published_yet_is_absent(url: str):
    async def asked(which: str) -> None:
        async with archive(url) as opened:
            await (opened.month if len(which) == 7 else opened.day)(BTC, H1, which)

    for which in ("2026-11", "2026-11-20", "2030-01"):
        with pytest.raises(ArchiveAbsent, match=r"has no http.*CHECKSUM \(yet\)"):
            asyncio.run(asked(which))


def defective(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "archive.toml"
    file.write_text(f'[[file]]\npath = "BTCUSDT-1h-2026-10"\n{text}')
    return running(now=NOW, archive_files=file)


REFUSED = {
    "absent": (ArchiveAbsent, "has no"),
    "no_checksum": (ArchiveAbsent, "CHECKSUM"),
    "wrong_checksum": (ArchiveDamaged, "its checksum file says"),
    "broken_zip": (ArchiveDamaged, "is broken"),
    "truncated_zip": (ArchiveDamaged, "is broken"),
    "html": (ArchiveDamaged, "is broken"),
    "bomb": (ArchiveDamaged, "more than"),
    "wrong_member": (ArchiveDamaged, "the zip holds OTHERBTCUSDT"),
    "columns": (ArchiveDamaged, "not rows of 12 numbers"),
    "seconds": (ArchiveDamaged, "not a time"),
}
TAKEN = {"header", "no_header", "us", "ms", "short", "holes", "duplicated", "restated", "wrong_market"}


def test_of_every_defect_it_is_known_what_becomes_of_it():
    assert set(KINDS) == set(REFUSED) | TAKEN


@pytest.mark.parametrize("kind", REFUSED)
def test_a_defective_file_is_refused_with_what_is_wrong(tmp_path: Path, kind: str):
    error, words = REFUSED[kind]
    with defective(tmp_path, f'defect = "{kind}"') as url:
        with pytest.raises(error, match=words) as caught:
            month(url)
        assert isinstance(caught.value, ArchiveError)
        assert len(month(url, PERPETUAL, which="2026-09").candles) == 720


@pytest.mark.parametrize("kind", ["header", "no_header", "us", "ms"])
def test_a_file_is_read_however_it_is_written(tmp_path: Path, kind: str):
    with defective(tmp_path, f'defect = "{kind}"') as url:
        for market in (BTC, PERPETUAL):
            assert month(url, market).candles.equals(truth(market, H1, OCTOBER, instant(NOW)))


def test_rows_come_as_they_are_in_the_file_for_the_judge_to_see(tmp_path: Path):
    wanted = truth(BTC, H1, OCTOBER, instant(NOW))
    with defective(tmp_path, 'defect = "short"') as url:
        assert month(url).candles.equals(wanted.take(slice(len(wanted) // 3)))
    with defective(tmp_path, 'defect = "duplicated"') as url:
        at = month(url).candles.open_at.tolist()
        assert at == sorted([*wanted.open_at.tolist(), *wanted.open_at[:100].tolist()])


def test_a_file_replaced_while_it_is_fetched_is_fetched_once_more(tmp_path: Path):
    async def asked(url: str) -> tuple[Archived, Traffic]:
        async with archive(url) as opened:
            return await opened.month(BTC, H1, "2026-10"), opened.traffic

    with defective(tmp_path, 'defect = "wrong_checksum"\ntimes = 1') as url:
        got, traffic = asyncio.run(asked(url))
    assert got.candles.equals(truth(BTC, H1, OCTOBER, instant(NOW)))
    assert (traffic.requests, traffic.failures) == (4, {"ArchiveDamaged": 1})


def test_a_file_whose_checksum_stays_wrong_is_asked_for_twice_and_no_more(tmp_path: Path):
    with defective(tmp_path, 'defect = "wrong_checksum"') as url:
        with pytest.raises(ArchiveDamaged):
            month(url)
        zips = "/data/spot/monthly/klines/{file}.zip"
        assert json.loads(fetched(url, "/__sandbox/stats"))["requests"]["archive"] == {zips: 2, zips + ".CHECKSUM": 2}


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
