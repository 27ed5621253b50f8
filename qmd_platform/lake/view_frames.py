"""Polars' lazy frames: from the physical columns of ``lake.codec`` to a table's own.

What lives here: scans and expressions. What does not: which files (``lake.readable``, ``lake.views``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from qmd_platform.errors import ConfigError
from qmd_platform.lake.readable import Readable
from qmd_platform.model.candles import PRICES
from qmd_platform.model.tables import CANDLES, Table

if TYPE_CHECKING:
    import polars as pl

    Type = pl.DataType | type[pl.DataType]

_FOLDERS = ("table", "venue", "market", "month")
"""The lake's folders; those of a table without markets have no ``market``."""


def scanned(spec: Table, files: Sequence[Readable]) -> "pl.LazyFrame":
    """The table over exactly ``files``, not read yet. Files of the same physical columns are one scan.

    Raises:
        ConfigError: Polars is not installed.
    """
    polars = _polars()
    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for file in files:
        groups.setdefault(file.columns, []).append(file.path)
    parts = [_scan(polars, spec, dict(physical), paths) for physical, paths in groups.items()]
    whole: pl.LazyFrame = polars.concat(parts) if parts else polars.LazyFrame(schema=_schema(polars, spec))
    return whole


def _schema(polars: ModuleType, spec: Table) -> dict[str, "Type"]:
    own = {column.name: _type(polars, column.dtype) for column in spec.columns}
    named = ("venue", "symbol") if spec.scope == "market" else ("venue",)
    return dict.fromkeys(named, polars.String) | own


def _scan(polars: ModuleType, spec: Table, physical: Mapping[str, str], paths: Sequence[Path]) -> "pl.LazyFrame":
    folders = [name for name in _FOLDERS if name != "market" or spec.scope == "market"]
    frame: pl.LazyFrame = polars.scan_parquet(
        list(paths),
        schema={name: _type(polars, kind) for name, kind in physical.items()},
        hive_partitioning=True,
        hive_schema=dict.fromkeys(folders, polars.String),
        glob=False,
        extra_columns="ignore",  # where a row is from, in some files
    )
    column = polars.col
    if spec is not CANDLES:
        absent = [one for one in spec.columns if one.name not in physical]  # added after the file was written
        nulls = {one.name: polars.lit(None, dtype=_type(polars, one.dtype)) for one in absent}
        place = [column("venue"), *([column("market").alias("symbol")] if spec.scope == "market" else [])]
        return frame.with_columns(**nulls).select(*place, *(one.name for one in spec.columns))
    candles = {name: column(name) for name in (*PRICES, "volume")}
    if "ps" in physical:
        high, scale = column("high_i"), _scale(polars, "ps")
        low = high - polars.max_horizontal("open_down", "close_down") - column("low_down")
        whole = {"open": high - column("open_down"), "high": high, "low": low, "close": high - column("close_down")}
        candles |= {name: value / scale for name, value in whole.items()}
    if "vs" in physical:
        candles["volume"] = column("volume_i") / _scale(polars, "vs")
    return frame.select("venue", column("market").alias("symbol"), "open_at", **candles)


def _scale(polars: ModuleType, digits: str) -> "pl.Expr":
    """Ten to the column ``digits``, as a column.

    Never as a literal: where the divisor is one value, Polars multiplies by its reciprocal, and the last bit of many
    a price is wrong. Of integers, as that is exact by itself, and quicker.
    """
    ten, power = polars.lit(10, dtype=polars.Int64), polars.col(digits).cast(polars.UInt32)
    scale: pl.Expr = ten.pow(power).cast(polars.Float64)
    return scale


def _type(polars: ModuleType, name: str) -> "Type":
    """The Polars type of an Arrow type's or a table column's type's name."""
    types: dict[str, Type] = {
        "bool": polars.Boolean,
        "double": polars.Float64,
        "float64": polars.Float64,
        "instant": polars.Datetime("ms", "UTC"),
        "int8": polars.Int8,
        "int32": polars.Int32,
        "int64": polars.Int64,
        "string": polars.String,
        "timestamp[ms, tz=UTC]": polars.Datetime("ms", "UTC"),
    }
    return types[name]


def _polars() -> ModuleType:
    try:
        import polars  # noqa: PLC0415, ICN001 - an extra, and 0.1 s
    except ImportError:
        hint = "pip install 'qmd-platform[polars]'"
        raise ConfigError("frames need the package polars, which is missing", hint=hint) from None
    return polars
