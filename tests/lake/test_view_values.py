"""Both engines give the very numbers that were committed, whatever they are and however they are stored."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qmd_platform.lake import codec, readable, views
from qmd_platform.lake.packing import MOST_DIGITS
from qmd_platform.lake.rows import conformed
from qmd_platform.lake.store import Lake
from qmd_platform.lake.view_frames import scanned
from qmd_platform.lake.view_sql import view
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.tables import CANDLES
from tests.lake.making import JANUARY
from tests.lake.test_codec import anything, candles, decimals
from tests.lake.viewing import GATE, from_engine, in_duckdb, in_polars


@pytest.mark.parametrize("read", [in_duckdb, in_polars])
def test_whole_numbers_and_floats_are_one_table_with_the_same_bits(filled: Lake, read: Callable[[Lake], Candles]):
    stored = [filled.candles(series) for series in (JANUARY.series, GATE.series)]
    assert read(filled).equals(Candles.concat(stored))
    assert {
        tuple(name for name, _ in file.columns)[1] for file in views.Snapshot(filled, None).files("candles_1h")
    } == {
        "high_i",
        "open",
    }


def one_file(tmp_path: Path, given_: Candles, place: str) -> readable.Readable:
    folder = tmp_path / f"table=candles_1h/venue=v/market=A%2FB/month={place}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.parquet"
    path.write_bytes(codec.encode(CANDLES, conformed(CANDLES, given_.to_arrow()), {}))
    return readable.found(path)


@settings(max_examples=30)
@given(st.lists(st.lists(st.lists(anything | decimals, min_size=5, max_size=5), min_size=1, max_size=5), max_size=4))
@example([[[1.5] * 5], [[-0.0] * 5], [[2.0**40] * 5], [[2.0**53 - 1, 1 - 2.0**53, 0.5, 7.0, 5e-324]]])
@example([[[2.0**31 + 5, 2.0**31 - 5, 2.0**31 - 6, 2.0**31 + 1, 7.0]], [[float("nan")] * 5], [[1.0, 2, 3, 4, 0.3]]])
def test_any_floats_come_out_of_both_engines_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[list[float]]]
):
    folder = tmp_path_factory.mktemp("files")
    given_ = [candles(rows) for rows in parts]
    for place, part in enumerate(given_):
        np.add(part.open_at, place * 3_600_000_000, out=part.open_at)
    files = [one_file(folder, part, str(place)) for place, part in enumerate(given_)]
    with duckdb.connect() as connection:
        connection.execute(view("v", CANDLES, files))
        by_duckdb = connection.table("v").select(*COLUMNS).order("open_at").to_arrow_table()
    by_polars = scanned(CANDLES, files).sort("open_at").select(COLUMNS).collect().to_arrow()
    for table in (by_duckdb, by_polars):
        assert from_engine(table).equals(Candles.concat(given_))


@pytest.mark.parametrize("digits", range(1, MOST_DIGITS + 1))
def test_every_scale_is_exact_in_both_engines(tmp_path: Path, digits: int):
    # Numbers whose quotient is another one by way of the reciprocal: the shortcut engines are tempted to take.
    scale = 10.0**digits
    whole = np.random.default_rng(digits).integers(1, min(10 ** min(digits + 6, 15), 2**50), 5_000)
    tempting = whole[whole / scale != whole * (1 / scale)]
    assert len(tempting) > 20
    given_ = candles([[number / scale] * 5 for number in [1, *tempting.tolist()]])
    file = one_file(tmp_path, given_, "2026-01")
    assert ("ps", "int8") in file.columns
    with duckdb.connect() as connection:
        connection.execute(view("v", CANDLES, [file]))
        assert from_engine(connection.table("v").select(*COLUMNS).to_arrow_table()).equals(given_)
    frame = scanned(CANDLES, [file])
    for engine in ("in-memory", "streaming"):
        assert from_engine(frame.select(COLUMNS).collect(engine=engine).to_arrow()).equals(given_)
        for row in range(1, 20):
            one = frame.slice(row, 1).filter(pl.col("low") == given_.low[row]).collect(engine=engine)
            assert one["high"].to_list() == [given_.high[row]]
