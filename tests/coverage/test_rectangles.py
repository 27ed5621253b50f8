"""The cover of cells by rectangles: exact, disjoint, and few."""

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.rectangles import Rectangle, covered

cells = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


@given(cells)
def test_every_cell_is_in_exactly_one_rectangle_and_no_other_cell_is(wanted: set[tuple[int, int]]):
    found = [cell for one in covered(wanted) for cell in one.cells]
    assert len(found) == len(set(found))
    assert set(found) == wanted


@given(cells)
def test_no_two_rectangles_of_the_cover_could_be_joined_lying_beside_each_other(wanted: set[tuple[int, int]]):
    found = set(covered(wanted))
    by_row = all(Rectangle(one.bottom + 1, low, one.left, one.right) not in found for one in found for low in range(8))
    by_column = all(
        Rectangle(one.top, one.bottom, one.right + 1, far) not in found for one in found for far in range(8)
    )
    assert by_row or by_column


def test_a_grid_is_one_rectangle():
    assert covered({(row, column) for row in range(3) for column in range(4)}) == [Rectangle(0, 2, 0, 3)]


def test_what_is_fewer_by_columns_is_cut_by_columns():
    comb = {(row, column) for row in range(5) for column in range(3)} - {(1, 1), (3, 1)}
    assert len(covered(comb)) == 5
    assert len(covered({(column, row) for row, column in comb})) == 5


def test_cells_that_do_not_touch_are_not_joined():
    assert covered({(0, 0), (2, 0), (0, 2)}) == [Rectangle(0, 0, 0, 0), Rectangle(0, 0, 2, 2), Rectangle(2, 2, 0, 0)]
