"""A real file of data.binance.vision through our decoder, and what is known of it."""

import asyncio
import csv
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.sandbox.server import running
from qmd_platform.venues import archive_csv
from qmd_platform.venues.archive import Archive, Archived
from qmd_platform.venues.archive_check import compared, sample_page
from qmd_platform.venues.paging import judged
from qmd_platform.venues.port import Instrument

pytestmark = pytest.mark.shared

NAME = "NEARUSDT-1m-2023-09"
STEP = Timeframe.M1.step
SEPTEMBER = month_window("2023-09")
OUTAGE = Window.of("2023-09-12T08:34:00Z", "2023-09-12T08:53:00Z")


@pytest.fixture(scope="module")
def file(shared_data: Path) -> Path:
    return shared_data / "binance_vision_1m" / f"{NAME}.csv"


@pytest.fixture(scope="module")
def candles(file: Path) -> Candles:
    return archive_csv.decoded("binance", NAME, file.read_bytes())


def test_every_minute_of_the_month_is_there_once(candles: Candles):
    assert windows_of(candles.open_at, STEP) == [SEPTEMBER]
    judgement = judged(candles, SEPTEMBER, STEP, SEPTEMBER.end)
    assert judgement.candles.equals(candles)
    assert (judgement.duplicates, judgement.outside, judgement.forming) == (0, 0, 0)


def test_every_number_is_the_float_nearest_to_its_text(candles: Candles, file: Path):
    with file.open(newline="") as text:
        rows = list(csv.reader(text))[1:]
    for column, name in enumerate(("open", "high", "low", "close", "volume"), 1):
        assert getattr(candles, name).tolist() == [float(row[column]) for row in rows]


def test_the_outage_of_12_september_is_nineteen_flat_minutes_without_volume(candles: Candles):
    outage = candles.within(OUTAGE)
    assert len(outage) == 19
    assert not outage.volume.any()
    price = outage.open[0]
    assert all((getattr(outage, name) == price).all() for name in PRICES)
    before, after = candles.within(Window(OUTAGE.start - STEP, OUTAGE.end + STEP)).volume[[0, -1]]
    assert before > 0
    assert after > 0


def test_minutes_without_trades_are_printed_flat_with_the_last_close(candles: Candles):
    quiet = np.flatnonzero(candles.volume == 0)
    assert len(quiet) == 144
    assert (candles.close[quiet - 1] == candles.open[quiet]).all()
    assert all((getattr(candles, name)[quiet] == candles.open[quiet]).all() for name in PRICES)
    longest = max(windows_of(candles.open_at[quiet], STEP), key=lambda window: window.steps(STEP))
    assert longest == OUTAGE


def test_written_without_header_or_in_microseconds_it_is_the_same(candles: Candles, file: Path):
    body = file.read_bytes()
    bare = body.partition(b"\n")[2]
    assert archive_csv.decoded("binance", NAME, bare).equals(candles)
    in_us = b"\n".join(line[:13] + b"000" + line[13:] for line in bare.splitlines())
    assert archive_csv.decoded("binance", NAME, in_us).equals(candles)


def test_a_sample_of_it_agrees_with_itself_and_not_with_the_day_before(candles: Candles):
    series = Series.candles(Market("binance", "NEAR/USDT:USDT"), Timeframe.M1)
    page = sample_page(series, SEPTEMBER, STEP, 499)
    sample = candles.within(page)
    assert compared(sample, sample) == []
    day = Timeframe.D1.step
    shifted = candles.within(Window(page.start - day, page.end - day))
    told = Candles(shifted.open_at + day, shifted.open, shifted.high, shifted.low, shifted.close, shifted.volume)
    assert len(compared(sample, told)) > 450


def test_replayed_by_the_sandbox_it_comes_out_of_the_archive_as_it_was_recorded(
    candles: Candles, file: Path, tmp_path: Path
):
    recorded = file.read_text().replace("open_time", "open_at", 1)
    (tmp_path / "near.csv").write_text(recorded)
    (tmp_path / "replay.toml").write_text(
        '[[series]]\nvenue = "binance"\nmarket = "NEAR/USDT:USDT"\ntable = "candles_1m"\nfile = "near.csv"\n'
    )
    near = Instrument("NEAR/USDT:USDT", "NEARUSDT", "perpetual", "", "", "", True, 1.0, None, None, None, "{}")

    async def asked(url: str) -> Archived:
        async with Archive("binance", instruments=[near], venue_url=url) as archive:
            return await archive.month(Market("binance", near.symbol), Timeframe.M1, "2023-09")

    with running(now="2023-10-10T00:00:00Z", replay=tmp_path) as url:
        got = asyncio.run(asked(url))
    assert got.candles.equals(candles)
    assert got.evidence.rows == 43_200
