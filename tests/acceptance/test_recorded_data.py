"""Recorded real data in, the same data out: through the sandbox's wire formats, ccxt, ingest, lake and export."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.acceptance.programs import qmd, sandbox
from tests.acceptance.recordings import recorded_candles

pytestmark = [pytest.mark.shared, pytest.mark.slow]

COLUMNS = ["open", "high", "low", "close", "volume"]
GATE_CONTRACT = 10_000
"""Gate BTC_USDT contracts in one bitcoin: the recording's volume is in contracts, ours in base coins."""


def recorded(path: Path) -> pd.DataFrame:
    candles = recorded_candles(path)
    frame = pd.DataFrame({name: getattr(candles, name) for name in COLUMNS})
    return frame.assign(date=pd.to_datetime(candles.open_at, unit="ms", utc=True))


def replayed(folder: Path, entries: list[tuple[str, str, str, Path]]) -> Path:
    folder.mkdir()
    text = "".join(
        f'[[series]]\nvenue = "{venue}"\nmarket = "{symbol}"\ntable = "candles"\ntimeframe = "{step}"\nfile = "{file}"\n\n'
        for venue, symbol, step, file in entries
    )
    (folder / "replay.toml").write_text(text)
    return folder


def iso(moment: pd.Timestamp) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def backfilled(tmp_path: Path, venue: str, symbol: str, files: dict[str, Path], extra: pd.Timedelta) -> Path:
    """A home that holds the recorded ``files`` (by timeframe), each fetched as the venue's own timeframe."""
    frames = {step: recorded(file) for step, file in files.items()}
    now = max(frame["date"].iloc[-1] for frame in frames.values()) + extra
    replay = replayed(tmp_path / "replay", [(venue, symbol, step, file) for step, file in files.items()])
    home = tmp_path / "home"
    with sandbox("--now", iso(now), "--replay", str(replay)) as url:
        for step, frame in frames.items():
            first, last = frame["date"].iloc[0], frame["date"].iloc[-1] + pd.Timedelta(step.replace("m", "min"))
            arguments = ["--timeframe", step, "--start", iso(first), "--end", iso(last)]
            qmd("backfill", f"{venue}:{symbol}", *arguments, home=home, url=url)
    return home


def exported(home: Path, series: str, frame: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    out = tmp_path / "export.parquet"
    start, end = iso(frame["date"].iloc[0]), iso(frame["date"].iloc[-1] + pd.Timedelta(days=1))
    qmd(
        "read", series, "--start", start, "--end", end, "--format", "parquet", "-o", str(out), "--allow-gaps", home=home
    )
    return pd.read_parquet(out)


def assert_same(out: pd.DataFrame, frame: pd.DataFrame, contracts_in_base: int = 1) -> None:
    assert len(out) == len(frame)
    assert (
        out["open_at"].to_numpy("datetime64[ms]") == frame["date"].dt.tz_convert(None).to_numpy("datetime64[ms]")
    ).all()
    for name in COLUMNS[:4]:
        np.testing.assert_array_equal(out[name].to_numpy(), frame[name].to_numpy())
    np.testing.assert_array_equal(out["volume"].to_numpy(), frame["volume"].to_numpy() / contracts_in_base)


def test_gate_perpetual_5m_of_2023_comes_out_as_it_was_recorded(tmp_path: Path, shared_data: Path):
    file = shared_data / "gate_perp_2023" / "BTC_USDT_USDT-5m-futures.feather"
    home = backfilled(tmp_path, "gate", "BTC/USDT:USDT", {"5m": file}, pd.Timedelta(hours=1))
    out = exported(home, "gate:BTC/USDT:USDT:5m", recorded(file), tmp_path)
    assert_same(out, recorded(file), GATE_CONTRACT)
    qmd("verify", home=home)


@pytest.mark.parametrize("symbol", ["BTC", "LAYER"])
def test_binance_perpetual_1m_of_2025_comes_out_as_it_was_recorded(tmp_path: Path, shared_data: Path, symbol: str):
    file = shared_data / "binance_perp_2025" / f"{symbol}_USDT_USDT-1m-futures.feather"
    home = backfilled(tmp_path, "binance", f"{symbol}/USDT:USDT", {"1m": file}, pd.Timedelta(hours=1))
    assert_same(exported(home, f"binance:{symbol}/USDT:USDT:1m", recorded(file), tmp_path), recorded(file))


def test_bybit_5m_served_as_binance_comes_out_as_it_was_recorded(tmp_path: Path, shared_data: Path):
    file = shared_data / "bybit_perp_2024" / "BTC_USDT_USDT-5m-futures.json"
    home = backfilled(tmp_path, "binance", "BTC/USDT:USDT", {"5m": file}, pd.Timedelta(hours=1))
    assert_same(exported(home, "binance:BTC/USDT:USDT:5m", recorded(file), tmp_path), recorded(file))
