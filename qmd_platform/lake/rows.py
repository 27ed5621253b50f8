"""A table's rows in memory: their shape, which of two wins, and their content hash. Pure.

What lives here: ``conformed`` (sorted, unique, typed), ``merged`` (the better of two by key), ``content_hash``. What
does not: bytes on disk (``lake.codec``), which rows a partition may hold (``lake.writes``).
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.errors import LakeError
from qmd_platform.lake.buffers import arrow, numbers, texts
from qmd_platform.model.tables import CANDLES, Column, Table
from qmd_platform.model.window import Instant

Ints = NDArray[np.int64]

_TYPES = {
    "instant": pa.timestamp("ms", "UTC"),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "bool": pa.bool_(),
}


def arrow_schema(spec: Table) -> pa.Schema:
    """The Arrow schema of a table."""
    return pa.schema([pa.field(c.name, _TYPES[c.dtype], nullable=c.nullable) for c in spec.columns])


def empty(spec: Table) -> pa.Table:
    """A table without rows; ``Schema.empty_table`` would import pandas."""
    schema = arrow_schema(spec)
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def conformed(spec: Table, rows: pa.Table) -> pa.Table:
    """``rows`` sorted by the table's key, the last of rows with equal keys kept, each column one chunk.

    Raises:
        LakeError: a column is missing, extra, of another type, or has nulls it may not have.
    """
    schema = arrow_schema(spec)
    if sorted(rows.column_names) != sorted(schema.names):
        raise LakeError(f"rows of {spec.name} have columns {rows.column_names}", hint=f"they must be {schema.names}")
    for field in schema:
        column = rows.column(field.name)
        if column.type != field.type:
            raise LakeError(f"column {field.name} of {spec.name} is {column.type}, not {field.type}")
        if column.null_count and not field.nullable:
            raise LakeError(f"column {field.name} of {spec.name} has {column.null_count} nulls")
    table = pa.Table.from_arrays([rows.column(name).combine_chunks() for name in schema.names], schema=schema)
    order, _, ends = _grouped(spec, _bits(spec, table))
    return _picked(table, order[ends])


SOURCE_RANK, FETCHED_AT = "source_rank", "fetched_at"
"""Two columns a stored candle has beside its table's: how much its source counts, and when it was fetched (epoch ms)."""


def stamped(spec: Table, rows: pa.Table, source_rank: int, fetched_at: Instant) -> pa.Table:
    """``rows`` as they are stored: candles with where they stand when another row has their key."""
    if spec is not CANDLES:
        return rows
    for name, value in ((SOURCE_RANK, source_rank), (FETCHED_AT, fetched_at)):
        rows = rows.append_column(
            pa.field(name, pa.int64(), nullable=False), arrow(np.full(len(rows), value, np.int64))
        )
    return rows


@dataclass(frozen=True, slots=True)
class Merge:
    """The rows after a write, and how many of the written rows were new, changed or already there.

    ``outranked`` ones differ from a row that counts more. ``before`` and ``after`` are the positions of changed rows in
    the old and in the written rows, ``gone`` those of old rows that are no more, ``fresh`` those of new written rows.
    """

    rows: pa.Table
    unchanged: int
    outranked: int
    wrote: bool
    """Whether what ``rows`` say differs from before."""
    laid: bool
    """Whether they have to be written, as they differ at least in their ranks."""
    before: Ints
    after: Ints
    gone: Ints
    fresh: Ints

    @property
    def new(self) -> int:
        """How many written rows have a key that was not there."""
        return len(self.fresh)

    @property
    def changed(self) -> int:
        """How many written rows took the place of another."""
        return len(self.after)


def merged(spec: Table, old: pa.Table, rows: pa.Table, *, replace: bool, restamp: bool = False) -> Merge:
    """``rows`` laid over ``old`` by key, or put in its place where ``replace``. Both ``conformed``, then ``stamped``.

    Of two rows with the same key the one of higher (source rank, time fetched) stays, of equal ones the written one:
    whatever the order they come in, the same one is left. A value is changed when its bits are: NaN equals NaN, 0.0
    differs from -0.0. Of rows that say the same the old one stays, unless the new one's source rank is higher
    or, with ``restamp``, it was fetched later.
    """
    both = pa.concat_tables([old, rows]).combine_chunks()
    bits = _bits(spec, both)
    order, starts, ends = _grouped(spec, bits, [] if replace else _ranks(both))
    first, last = order[starts], order[ends]
    is_pair = ends > starts
    is_same = is_pair.copy()
    at = np.flatnonzero(is_pair)  # mostly none, or the last page's rows once more
    is_same[at] = np.logical_and.reduce([values[first[at]] == values[last[at]] for values in bits.values()])
    wins = last >= len(old)
    unchanged, changed = is_pair & is_same, is_pair & ~is_same & wins
    gone = first[~is_pair & ~wins] if replace else first[:0]
    fresh = last[~is_pair & wins] - len(old)
    better = _better(both, first, last, unchanged & wins, [SOURCE_RANK, FETCHED_AT] if restamp else [SOURCE_RANK])
    chosen = np.where(unchanged & ~better, np.minimum(first, last), last)
    wrote = bool(len(fresh) or changed.any() or len(gone))
    laid = wrote or bool(better.any())
    return Merge(
        rows=(rows if replace else _picked(both, chosen)) if laid else old,
        unchanged=int(np.count_nonzero(unchanged)),
        outranked=int(np.count_nonzero(is_pair & ~is_same & ~wins)),
        wrote=wrote,
        laid=laid,
        before=first[changed],
        after=last[changed] - len(old),
        gone=gone,
        fresh=fresh,
    )


