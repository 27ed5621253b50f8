"""Rows as QuestDB's client takes them: data frames. Pure.

What lives here: Arrow to pandas, which of QuestDB's own partitions a row is in. What does not: sending (``questdb_http``).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.errors import StoreError
from qmd_platform.lake.buffers import arrow, column, or_nan, texts, truths
from qmd_platform.model.series import Partition
from qmd_platform.publish.port import Batch, Loaded, name_of, spec_of, time_column
from qmd_platform.publish.questdb_sql import is_by_day

if TYPE_CHECKING:
    import pandas as pd


def frame_of(batch: Batch, rows: pa.Table) -> "pd.DataFrame":
    """``rows`` of a partition with its venue and symbol.

    Raises:
        StoreError: a value is infinite: QuestDB would keep it as null, which is a NaN, and never tell.
    """
    import pandas as pd  # noqa: PLC0415 - only who loads needs it

    spec = spec_of(batch.partition.series.table)
    series = batch.partition.series
    place = {name: _same(value, len(rows)) for name, value in (("venue", series.venue), ("symbol", series.symbol))}
    columns: dict[str, Any] = {}
    for one in spec.columns:
        if one.dtype == "instant":
            columns[one.name] = column(rows, one.name).astype("datetime64[ms]").astype("datetime64[us]")
        elif one.dtype == "string":
            words, codes = texts(rows.column(one.name).combine_chunks())
            columns[one.name] = pd.Categorical.from_codes(codes, pd.Index(words))
        elif one.dtype == "bool":
            columns[one.name] = truths(rows, one.name)
        else:
            columns[one.name] = _finite(batch, one.name, or_nan(rows, one.name))
    return pd.DataFrame(place | columns)


def days_of(table: str, instants: NDArray[np.int64]) -> list[str]:
    """The partitions of QuestDB's that rows at these epoch ms are in, as it names them."""
    unit = "D" if is_by_day(table) else "M"
    return [str(name) for name in np.unique(instants.astype("datetime64[ms]").astype(f"datetime64[{unit}]"))]


def within(batch: Batch, names: Collection[str]) -> pa.Table:
    """The rows of ``batch`` that are in these partitions of QuestDB's."""
    table = batch.partition.series.table
    if not is_by_day(table):
        return batch.rows
    at = column(batch.rows, time_column(spec_of(table))).astype("datetime64[ms]").astype("datetime64[D]")
    wanted = np.isin(at, np.array(sorted(names), "datetime64[D]"))
    return batch.rows.take(arrow(np.flatnonzero(wanted).astype(np.int64)))


def instants_of(batch: Batch) -> NDArray[np.int64]:
    """The instants of the rows, epoch ms."""
    at: NDArray[np.int64] = column(batch.rows, time_column(spec_of(batch.partition.series.table)))
    return at


def loaded_frame(table: str, loaded: Sequence[tuple[Partition, Loaded]]) -> "pd.DataFrame":
    """Rows of ``qmd_loaded``."""
    import pandas as pd  # noqa: PLC0415 - as above

    def instants(values: list[int]) -> NDArray[np.datetime64]:
        return np.array(values, "datetime64[ms]").astype("datetime64[us]")

    said = [one for _, one in loaded]
    return pd.DataFrame(
        {
            "month_at": instants([partition.window.start for partition, _ in loaded]),
            "table_name": _same(table, len(loaded)),
            **{
                name: [name_of(one)[place] for one, _ in loaded]
                for place, name in enumerate(("venue", "symbol", "month"))
            },
            "data_version": [one.data_version for one in said],
            "version": np.array([one.version for one in said], np.int64),
            "row_count": np.array([one.rows for one in said], np.int64),
            "commit_id": np.array([one.commit for one in said], np.int64),
            "loaded_at": instants([one.loaded_at for one in said]),
        }
    )


def _same(value: str, count: int) -> Any:  # noqa: ANN401 - a pandas array
    import pandas as pd  # noqa: PLC0415 - as above

    return pd.Categorical.from_codes(np.zeros(count, np.int8), pd.Index([value]))


def _finite(batch: Batch, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isinf(values).any():
        hint = "QuestDB has no infinite numbers; PostgreSQL has"
        raise StoreError(f"{batch.partition} has an infinite {name}, which QuestDB cannot keep", hint=hint)
    return values


def up_to(most: int, rows: Iterator[tuple[Batch, pa.Table]]) -> Iterator[tuple[Batch, pa.Table]]:
    """The first of ``rows``, some ``most`` of them; the iterator has the others still."""
    count = 0
    while count < most and (one := next(rows, None)) is not None:
        count += len(one[1])
        yield one
