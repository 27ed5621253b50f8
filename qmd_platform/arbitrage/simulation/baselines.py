"""What the rules must beat: doing nothing, always holding, one threshold, and entering at random. Pure.

What lives here: when and how long the baselines hold. What does not: their equity and figures (``run``). The random source is handed in, so the
same seed gives the same entries.

Random entries have **equal exposure**: as many positions as the rules had, held as many rows each, none overlapping; only
when they begin is drawn. What the rules earn beyond them is timing, not merely being in the market.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qmd_platform.arbitrage.hedges import Hedge
from qmd_platform.arbitrage.simulation.signals import Signal
from qmd_platform.arbitrage.simulation.trades import Conditions, Trade, trade
from qmd_platform.arbitrage.simulation.world import World
from qmd_platform.funding.annual import HOURS_PER_YEAR

DRAWS = 1_000
"""Random sets of entries: the share that beat the rules is then known to within 1.6 points or so."""


def always_on(world: World, rows: range, conditions: Conditions) -> list[Trade]:
    """A position over these rows, from the first at which both legs trade; where it is lost, another as soon as can be."""
    held: list[Trade] = []
    row = rows.start
    while row < rows.stop:
        waiting = np.flatnonzero(world.both_trade[row : rows.stop])
        made = trade(world, row + int(waiting[0]), rows.stop, conditions) if len(waiting) else None
        if made is None:
            break
        held.append(made)
        row = max(world.next_row(made.exit_at), made.entry_row + 1)
    return held


def above_threshold(hedge: Hedge, per_year: float) -> list[Signal]:
    """Held as long as what the legs last settled, less borrowing, comes to more than ``per_year``: no cost, no patience.

    What a board of funding rates tempts one to do. A settlement whose interval is not known yet counts as below.
    """
    with np.errstate(invalid="ignore"):
        is_above = (hedge.last_funding_per_hour - hedge.borrow_per_hour) * HOURS_PER_YEAR > per_year
    turns = np.diff(np.r_[False, is_above, False].astype(np.int8))
    begins, ends = np.flatnonzero(turns > 0).tolist(), np.flatnonzero(turns < 0).tolist()
    at = [*hedge.at.tolist(), None]
    return [Signal(at[begin], at[end]) for begin, end in zip(begins, ends, strict=True)]


def random_entries(rows: range, holds: Sequence[int], draws: int, source: Generator) -> Iterator[NDArray[np.intp]]:
    """For each draw the rows of (entry, exit), as many as ``holds`` and as long, not overlapping, inside ``rows``.

    Every placing of the holds in an order drawn at random is equally likely. Where the holds are longer than ``rows``
    together, they are cut from the last on.
    """
    lengths = _fitting(holds, len(rows))
    slack = len(rows) - int(lengths.sum())
    for _ in range(draws):
        mixed = source.permutation(lengths)
        gaps = np.sort(source.integers(0, slack + 1, len(mixed)))
        begins = rows.start + gaps + np.r_[0, np.cumsum(mixed)[:-1]] if len(mixed) else np.empty(0, np.intp)
        yield np.stack([begins, begins + mixed], axis=1).astype(np.intp)


def _fitting(holds: Sequence[int], room: int) -> NDArray[np.int64]:
    lengths = np.asarray(holds, np.int64)
    total = np.minimum(np.cumsum(lengths), room)
    fitting = np.diff(total, prepend=0)
    return np.asarray(fitting[fitting > 0], np.int64)
