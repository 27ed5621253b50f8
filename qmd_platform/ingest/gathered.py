"""All that is got for one month: whole files from the archive where that is cheaper, the rest from the API.

What lives here: the order of asking, and the check of one source by the other. What does not: either source (``ingest.
archived``, ``ingest.asked``), commits (``ingest.months``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qmd_platform.ingest.archived import Shelved, agreed, shelved
from qmd_platform.ingest.asked import Asked, MarketState
from qmd_platform.ingest.fetched import Fetched
from qmd_platform.ingest.shared import Shared
from qmd_platform.model.spans import subtracted
from qmd_platform.model.window import Window
from qmd_platform.venues import paging
from qmd_platform.venues.archive_check import Disagreement
from qmd_platform.venues.port import Traffic


@dataclass(slots=True)
class Gathered:
    """What came of a month.

    Attributes:
        asked: the windows that the API was asked for.
        fetched: its answers, page by page.
        shelf: what the archive gave, and which of its files were of no use.
        compared: candles that both were asked for.
        disagreements: those of them that differ.
    """

    asked: list[Window]
    fetched: list[Fetched]
    shelf: Shelved
    compared: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def pages(self) -> list[Fetched]:
        """Everything that came, of either source."""
        return [*(part for one in self.shelf.taken for part in one.parts), *self.fetched]


async def gathered(
    shared: Shared,
    state: MarketState,
    windows: Sequence[Window],
    again: Sequence[Window],
    *,
    until: float,
    traffic: Traffic,
    tell: Callable[[int], None],
) -> Gathered:
    """Get ``windows`` of one month by ``until`` (the loop's clock).

    What is read ``again`` is asked at the API: it is the one that restates.
    """
    question = state.question
    step = question.timeframe.step
    limit = question.venue.page_limit(question.market, question.timeframe)
    shelf = await _from_files(shared, state, subtracted(windows, again), until, traffic)
    from_files = subtracted(windows, [*shelf.left, *again])
    tell(sum(window.steps(step) for window in from_files))
    shelf.left = subtracted(windows, from_files)
    asked = shelf.pages(step, limit)
    pages = Asked(shared, state, traffic, tell)
    await pages.pages(list(reversed(asked)), until)
    disagreements, compared, dropped = agreed(shelf, pages.arrived, step)
    if dropped:
        await pages.pages(list(reversed(paging.pages(dropped, step, limit))), until)
    return Gathered([*asked, *dropped], pages.arrived, shelf, compared, disagreements)


async def _from_files(
    shared: Shared, state: MarketState, windows: Sequence[Window], until: float, traffic: Traffic
) -> Shelved:
    """What the archive has of ``windows`` in time."""
    if shared.archive is None or not windows:
        return Shelved(list(windows))
    question = state.question
    return await shelved(shared.archive, question, windows, question.closed, traffic, until=until)
