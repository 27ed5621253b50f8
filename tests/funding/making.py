"""Settlements made for tests, and the recorded ones."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import instant

HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = instant("2025-01-01")
BP = 1e-4


def at_hours(*hours: float, rate: float | list[float] = BP, stated: list[float] | None = None) -> Settlements:
    """Settlements so many hours after START."""
    at = [START + round(hour * 60) * MINUTE for hour in hours]
    return Settlements.of(at, np.broadcast_to(np.asarray(rate, np.float64), (len(at),)), None, stated)


def apart(*elapsed: float, stated: list[float] | None = None) -> Settlements:
    """One settlement at START and one after each of these hours."""
    return at_hours(*np.cumsum([0, *elapsed]).tolist(), stated=stated)


def every(hours: float, count: int, rates: NDArray[np.float64] | float = BP) -> Settlements:
    """``count`` settlements, the first at START."""
    return at_hours(*(hours * np.arange(count)).tolist(), rate=np.broadcast_to(rates, (count,)).tolist())


def recorded_funding(path: Path) -> Settlements:
    """A recorded funding file as freqtrade keeps it: the rate is in the column of the opening price."""
    if path.suffix == ".json":
        rows = json.loads(path.read_text())
        return snapped([row[0] for row in rows], [row[1] for row in rows])
    frame = pd.read_feather(path)
    return snapped(frame["date"].to_numpy("datetime64[ms]").astype(np.int64), frame["open"].to_numpy(np.float64))


def history_as_written(path: Path) -> Settlements:
    """A file of funding_multi_venue, its times taken as if they were UTC."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    at = [round(datetime.fromisoformat(row[1]).replace(tzinfo=UTC).timestamp() * 1000) for row in rows]
    return snapped(at, [float(row[2]) for row in rows])


def snapped(at: list[int] | NDArray[np.int64], rate: list[float] | NDArray[np.float64]) -> Settlements:
    """To the minute, as venues are decoded."""
    return Settlements.of(np.rint(np.asarray(at) / MINUTE).astype(np.int64) * MINUTE, rate)
