"""What a table and a column of it are, as data.

What lives here: the shapes. What does not: the tables themselves (``tables``, ``arbitrage_tables``).
"""

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["instant", "float64", "int64", "string", "bool"]
Scope = Literal["market", "venue"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``unit`` is "" where there is none; ``sentence`` says what a value means.

    A ``later`` column was added when there were files without it already: in those it is null, so it is nullable.
    """

    name: str
    dtype: Dtype
    unit: str
    sentence: str
    nullable: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of table. ``key`` names the columns that make a row unique; rows are sorted by it.

    ``scope`` says what one series of it is about: a market of a venue, or all of the venue.
    """

    name: str
    sentence: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    version: int = 1
    scope: Scope = "market"

    def column(self, name: str) -> Column:
        """The column called ``name``."""
        return next(c for c in self.columns if c.name == name)
