"""Cells of a grid covered by the fewest rectangles we can find: what an orchestrator's ranges of partitions are. Pure.

What lives here: the cover. What does not: what rows and columns stand for (``coverage.agenda``: markets and months).
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

Cell = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, slots=True, order=True)
class Rectangle:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, all inclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def cells(self) -> list[Cell]:
        """Every cell in it."""
        return [
            (row, column) for row in range(self.top, self.bottom + 1) for column in range(self.left, self.right + 1)
        ]


def covered(cells: Collection[Cell]) -> list[Rectangle]:
    """Disjoint rectangles that hold ``cells`` and nothing else, sorted.

    Unbroken stretches of a row, joined with equal ones in the rows below; or the same by columns, if that is fewer.
    """
    by_row = _strips(cells)
    by_column = [Rectangle(one.left, one.right, one.top, one.bottom) for one in _strips({(c, r) for r, c in cells})]
    return sorted(by_column if len(by_column) < len(by_row) else by_row)


def _strips(cells: Collection[Cell]) -> list[Rectangle]:
    """Stretches of each row, joined with equal ones of the next row."""
    done: list[Rectangle] = []
    growing: dict[tuple[int, int], Rectangle] = {}
    for row, group in groupby(sorted(set(cells)), key=lambda cell: cell[0]):
        above, growing = growing, {}
        for left, right in _stretches([column for _, column in group]):
            joined = above.pop((left, right), None)
            top = joined.top if joined and joined.bottom == row - 1 else row
            if joined and top == row:
                done.append(joined)
            growing[left, right] = Rectangle(top, row, left, right)
        done += above.values()
    return [*done, *growing.values()]


def _stretches(columns: list[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken stretch of sorted numbers."""
    groups = groupby(enumerate(columns), key=lambda placed: placed[1] - placed[0])
    return [((stretch := [column for _, column in group])[0], stretch[-1]) for _, group in groups]
