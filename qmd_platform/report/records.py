"""What the report is made of, as values: pairs with their history and their life, and where a row is kept.

What lives here: plain records. What does not: their legs (``legs``), finding them (``reading``, ``lives``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.cash_and_carry import SPOT
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one row is kept.

    Attributes:
        partition: of which series and month.
        version, data_version, committed_at: the partition's in the report's snapshot.
        path: the file, relative to the lake.
        row: its place in that file, from 0.
    """

    partition: Partition
    version: int
    data_version: str
    committed_at: Instant
    path: str
    row: int


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One pair over time, in the direction of its newest row: columns of equal length.

    ``is_same`` says where the table's own row had that direction; ``earned`` is the cumulative difference of funding.
    """

    at: NDArray[np.int64]
    is_same: NDArray[np.bool_]
    price_spread_bps: NDArray[np.float64]
    earned: NDArray[np.float64]
    net_per_year: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A transition of the pair's life: when, from what to what, why, in which episode, and when that began."""

    at: Instant
    before: str
    after: str
    reason: str
    episode: int
    began_at: Instant


@dataclass(frozen=True, slots=True)
class Life:
    """Where a pair stands by the table of opportunities, oldest transition first."""

    changes: tuple[Change, ...]

    @property
    def state(self) -> str:
        """After the last transition."""
        return self.changes[-1].after

    @property
    def episode(self) -> int:
        """The number of the last episode."""
        return self.changes[-1].episode

    @property
    def since(self) -> Instant:
        """When its last episode began; where that is over, when it ended."""
        last = self.changes[-1]
        return last.at if self.is_over else last.began_at

    def told(self, minute: Callable[[Instant], str]) -> str:
        """Since when it is in its state, as `qmd opportunities` says it, and when its episode began, which may be earlier."""
        last = self.changes[-1]
        if self.is_over:
            return f"episode {last.episode} ended {minute(last.at)} UTC"
        return f"since {minute(last.at)} UTC, episode {last.episode} since {minute(last.began_at)}"

    @property
    def is_over(self) -> bool:
        """Whether the last episode has ended."""
        return self.state in ("NONE", "CLOSE")

    @property
    def is_held(self) -> bool:
        """Whether the rules hold a position."""
        return self.state in ("OPEN", "HOLD")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One pair on the board.

    Attributes:
        table: the table its newest row is in.
        row: that row by column; instants as epoch ms, None where empty.
        origin: where the row is.
        history: of the window of the report.
        earns_since: since when it earns in this direction without a break; None where it does not.
        is_older: whether it did so already before the window began.
        life: of this direction; None without a row of opportunities.
        mirror: of the other one: what was opened that way is still held when the funding turns.
    """

    table: Table
    row: Mapping[str, Any]
    origin: Origin
    history: History
    earns_since: Instant | None
    is_older: bool
    life: Life | None = None
    mirror: Life | None = None

    @property
    def short(self) -> Market:
        """The market that is sold."""
        return Market.parse(self.row["short_market"])

    @property
    def long(self) -> Market:
        """The market that is bought."""
        return Market.parse(self.row["long_market"])

    @property
    def seen_at(self) -> Instant:
        """The instant the row is of."""
        return int(self.row["seen_at"])

    @property
    def anchor(self) -> str:
        """The name of its section in the page."""
        text = f"{self.table.name}-{self.row['short_market']}-{self.row['long_market']}"
        return "".join(letter if letter.isalnum() else "-" for letter in text).lower()

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the risk flags that are up."""
        return tuple(self.row["flags"].split())

    @property
    def is_reverse(self) -> bool:
        """Whether it sells borrowed spot."""
        return self.short.kind == SPOT


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is of: ``now`` (epoch ms), the window up to it, one underlying or all, how many pairs a table."""

    now: Instant
    window: Window
    underlying: str | None
    top: int
