"""Numbers as venues print them, read back bit for bit."""

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.sandbox.text import Figures, Recorded, decimals_of, plain, rows_of

whole = st.lists(st.integers(0, 10**17), min_size=1, max_size=40)


def printed(numbers: Figures | Recorded, *, trim: bool = False) -> list[str]:
    return rows_of([numbers.cells(trim=trim), b"\n"], len(numbers)).decode().splitlines()


@given(whole, st.integers(0, 12))
def test_a_figure_is_printed_with_all_its_decimals(values: list[int], digits: int):
    figures = Figures(np.array(values), digits)
    assert printed(figures) == [f"{Decimal(value).scaleb(-digits):f}" for value in values]


@given(whole, st.integers(0, 12))
def test_a_trimmed_figure_is_the_same_number_without_trailing_zeros(values: list[int], digits: int):
    texts = printed(Figures(np.array(values), digits), trim=True)
    assert texts == [plain(Decimal(value).scaleb(-digits)) for value in values]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_a_recorded_float_reads_back_bit_for_bit(values: list[float]):
    texts = printed(Recorded(np.array(values, np.float64)))
    assert [float(text).hex() for text in texts] == [value.hex() for value in values]


@given(st.lists(st.integers(0, 2**53), min_size=1, max_size=40), st.integers(0, 15))
def test_the_printed_text_reads_as_the_float_nearest_to_the_decimal(values: list[int], digits: int):
    figures = Figures(np.array(values), digits)
    assert [float(text) for text in printed(figures)] == figures.floats().tolist()


def test_no_rows_print_as_nothing():
    assert rows_of([b"[", Figures(np.empty(0, np.int64), 2).cells(), b"]"], 0) == b""
    assert rows_of([b"[", Recorded(np.empty(0)).cells(), b"]"], 0) == b""


def test_decimals_are_counted_from_the_values():
    assert decimals_of(np.array([1.0, 20.0])) == 0
    assert decimals_of(np.array([1.5, 0.00012])) == 5
    assert decimals_of(np.array([1 / 3])) == 12
