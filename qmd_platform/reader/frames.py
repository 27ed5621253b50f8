"""Rows as pandas frames.

What lives here: the one conversion. What does not: anything that can be had without pandas.
"""

from typing import TYPE_CHECKING

import pandas as pd

from qmd_platform.model.candles import COLUMNS, Candles

if TYPE_CHECKING:
    import pyarrow as pa


def frame(rows: "Candles | pa.Table") -> pd.DataFrame:
    """The rows as a frame of its own: changing it changes neither the read nor its data version."""
    if not isinstance(rows, Candles):
        return rows.to_pandas()
    columns = {name: getattr(rows, name) for name in COLUMNS}
    columns["open_at"] = pd.DatetimeIndex(rows.open_at.view("M8[ms]")).tz_localize("UTC")
    return pd.DataFrame(columns, copy=True)
