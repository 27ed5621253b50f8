"""Recorded funding, served by the sandbox's replay and asked for over real sockets: what comes is what was recorded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window, instant, iso
from qmd_platform.sandbox.recording import read
from qmd_platform.sandbox.server import running
from qmd_platform.venues.ccxt_client import client

NOW = "2025-07-01T00:00:00Z"
HOUR = 3_600_000
EVER = Window.of("2020-01-01", "2025-06-30")
FILES = {
    "gate:BTC/USDT:USDT": "gate_perp_2023/BTC_USDT_USDT-8h-funding_rate.feather",
    "gate:ZKJ/USDT:USDT": "gate_perp_2024-08/ZKJ_USDT_USDT-8h-funding_rate.feather",
    "binance:BTC/USDT:USDT": "binance_perp_2025/BTC_USDT_USDT-8h-funding_rate.feather",
    "binance:LAYER/USDT:USDT": "binance_perp_2025/LAYER_USDT_USDT-8h-funding_rate.feather",
    "bybit:BTC/USDT:USDT": "bybit_perp_2024/BTC_USDT_USDT-8h-funding_rate.json",
    "bybit:TRB/USDT:USDT": "bybit_perp_2024/TRB_USDT_USDT-8h-funding_rate.json",
}


def replayed(folder: Path, files: dict[str, Path]) -> Path:
    """A replay folder that serves ``files`` by market."""
    tables = []
    for market, file in files.items():
        venue, _, symbol = market.partition(":")
        lines = {"venue": venue, "market": symbol, "table": "funding_rates", "file": str(file)}
        tables.append("\n".join(["[[series]]", *(f"{name} = {json.dumps(value)}" for name, value in lines.items())]))
    (folder / "replay.toml").write_text("\n\n".join(tables))
    return folder


async def asked(url: str, market: Market, window: Window) -> tuple[Settlements, dict[str, float]]:
    async with client(market.venue, venue_url=url) as venue:
        return (await venue.funding(market, window)).settlements, await venue.funding_intervals()


@pytest.fixture(scope="module")
def found(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = replayed(tmp_path_factory.mktemp("replay"), {name: recordings / file for name, file in FILES.items()})
    with running(now=NOW, replay=folder) as url:
        return {name: asyncio.run(asked(url, Market.parse(name), EVER)) for name in FILES}


@pytest.mark.shared
@pytest.mark.parametrize(("market", "rows"), [*zip(FILES, (793, 31, 266, 984, 300, 399), strict=True)])
def test_what_comes_is_what_was_recorded(recordings: Path, found: dict[str, Any], market: str, rows: int):
    settlements, _ = found[market]
    recorded = read(recordings / FILES[market])
    assert len(settlements) == rows
    to_the_minute = np.round(recorded.open_at / 60_000).astype(np.int64) * 60_000
    assert (recorded.open_at == to_the_minute).all() == (not market.startswith("binance")), "some are late there"
    assert settlements.equals(Settlements.of(to_the_minute, recorded.open))


@pytest.mark.shared
def test_gate_s_rates_are_those_of_a_second_collector(recordings: Path, found: dict[str, Any]):
    text = (recordings / "funding_multi_venue/BTC-USDT_gate_2020-01-01_2024-01-01_funding_history.csv").read_text()
    theirs = {}
    for line in text.splitlines()[1:]:
        _, when, rate = line.split(",")
        theirs[instant(when.replace(" ", "T") + "+00:00")] = float(rate)
    ours, _ = found["gate:BTC/USDT:USDT"]
    same = [theirs[at] == rate for at, rate in zip(ours.settled_at.tolist(), ours.rate.tolist(), strict=True)]
    assert (sum(same), len(same)) == (793, 793)


@pytest.mark.shared
def test_a_contract_that_went_from_four_hours_to_one_is_seen_to_do_so_when_it_did(found: dict[str, Any]):
    settlements, intervals = found["binance:LAYER/USDT:USDT"]
    hours = np.diff(settlements.settled_at) // HOUR
    assert set(hours.tolist()) == {1, 4}
    assert iso(int(settlements.settled_at[:-1][hours == 4][-1])) == "2025-05-06T04:00:00Z"
    assert (hours == 4).sum() == 305
    assert intervals["LAYER/USDT:USDT"] == 1.0


@pytest.mark.shared
def test_four_hours_in_a_file_named_eight_are_four_and_missing_settlements_stay_missing(found: dict[str, Any]):
    settlements, intervals = found["bybit:TRB/USDT:USDT"]
    hours, counts = np.unique(np.diff(settlements.settled_at) // HOUR, return_counts=True)
    assert dict(zip(hours.tolist(), counts.tolist(), strict=True)) == {4: 397, 16: 1}
    assert intervals["TRB/USDT:USDT"] == 4.0
    settlements, intervals = found["gate:ZKJ/USDT:USDT"]
    assert set((np.diff(settlements.settled_at) // HOUR).tolist()) == {4}
    assert intervals["ZKJ/USDT:USDT"] == 4.0


@pytest.mark.parametrize(
    ("market", "rate", "says"),
    [
        ("bitfinex:BTC/USDT:USDT", "0.0001", "replays no funding of bitfinex:BTC/USDT:USDT"),
        ("gate:BTC/USDT", "0.0001", "replays no funding of gate:BTC/USDT"),
        ("gate:BTC/USDT:USDT", "0.000100001", "more than 8 decimals"),
        ("gate:BTC/USDT:USDT", "x", "is not a number"),
    ],
)
def test_a_recording_no_venue_could_print_is_refused(tmp_path: Path, market: str, rate: str, says: str):
    (tmp_path / "a.csv").write_text(f"date,open,high,low,close,volume\n2025-01-01T00:00:00Z,{rate},0,0,0,0\n")
    with pytest.raises(ConfigError, match=says), running(replay=replayed(tmp_path, {market: Path("a.csv")})):
        pass


def test_a_recorded_contract_has_its_recorded_rows_in_any_order_and_no_others(tmp_path: Path):
    rows = ["2025-01-01T08:00:00Z,-0.0002", "2025-01-01T00:00:00Z,0.00000001", "2025-01-01T12:00:00Z,0"]
    lines = ["date,open,high,low,close,volume", *(f"{row},0,0,0,0" for row in rows)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    markets = dict.fromkeys(("binance:NEW/USDT:USDT", "gate:NEW/USDT:USDT", "bybit:NEW/USDT:USDT"), Path("a.csv"))
    with running(now=NOW, replay=replayed(tmp_path, markets)) as url:
        for name in markets:
            ours, intervals = asyncio.run(asked(url, Market.parse(name), EVER))
            assert ours.rate.tolist() == [1e-8, -0.0002, 0.0]
            assert np.isnan(ours.mark).all()
            assert intervals["NEW/USDT:USDT"] == 4.0
