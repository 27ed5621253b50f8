"""Recorded files as candles, their numbers untouched."""

import json
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
