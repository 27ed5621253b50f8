"""Which days of a window Tardis has files of, and why it has none of the others.

What lives here: one market at Tardis, its days. What does not: getting files (``ingest.tardis_files``), what Tardis says it has
(``venues.tardis.api``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmd_platform.errors import UnknownMarket
from qmd_platform.model.series import Market
from qmd_platform.model.spans import united
from qmd_platform.model.window import Window, iso
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.tardis import api
from qmd_platform.venues.tardis.datasets import DAY, days
from qmd_platform.venues.tardis.exchanges import KRAKEN_V2_SINCE, NAME, Exchange, dataset_of, symbol_of
from qmd_platform.venues.tardis.reading import Expected

NOT_YET = "not published yet; a day comes at about 06:00 of the next"
NEVER = "Tardis has no file of these days"


@dataclass(frozen=True, slots=True)
class Source:
    """One market at Tardis. ``history`` are its instrument's rows, the oldest first."""

    market: Market
    exchange: Exchange
    history: Sequence[Instrument]

    def symbol(self, day: Window) -> str:
        """How messages of the day spell it."""
        return symbol_of(self.exchange, self.history[-1], day.start)

    def expected(self, day: Window) -> Expected:
        """Whose rows a file of the day must hold."""
        return Expected(self.exchange.id, dataset_of(self.symbol(day)), day)

    @property
    def names(self) -> list[str]:
        """What its data sets have been called, the newest name first."""
        at = (Window(KRAKEN_V2_SINCE, KRAKEN_V2_SINCE + DAY), Window(0, DAY))
        return list(dict.fromkeys(self.expected(day).dataset for day in at))


@dataclass(frozen=True, slots=True)
class Left:
    """A part of what was asked for that is left for later, and why."""

    window: Window
    why: str


class Days:
    """The days of which Tardis has files of one type of one market."""

    def __init__(self, details: api.Details, source: Source, type_: str) -> None:
        """The days as ``details`` says.

        Raises:
            UnknownMarket: there are no such data sets.
        """
        self._source, self._until = source, details.exported_until
        self._type = type_
        self._sets = _sets(details, source.names, type_)
        self._spans = {name: api.span_of(one, self._until) for name, one in self._sets.items()}

    def of(self, window: Window) -> list[Window]:
        """The days of ``window`` of which there are files; none where all of them are still to come.

        Raises:
            UnknownMarket: there are no files of any, and never will be; the hint says from when until when there are.
        """
        found = [day for day in days(window) if self._has(day)]
        if not found and not any(map(self._is_to_come, days(window))):
            start, end = min(one.start for one in self._spans.values()), max(one.end for one in self._spans.values())
            raise UnknownMarket(
                NAME,
                f"{self._source.exchange.id} has no {self._type} of {self._source.market} in {window}",
                hint=f"it has them from {iso(start)} to {iso(end)}; a day comes at about 06:00 of the next",
            )
        return found

    def left(self, lacking: Sequence[Window]) -> list[Left]:
        """Days without files as parts that are left, with the reason."""
        late = [day for day in lacking if self._is_to_come(day)]
        never = [day for day in lacking if not self._is_to_come(day)]
        return [Left(one, why) for those, why in ((never, NEVER), (late, NOT_YET)) for one in united(those)]

    def _has(self, day: Window) -> bool:
        span = self._spans.get(self._source.expected(day).dataset)
        return (
            span is not None
            and span.start // DAY * DAY <= day.start
            and day.end <= -(-span.end // DAY) * DAY
            and day.end <= self._until
        )

    def _is_to_come(self, day: Window) -> bool:
        """Whether the day is not over for Tardis yet, and the data set goes on."""
        one = self._sets.get(self._source.expected(day).dataset)
        return day.end > self._until and one is not None and one.available_to is None


def _sets(details: api.Details, names: Sequence[str], type_: str) -> Mapping[str, api.Dataset]:
    found: dict[str, api.Dataset] = {}
    refusals = []
    for name in names:
        try:
            found[name] = details.dataset(name, type_)
        except UnknownMarket as error:
            refusals.append(error)
    if not found:
        raise refusals[0]
    return found