def _ranks(table: pa.Table) -> list[Ints]:
    """What decides between rows of one key, the weightiest first; nothing where the table does not say."""
    return _columns(table, [SOURCE_RANK, FETCHED_AT])


def _better(table: pa.Table, first: Ints, last: Ints, where: NDArray[np.bool_], by: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the pairs in ``where`` differ in one of the columns ``by``: the last of a pair is the better one."""
    found = np.zeros(len(where), np.bool_)
    for rank in _columns(table, by):
        found |= where & (rank[first] != rank[last])
    return found


def _columns(table: pa.Table, names: Sequence[str]) -> list[Ints]:
    return [numbers(table.column(name).combine_chunks(), np.int64) for name in names if name in table.column_names]


def content_hash(spec: Table, rows: pa.Table) -> str:
    """The one hash of ``content_hashes`` of all rows."""
    return content_hashes(spec, rows, [len(rows)])[0]


def content_hashes(spec: Table, rows: pa.Table, ends: Sequence[int]) -> list[str]:
    """sha256 (hex) of what the rows say, part by part; the parts follow one another and end before ``ends``.

    The same rows give the same hash, however they arrived or are stored. Hashed are the table's name and version, the
    number of rows, and column by column the little-endian values, before them the lengths of strings and, where the
    column may be null, which values are there. A column that was added later is hashed only where it says something:
    so what was written before it keeps its hash.
    """
    columns = [(one, _hashed(one, rows.column(one.name))) for one in spec.columns]
    found = []
    for start, end in itertools.pairwise([0, *ends]):
        digest = hashlib.sha256(f"{spec.name} {spec.version} {end - start}\n".encode())
        for column, parts in columns:
            if column.later and not np.any(parts[0][start:end]):
                continue
            digest.update(f"{column.name} {column.dtype}\n".encode())
            for values in parts:
                digest.update(b"".join(values[start:end]) if isinstance(values, list) else values[start:end].data)
        found.append(digest.hexdigest())
    return found


def _hashed(column: Column, chunks: "pa.ChunkedArray[Any]") -> list[NDArray[Any] | list[bytes]]:
    """What is hashed of a column, one value a row each."""
    array = chunks.combine_chunks()
    valid: list[NDArray[Any] | list[bytes]] = [_valid(array).astype("u1")] if column.nullable else []
    if column.dtype == "string":
        words, codes = texts(array)
        encoded = [word.encode() for word in words]
        lengths = np.array([len(word) for word in encoded], "<i8")
        return [*valid, lengths[codes], [encoded[code] for code in codes.tolist()]]
    return [*valid, _values(array, column).astype("<i8", copy=False)]


def _bits(spec: Table, table: pa.Table) -> dict[str, Ints]:
    """Per column an integer array that is equal where the values are, and in key columns sorts as they do."""
    bits: dict[str, Ints] = {}
    for column in spec.columns:
        array = table.column(column.name).combine_chunks()
        if column.nullable:
            bits[f"{column.name} is there"] = _valid(array)
        if column.dtype == "string":
            words, codes = texts(array)
            bits[column.name] = np.unique(np.array(words, object), return_inverse=True)[1].astype(np.int64)[codes]
        else:
            bits[column.name] = _values(array, column)
    return bits


def _values(array: "pa.Array[Any]", column: Column) -> Ints:
    """The 64 bits of each value of a column that is not of strings; all zero for a null."""
    if column.dtype == "bool":
        array = array.cast(pa.int64())
    # Not fill_null: it imports pandas. The bits below a null are whatever they happen to be.
    return np.where(_valid(array), numbers(array, np.int64), 0) if array.null_count else numbers(array, np.int64)


def _valid(array: "pa.Array[Any]") -> Ints:
    return numbers(array.is_valid().cast(pa.int64()), np.int64)


def _grouped(spec: Table, bits: dict[str, Ints], ranks: Sequence[Ints] = ()) -> tuple[Ints, Ints, Ints]:
    """Row numbers in key order, and where each key's group starts and ends; in it the best is last."""
    keys = [bits[name] for name in spec.key]
    if len(keys) == 1 and (keys[0][1:] > keys[0][:-1]).all():  # candles nearly always come in order, each once
        order = np.arange(len(keys[0]))
        return order, order, order
    order = np.lexsort([*keys, *ranks][::-1])
    if not len(order):
        return order, order, order
    differs = np.logical_or.reduce([key[order[1:]] != key[order[:-1]] for key in keys])
    starts = np.flatnonzero(np.r_[True, differs])
    return order, starts, np.r_[starts[1:], len(order)] - 1


def _picked(table: pa.Table, rows: Ints) -> pa.Table:
    """The rows at these positions; ``table`` itself where that is all of them in order."""
    return table if np.array_equal(rows, np.arange(len(table))) else table.take(arrow(rows)).combine_chunks()
