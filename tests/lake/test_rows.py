"""Which of two rows wins, and what makes two tables the same."""

from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import LakeError
from qmd_platform.lake.rows import arrow_schema, conformed, content_hash, empty, merged
from qmd_platform.model.candles import Candles
from qmd_platform.model.tables import CANDLES, INSTRUMENTS

Rows = list[tuple[int, float]]

minutes = st.integers(0, 12)
values = st.sampled_from([1.0, 2.0, 0.0, -0.0, float("nan")])
some_rows = st.lists(st.tuples(minutes, values), max_size=20)


def table(rows: Rows) -> pa.Table:
    open_at = np.array([minute for minute, _ in rows], np.int64) * 60_000
    price = np.array([value for _, value in rows], np.float64)
    return Candles(open_at, price, price, price, price, price).to_arrow()


def as_dict(rows: pa.Table) -> dict[int, bytes]:
    candles = Candles.from_arrow(rows)
    return {int(at): price.tobytes() for at, price in zip(candles.open_at, candles.low, strict=True)}


def bits(rows: Rows) -> dict[int, bytes]:
    return {minute * 60_000: np.float64(value).tobytes() for minute, value in rows}


@given(old=some_rows, new=some_rows, replace=st.booleans())
def test_a_merge_is_a_dict_update_or_a_new_dict_and_counts_what_it_did(*, old: Rows, new: Rows, replace: bool):
    merge = merged(CANDLES, conformed(CANDLES, table(old)), conformed(CANDLES, table(new)), replace=replace)
    before, added = bits(old), bits(new)
    after = added if replace else before | added
    assert as_dict(merge.rows) == after
    assert list(as_dict(merge.rows)) == sorted(after)
    assert merge.new == len(added.keys() - before.keys())
    assert merge.unchanged == len(added.items() & before.items())
    assert merge.changed == len(added) - merge.new - merge.unchanged
    assert merge.wrote == (after != before)


@given(some_rows, st.randoms(use_true_random=False))
def test_the_content_hash_does_not_know_in_which_order_rows_came(rows: Rows, random: Random):
    rows = list(dict(rows).items())
    shuffled = random.sample(rows, len(rows))
    cut = random.randint(0, len(rows))
    halves = [conformed(CANDLES, table(part)) for part in (shuffled[:cut], shuffled[cut:])]
    joined = merged(CANDLES, halves[0], halves[1], replace=False).rows
    assert content_hash(CANDLES, joined) == content_hash(CANDLES, conformed(CANDLES, table(rows)))


@given(some_rows, some_rows)
def test_the_content_hash_tells_apart_what_differs_in_one_bit(one: Rows, other: Rows):
    hashes = [content_hash(CANDLES, conformed(CANDLES, table(rows))) for rows in (one, other)]
    assert (hashes[0] == hashes[1]) == (bits(one) == bits(other))


def instruments(*changes: dict[str, object]) -> pa.Table:
    blank: dict[str, object] = {field.name: None if field.nullable else "" for field in arrow_schema(INSTRUMENTS)}
    blank |= {"active": True, "contract_size": 1.0}
    return pa.Table.from_pylist([blank | change for change in changes], schema=arrow_schema(INSTRUMENTS))


def test_the_content_hash_tells_a_null_from_a_zero_and_where_a_text_ends():
    null, zero = ({"symbol": "a", "tick": tick} for tick in (None, 0.0))
    split = ({"symbol": "a", "venue_symbol": first, "kind": second} for first, second in (("bc", ""), ("b", "c")))
    hashes = [content_hash(INSTRUMENTS, instruments(row)) for row in (null, zero, *split)]
    assert len(set(hashes)) == 4


def test_text_keys_are_sorted_and_merged_like_times():
    old = conformed(INSTRUMENTS, instruments({"symbol": "b"}, {"symbol": "a"}))
    new = conformed(INSTRUMENTS, instruments({"symbol": "b", "tick": 0.5}, {"symbol": "c"}))
    merge = merged(INSTRUMENTS, old, new, replace=False)
    assert merge.rows.column("symbol").to_pylist() == ["a", "b", "c"]
    assert merge.rows.column("tick").to_pylist() == [None, 0.5, None]
    assert (merge.new, merge.changed, merge.unchanged) == (1, 1, 0)


def test_no_rows_are_rows_too():
    merge = merged(CANDLES, empty(CANDLES), empty(CANDLES), replace=True)
    assert (len(merge.rows), merge.wrote) == (0, False)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (table([(1, 1.0)]).drop_columns(["low"]), "columns"),
        (table([(1, 1.0)]).append_column("more", pa.nulls(1)), "columns"),
        (table([(1, 1.0)]).set_column(1, "open", pa.nulls(1, pa.float64())), "nulls"),
        (table([(1, 1.0)]).set_column(1, "open", pa.nulls(1, pa.float32())), "float"),
    ],
)
def test_rows_of_another_shape_are_refused(rows: pa.Table, says: str):
    with pytest.raises(LakeError, match=says):
        conformed(CANDLES, rows)
