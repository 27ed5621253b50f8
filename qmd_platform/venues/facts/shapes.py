"""The shapes facts come in.

What lives here: the dataclasses. What does not: any fact (one module a venue beside this one).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["base", "contracts"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a venue allows an address: ``weight`` in any ``seconds``. Requests of one ``bucket`` share it.

    ``is_apart``: what the venue says of the weight used so far is not about this budget.
    """

    bucket: str
    weight: float
    seconds: float
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Candles of one kind of market at one venue.

    ``page_limit`` is the number of candles that costs the least weight each, not always the most a request may
    bring. ``weights`` are (up to this many candles, weight of the request), ascending. ``newest_only`` is how many
    candles an endpoint serves that always answers with its newest ones, whatever the window; None where the window
    decides. (Gate serves no more than 10,000 back, but says so itself when it is asked for older ones.) ``sources`` says
    of every field where it is from.
    """

    page_limit: int
    weights: tuple[tuple[int, float], ...]
    budget: Budget
    omits_empty: bool
    volume_unit: Unit
    newest_only: int | None
    sources: Mapping[str, str] = field(repr=False)

    def weight(self, candles: int) -> float:
        """Weight of a request for at most ``candles``."""
        return next((weight for most, weight in self.weights if candles <= most), self.weights[-1][1])

    def room(self, candles: int) -> int:
        """The most candles a request of the same weight may ask for."""
        most = next((most for most, _ in self.weights if candles <= most), self.weights[-1][0])
        return max(min(most, self.page_limit), candles)


@dataclass(frozen=True, slots=True)
class FundingFacts:
    """Funding histories at one venue.

    ``page_limit`` is the most rows a request brings, ``rows`` what a row is: a settlement, or a snapshot of the contract
    (then ``row_minutes`` is about how far apart they are). A window of more rows is answered with its ``keeps`` ones.
    ``reach_days`` is how many days back the venue serves for sure; None for all. ``has_mark`` says whether a row has the
    mark price. ``usual_hours`` is the interval of a contract of which the venue does not state another; None where it
    states that of every contract. ``sources`` says of every field where it is from.
    """

    page_limit: int
    rows: Literal["settlements", "snapshots"]
    keeps: Literal["oldest", "newest"]
    budget: Budget
    has_mark: bool
    reach_days: int | None
    usual_hours: float | None
    sources: Mapping[str, str] = field(repr=False)
    row_minutes: float = 480

    @property
    def page_hours(self) -> int:
        """Hours that one request covers, of a contract that settles every eight."""
        return int(self.page_limit * self.row_minutes / 60)


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """One venue. ``clock_url`` answers with the venue's time and needs no key; ``clock`` says where in the answer.

        ``clock`` is the way to it in the JSON, keys and positions joined by dots, or ``Date`` for the HTTP header (whole
        seconds); ``clock_unit_ms`` is how many milliseconds one unit of it is.
        ``throttle_seconds`` is the wait after a refusal for speed that names none, ``ban_seconds`` after a ban that names
        none. ``settles`` are the coins whose contracts are kept; None for all that ccxt lists for the kinds. ``funding`` is
    that of its perpetuals; None where they are not asked for it.
    """

    title: str
    docs: str
    clock_url: str
    clock: str
    throttle_seconds: float
    ban_seconds: float
    kinds: Mapping[str, KindFacts]
    clock_unit_ms: int = 1
    settles: frozenset[str] | None = None
    funding: FundingFacts | None = None
