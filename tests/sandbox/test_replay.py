"""Recorded series served as if their venue served them today: what comes out is what the file holds."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.window import instant, iso
from qmd_platform.sandbox.recording import read
from qmd_platform.sandbox.server import running

Get = Callable[..., Any]
Row = tuple[int, float, float, float, float, float]
START = instant("2023-01-01")
STEP = 300_000
NAMES = ("open", "high", "low", "close", "volume")
# Awkward on purpose: long decimals, tiny and huge numbers, a zero.
ROWS: list[Row] = [
    (START, 16541.7, 16545.70001, 16508.39, 16529.67, 4364.8357),
    (START + STEP, 0.1 + 0.2, 1 / 3, 1e-8, 2.5e-7, 0.0),
    (START + 2 * STEP, 16500.0, 16600.0, 16400.0, 16450.5, 123456789012.0),
    # A hole, then one more.
    (START + 5 * STEP, 16450.5, 16451.0, 16450.0, 16450.25, 12.0),
]
NOW = iso(START + 86_400_000)


def write_csv(path: Path, rows: list[Row], time: Callable[[int], object] = int, name: str = "open_at") -> None:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name, *NAMES])
        writer.writerows([[time(at), *map(repr, values)] for at, *values in rows])


def arrow(rows: list[Row], kind: pa.DataType, name: str = "date") -> pa.Table:
    per_ms = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}
    unit = per_ms[kind.unit] if pa.types.is_timestamp(kind) else 1
    times = pa.array([int(row[0] * unit) for row in rows], pa.int64()).cast(kind)
    return pa.table([times, *([row[i] for row in rows] for i in range(1, 6))], names=[name, *NAMES])


def write_json(path: Path, rows: list[Row]) -> None:
    path.write_text(json.dumps(rows))


def as_iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


WRITERS: dict[str, Callable[[Path], object]] = {
    "ms.csv": lambda path: write_csv(path, ROWS),
    "iso.csv": lambda path: write_csv(path, ROWS, as_iso, "date"),
    "spaced.csv": lambda path: write_csv(path, ROWS, lambda at: as_iso(at).replace("T", " "), "date"),
    "packed.csv.gz": lambda path: write_csv(path, ROWS),
    "ns.feather": lambda path: feather.write_feather(arrow(ROWS, pa.timestamp("ns", "UTC")), path),
    "us.parquet": lambda path: pq.write_table(arrow(ROWS, pa.timestamp("us", "UTC")), path),
    "s.parquet": lambda path: pq.write_table(arrow(ROWS, pa.timestamp("s")), path),
    "integer.parquet": lambda path: pq.write_table(arrow(ROWS, pa.int64(), "open_at"), path),
    "text.parquet": lambda path: pq.write_table(
        arrow(ROWS, pa.int64(), "open_at").set_column(0, "date", pa.array([as_iso(row[0]) for row in ROWS])), path
    ),
    "freqtrade.json": lambda path: write_json(path, ROWS),
}


def series(venue: str, market: str, file: str, **keys: object) -> str:
    lines = {"venue": venue, "market": market, "table": "candles", "timeframe": "5m", "file": file} | keys
    return "[[series]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items() if value != "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_csv(tmp_path / "rows.csv", ROWS)
    return tmp_path


def put(folder: Path, *entries: str) -> Path:
    (folder / "replay.toml").write_text("\n".join(entries))
    return folder


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_reads_back_bit_for_bit(tmp_path: Path, name: str):
    WRITERS[name](tmp_path / name)
    candles = read(tmp_path / name)
    expected = Candles(np.array([row[0] for row in ROWS]), *(np.array([r[i] for r in ROWS]) for i in range(1, 6)))
    assert candles.equals(expected)


CASES = {
    "binance:BTC/USDT": ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "5m", "startTime": START}),
    "binance:NEW/USDT:USDT": ("/fapi/v1/klines", {"symbol": "NEWUSDT", "interval": "5m", "startTime": START}),
    "gate:BTC/USDT": (
        "/api/v4/spot/candlesticks",
        {"currency_pair": "BTC_USDT", "interval": "5m", "from": START // 1000},
    ),
    "gate:BTC/USDT:USDT": (
        "/api/v4/futures/usdt/candlesticks",
        {"contract": "BTC_USDT", "interval": "5m", "from": START // 1000},
    ),
    "bitfinex:NEWER/USD": ("/v2/candles/trade:5m:tNEWER:USD/hist", {"start": START, "sort": 1}),
}
ORDERS = {
    "binance": (0, 1, 2, 3, 4, 5),
    "gate": (0, 5, 3, 4, 2, 6),
    "bitfinex": (0, 1, 3, 4, 2, 5),
}


def parsed(venue: str, rows: list[Any]) -> list[Row]:
    """Rows as Python's own float reads them, in the order open, high, low, close, volume."""
    if rows and isinstance(rows[0], dict):
        return [(row["t"] * 1000, *(float(row[name]) for name in "ohlcv")) for row in rows]
    unit = 1000 if venue == "gate" else 1
    return [(int(row[ORDERS[venue][0]]) * unit, *(float(row[place]) for place in ORDERS[venue][1:])) for row in rows]


