"""One question about a market, and what has come of one page so far.

What lives here: the records. What does not: asking (``ingest.pages``), what is proven (``ingest.proof``).
"""

from dataclasses import dataclass, field

from qmd_platform.errors import VenueError
from qmd_platform.ingest.asking import Clock, machine_clock
from qmd_platform.lake.store import Rejected
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market
from qmd_platform.model.spans import Run
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.port import Venue


@dataclass(frozen=True, slots=True)
class Skip:
    """What a venue skips, asked where it goes on: ``window`` has nothing, as ``answer`` says."""

    window: Window
    answer: Answered


@dataclass(frozen=True, slots=True)
class Question:
    """Of whom what is asked.

    All windows, those around a hole too, lie between ``floor`` (the listing) and ``closed`` (the end of what the
    venue's clock has closed, or of the listing). ``skipped`` gathers what the venue said, asked where it goes
    on, for all months of the market: every such answer once. ``is_over`` says that the market is not traded any more: after its
    last candle there is none, and that is no gap. ``clock`` dates the answers.
    """

    venue: Venue
    market: Market
    timeframe: Timeframe
    floor: Instant
    closed: Instant
    is_over: bool = False
    skipped: list[Skip] = field(default_factory=list)
    clock: Clock = machine_clock


@dataclass(slots=True)
class Fetched:
    """What one page brought. Every row that came in is in ``candles``, in ``rejected`` or in a count.

    Attributes:
        window: what was asked for first.
        candles: the rows to keep, sorted, unique.
        explained: why there is no row, run by run; set at the end.
        rejected: rows kept apart, with reasons.
        spoken: the time each answer speaks about, from its first row to its last.
        edges: the open times of rows that came first or last of an answer; it may have been cut between two of a time.
        stops: where those answers end that were asked up to the last closed candle.
        nowhere: how often the venue, asked where it goes on, said nowhere.
        duplicates: rows sent again with the same values, or belonging to other pages.
        refused: rows outside what was asked, or not closed.
        error: what ended the asking, if it did not end by itself.
        undecided: windows nothing can be said of yet.
        evidence: the questions and what came of them.
        is_done: whether everything there is to learn was learnt.
    """

    window: Window
    candles: Candles = field(default_factory=Candles.empty)
    explained: list[Run] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    spoken: list[Window] = field(default_factory=list)
    edges: set[Instant] = field(default_factory=set)
    stops: list[Instant] = field(default_factory=list)
    nowhere: int = 0
    duplicates: int = 0
    refused: int = 0
    error: VenueError | None = None
    undecided: list[Window] = field(default_factory=list)
    evidence: list[Answered] = field(default_factory=list)
    is_done: bool = False
