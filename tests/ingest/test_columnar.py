"""Columns as rows of a table: each value as it was, and nothing where nothing is known."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qmd_platform.ingest.columnar import columnar, joined
from qmd_platform.lake.rows import arrow_schema, conformed
from qmd_platform.model.columns import Column, Table

SPEC = Table(
    "things",
    "Things.",
    ("name",),
    (
        Column("name", "string", "", "what it is called"),
        Column("price", "float64", "quote", "what it costs", nullable=True),
        Column("seen_at", "instant", "UTC", "when it was there", nullable=True),
        Column("count", "int64", "", "how many there are"),
        Column("is_new", "bool", "", "whether it was not used"),
    ),
)


def things(count: int) -> dict[str, Any]:
    numbers = np.arange(count)
    return {
        "name": [f"thing {number:05d} é" for number in numbers],
        "price": np.where(numbers % 3 == 1, np.nan, numbers / 7),
        "seen_at": np.where(numbers % 5 == 2, 0, numbers * 1000),
        "count": numbers - 2,
        "is_new": numbers % 4 == 0,
    }


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_every_value_arrives_and_what_is_not_known_is_nothing(count: int):
    given = things(count)
    table = columnar(SPEC, given)
    table.validate(full=True)
    assert table.schema == arrow_schema(SPEC)
    assert table.column("name").to_pylist() == given["name"]
    prices = [None if np.isnan(price) else price for price in given["price"].tolist()]
    assert table.column("price").to_pylist() == prices
    seen = [at or None for at in given["seen_at"].tolist()]
    assert table.column("seen_at").cast(pa.int64()).to_pylist() == seen
    assert table.column("count").to_pylist() == given["count"].tolist()
    assert table.column("is_new").to_pylist() == given["is_new"].tolist()


def test_infinity_is_a_value():
    table = columnar(SPEC, things(1) | {"price": np.array([np.inf])})
    assert table.column("price").to_pylist() == [np.inf]


def test_slices_of_longer_columns_arrive_too():
    longer = things(40)
    part = {name: values[9:30:2] for name, values in longer.items()}
    assert columnar(SPEC, part).column("count").to_pylist() == list(range(7, 28, 2))


def test_parts_are_joined_in_their_order_and_none_are_an_empty_table():
    one, other = columnar(SPEC, things(3)), columnar(SPEC, things(2))
    assert joined(SPEC, [one, other]).column("count").to_pylist() == [-2, -1, 0, -2, -1]
    assert joined(SPEC, []).num_rows == 0
    assert conformed(SPEC, joined(SPEC, [])).schema == arrow_schema(SPEC)