@pytest.mark.parametrize("market", CASES)
def test_the_numbers_on_the_wire_are_the_files_numbers(folder: Path, get: Get, market: str):
    venue, _, symbol = market.partition(":")
    path, query = CASES[market]
    put(folder, series(venue, symbol, "rows.csv"))
    with running(now=NOW, replay=folder) as url:
        assert parsed(venue, get(url, path, **query).json()) == ROWS


def test_ccxt_reads_a_replayed_market_it_has_never_heard_of(folder: Path, pointed: Callable[[Any, str], Any]):
    import ccxt

    put(
        folder,
        series("gate", "gate:NEW/USDT:USDT", "rows.csv", contract_size=0.01),
        series("bitfinex", "NEW/USDT:USDT", "rows.csv"),
        series("binance", "NEW/USDT", str(folder / "rows.csv")),
    )
    with running(now=NOW, replay=folder) as url:
        for name, symbol in (("gate", "NEW/USDT:USDT"), ("bitfinex", "NEW/USDT:USDT"), ("binance", "NEW/USDT")):
            exchange = pointed(getattr(ccxt, name)(), url)
            exchange.enableRateLimit = False
            rows = exchange.fetch_ohlcv(symbol, "5m", START, 100)
            assert [tuple(row) for row in rows] == ROWS
            if name == "gate":
                assert exchange.markets[symbol]["contractSize"] == 0.01
                assert exchange.markets[symbol]["created"] == START


