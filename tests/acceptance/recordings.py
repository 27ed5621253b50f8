"""Recorded files as candles, their numbers untouched."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from qmd_platform.model.candles import COLUMNS, Candles


def recorded_candles(path: Path) -> Candles:
    """The rows of a recorded candle file (feather, or JSON rows of ms, open, high, low, close, volume)."""
    if path.suffix == ".json":
        rows = np.array(json.loads(path.read_text()), np.float64)
        return Candles(rows[:, 0].astype(np.int64), *(np.ascontiguousarray(rows[:, i]) for i in range(1, 6)))
    frame = pd.read_feather(path)
    open_at = frame["date"].to_numpy("datetime64[ms]").astype(np.int64)
    return Candles(open_at, *(frame[name].to_numpy(np.float64) for name in COLUMNS[1:]))


def of_rows(rows: np.ndarray) -> Candles:
    """Rows of ms, open, high, low, close, volume as candles, in their order."""
    return Candles(rows[:, 0].astype(np.int64), *(np.ascontiguousarray(rows[:, i]) for i in range(1, 6)))


def binance_vision(path: Path) -> Candles:
    """A monthly file of data.binance.vision: csv with header, ms first, then open, high, low, close, volume."""
    return of_rows(np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(6)))


def bitfinex_year(path: Path) -> Candles:
    """Lines of ms, open, close, high, low, volume without header, gzipped; sorted."""
    return of_rows(np.loadtxt(path, delimiter=",")[:, [0, 1, 3, 4, 2, 5]])


def bitfinex_pages(folder: Path) -> tuple[Candles, int]:
    """Bitfinex' answers of a month, one file a page, sorted by time; and how many of them were empty."""
    pages = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    rows = np.array([row for page in pages for row in page], np.float64)
    return of_rows(rows[np.argsort(rows[:, 0], kind="stable")][:, [0, 1, 3, 4, 2, 5]]), pages.count([])


def bittrex(path: Path) -> Candles:
    """Bittrex' 5m candles in the order they were appended: O, H, L, C, V and a time without zone, which is UTC."""
    rows = json.loads(gzip.decompress(path.read_bytes()))
    times = np.array([row["T"] for row in rows], "datetime64[ms]").astype(np.int64)
    return Candles(times, *(np.array([row[name] for row in rows], np.float64) for name in "OHLCV"))


def octobot(path: Path, step: str) -> Candles:
    """The candles of one timeframe in OctoBot's SQLite file, the last one (still forming then) left out."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        found = database.execute("SELECT candle FROM ohlcv WHERE time_frame = ? ORDER BY timestamp", (step,)).fetchall()
    rows = np.array([json.loads(row) for (row,) in found], np.float64)[:-1]
    rows[:, 0] *= 1000
    return of_rows(rows)
