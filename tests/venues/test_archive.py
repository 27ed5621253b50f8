"""The archive over real sockets: what is proven becomes candles, anything else an error that says what is wrong."""

import asyncio
import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import (
    ArchiveAbsent,
    ArchiveDamaged,
    ArchiveError,
)
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant, month_window
from qmd_platform.sandbox.archive_defects import KINDS
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.server import running
from qmd_platform.venues.archive import Archive, Archived
from qmd_platform.venues.archive_facts import day_window
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Traffic
from qmd_platform.venues.retry import Patience

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