def test_a_recording_takes_the_place_of_the_market_and_nothing_is_invented_beside_it(folder: Path, get: Get):
    put(folder, series("binance", "BTC/USDT", "rows.csv"))
    with running(now=NOW, replay=folder) as url:

        def rows(**query: object) -> list[Any]:
            return list(get(url, "/api/v3/klines", **query).json())

        assert rows(symbol="BTCUSDT", interval="1m") == []
        assert rows(symbol="BTCUSDT", interval="1h", startTime=START) == []
        assert len(rows(symbol="BTCUSDT", interval="5m")) == len(ROWS)
        assert len(rows(symbol="ETHUSDT", interval="1m")) == 500
        assert get(url, "/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=3).json()


def test_pages_of_a_recording_follow_the_venues_rules(folder: Path, get: Get):
    put(folder, series("bitfinex", "BTC/USD", "rows.csv"), series("binance", "BTC/USDT", "rows.csv"))
    with running(now=NOW, replay=folder) as url:

        def opens(path: str, **query: object) -> list[int]:
            return [row[0] for row in get(url, path, **query).json()]

        hist = "/v2/candles/trade:5m:tBTCUSD/hist"
        times = [row[0] for row in ROWS]
        assert opens(hist) == times[::-1]
        assert opens(hist, limit=2) == times[:1:-1]
        assert opens(hist, limit=2, sort=1) == times[:2]
        assert opens(hist, start=times[1], end=times[2], sort=1) == times[1:3]
        klines = {"path": "/api/v3/klines", "symbol": "BTCUSDT", "interval": "5m"}
        assert opens(**klines, limit=2) == times[2:]
        assert opens(**klines, startTime=times[1], limit=2) == times[1:3]
        assert opens(**klines, startTime=times[2] + 1, endTime=times[3] - 1) == []


def test_nothing_is_served_that_opens_after_now(folder: Path, get: Get):
    put(folder, series("binance", "BTC/USDT", "rows.csv"))
    with running(now=iso(START + STEP + 1), replay=folder) as url:
        rows = get(url, "/api/v3/klines", symbol="BTCUSDT", interval="5m", startTime=START).json()
    assert [row[0] for row in rows] == [START, START + STEP]


def test_repeats_and_disorder_are_served_as_recorded(folder: Path, get: Get):
    rows = [ROWS[2], ROWS[0], ROWS[1], ROWS[1], ROWS[3]]
    write_csv(folder / "rows.csv", rows)
    put(folder, series("binance", "BTC/USDT", "rows.csv"))
    with running(now=NOW, replay=folder) as url:

        def opens(**query: object) -> list[int]:
            answer = get(url, "/api/v3/klines", symbol="BTCUSDT", interval="5m", **query).json()
            return [row[0] for row in answer]

        assert opens(startTime=START) == [row[0] for row in rows]
        assert opens(startTime=START + STEP, endTime=START + 2 * STEP) == [ROWS[2][0], ROWS[1][0], ROWS[1][0]]


def test_base_volume_is_converted_to_contracts_exactly(folder: Path, get: Get):
    volumes = [0.0001, 0.0003, 1.2345, 70001.0007, 0.0]
    write_csv(folder / "rows.csv", [(START + i * STEP, 1.0, 1.0, 1.0, 1.0, v) for i, v in enumerate(volumes)])
    entry = series("gate", "BTC/USDT:USDT", "rows.csv", volume_unit="base", contract_size=0.0001)
    with running(now=NOW, replay=put(folder, entry)) as url:
        path, query = CASES["gate:BTC/USDT:USDT"]
        assert [row["v"] for row in get(url, path, **query).json()] == [1, 3, 12345, 700010007, 0]


def test_the_timeframe_may_be_written_in_the_table(folder: Path, get: Get):
    put(folder, series("binance", "BTC/USDT", "rows.csv", table="candles_5m", timeframe=""))
    with running(now=NOW, replay=folder) as url:
        assert len(get(url, "/api/v3/klines", symbol="BTCUSDT", interval="5m").json()) == len(ROWS)


def test_a_timeframe_the_venue_does_not_know_is_served_when_it_was_recorded(folder: Path, get: Get):
    put(folder, series("gate", "BTC/USDT", "rows.csv", timeframe="3m"))
    with running(now=NOW, replay=folder) as url:
        query = {"currency_pair": "BTC_USDT", "from": START // 1000, "to": START // 1000 + 1500}
        assert len(get(url, "/api/v4/spot/candlesticks", interval="3m", **query).json()) == len(ROWS)
        assert get(url, "/api/v4/spot/candlesticks", interval="6h", **query).status == 400


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"venue": "ftx"}, "series 1: unknown venue 'ftx'.*binance, bitfinex, bybit, gate, kraken, okx"),
        ({"market": "BTCUSDT"}, "series 1: 'binance:BTCUSDT' is not a market"),
        ({"market": "gate:BTC/USDT"}, "series 1: .*is not a market"),
        ({"market": "BTC/USD:BTC"}, "series 1: the sandbox does not play binance:BTC/USD:BTC"),
        ({"timeframe": "7m"}, "series 1: unknown timeframe '7m'.*did you mean 5m"),
        ({"timeframe": ""}, "series 1: the key timeframe is missing"),
        ({"table": "trades"}, "series 1: unknown table 'trades'"),
        ({"table": "candles_1h"}, "candles_1h and timeframe '5m' contradict"),
        ({"file": "no.csv"}, r"series 1: cannot read .*no\.csv"),
        ({"file": "rows.xlsx"}, "unknown kind of file.*csv"),
        ({"files": "rows.csv"}, "series 1: unknown key 'files'.*file"),
        ({"volume_unit": "coins"}, "unknown volume_unit 'coins'.*venue, base"),
        ({"contract_size": 0.1}, "series 1: contract_size says nothing about this market"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place_and_the_choices(folder: Path, keys: dict[str, object], says: str):
    given = {"venue": "binance", "market": "BTC/USDT", "file": "rows.csv"} | keys
    put(folder, series(str(given.pop("venue")), str(given.pop("market")), str(given.pop("file")), **given))
    with pytest.raises(ConfigError, match=says) as refused, running(replay=folder):
        pass
    assert "replay.toml" in str(refused.value)


def test_entries_may_not_contradict_each_other(folder: Path):
    one = series("gate", "BTC/USDT:USDT", "rows.csv", contract_size=0.1)
    for other, says in (
        (one, "series 2: gate:BTC/USDT:USDT:5m is in the file twice"),
        (series("gate", "BTC/USDT:USDT", "rows.csv", timeframe="1h", contract_size=1), "contradicts an earlier entry"),
    ):
        with pytest.raises(ConfigError, match=says), running(replay=put(folder, one, other)):
            pass


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("open_at,open,high,low,close\n1672531200000,1,1,1,1\n", "no column volume"),
        ("time,open,high,low,close,volume\n", "no column open_at or date.*time, open"),
        ("", "no column open_at or date"),
        ("open_at,open,high,low,close,volume\n1672531200000,1,1,1,x,1\n", "row 1, column close: 'x' is not a number"),
        (
            "open_at,open,high,low,close,volume\n1672531200000,1,1,1,1,1\n1672531260000,1,,1,1,1\n",
            "row 2, column high: '' is not a number",
        ),
        ("open_at,open,high,low,close,volume\n1672531200000,1,1,1,1,nan\n", "row 1, column volume: 'nan'"),
        ("open_at,open,high,low,close,volume\n1672531200,1,1,1,1,1\n", "row 1, column open_at: .*looks like seconds"),
        ("open_at,open,high,low,close,volume\n1672531200000.5,1,1,1,1,1\n", "row 1, column open_at: .*whole number"),
        ("date,open,high,low,close,volume\n2023-01-01 00:00:00,1,1,1,1,1\n", "row 1, column date: .*no time zone"),
        ("date,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "row 1, column date: .*'soon' is not a time"),
        ("open_at,open,high,low,close,volume\n1672531200000,1,1\n", "row 1 has 3 cells, the header 6"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path, content: str, says: str):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(ConfigError, match=says) as refused:
        read(tmp_path / "bad.csv")
    assert str(tmp_path / "bad.csv") in str(refused.value)


@pytest.mark.parametrize("name", ["bad.parquet", "bad.feather", "bad.csv.gz", "bad.json"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"this is no such file")
    with pytest.raises(ConfigError, match=name):
        read(tmp_path / name)


def test_a_null_is_not_a_number(tmp_path: Path):
    table = arrow(ROWS, pa.timestamp("ms", "UTC")).set_column(5, "volume", pa.array([1.0, None, 2.0, 3.0]))
    pq.write_table(table, tmp_path / "null.parquet")
    with pytest.raises(ConfigError, match="row 2, column volume: None is not a number"):
        read(tmp_path / "null.parquet")


def test_a_time_finer_than_a_millisecond_is_refused(tmp_path: Path):
    times = pa.array([START * 1000 + 1], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table([times, *[[1.0]] * 5], names=["date", *NAMES]), tmp_path / "fine.parquet")
    with pytest.raises(ConfigError, match=r"row 1, column date: .*whole number of milliseconds"):
        read(tmp_path / "fine.parquet")


def test_columns_are_the_models_columns():
    assert ("open_at", *NAMES) == COLUMNS
