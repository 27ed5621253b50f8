"""What a pair's row was made from: each leg's settlements and price, with their files and rows; and how fresh they are.

What lives here: looking these up in the report's snapshot, by the same rules as ``ingest.arbitrage_inputs``. What does
not: what they come to (``working``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from qmd_platform.arbitrage.carry import DELAY_MS, known_from
from qmd_platform.arbitrage.cash_and_carry import SPOT
from qmd_platform.arbitrage.costs import Fee
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.coverage.summary import summarised
from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.funding.intervals import Intervals, intervals
from qmd_platform.ingest.arbitrage_inputs import LEAD_MS, QUOTED_BY, Known, Paid, known, named, paid, spans
from qmd_platform.lake.buffers import column
from qmd_platform.lake.segments import candles_of, table_of
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, month_of, month_window
from qmd_platform.report.due import GRACE_MS
from qmd_platform.report.figures import HOUR_MS
from qmd_platform.report.legs import Age, Leg, Price, Used
from qmd_platform.report.reading import Snapshot
from qmd_platform.report.records import Origin, Pair, Wanted

NOT_PAID = (Settlements.empty(), intervals(Settlements.empty()))


@dataclass(slots=True)
class Inputs:
    """The inputs of many rows in one snapshot; what several of them share is read once.

    ``histories`` is the funding of the markets that are on the page.
    """

    snapshot: Snapshot
    terms: Terms
    histories: Mapping[Market, Paid]
    _known: dict[tuple[Market, Window], Known] = field(default_factory=dict)
    _candles: dict[tuple[Series, str], Candles] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, terms: Terms, markets: Iterable[Market]) -> "Inputs":
        """Of these markets; those without funding are spot, or have none in the lake."""
        perpetuals = sorted({one for one in markets if one.kind != SPOT})
        return cls(snapshot, terms, {one.market: one for one in paid(snapshot.lake, perpetuals, snapshot.commit)})

    def legs(self, pair: Pair) -> tuple[Leg, Leg]:
        """The short leg and the long one, as they were known when the pair's row was made."""
        return self._leg(pair.short, pair.seen_at), self._leg(pair.long, pair.seen_at)

    def _leg(self, market: Market, at: Instant) -> Leg:
        span = next(one for one in spans(month_window(month_of(at))) if one.contains(at))
        stands_for = named(market, span)
        settlements, found = self._history(market, span)
        used, last = self._used(market, settlements, found, at)
        published = settlements.settled_at[settlements.settled_at <= at - DELAY_MS]
        return Leg(
            market,
            stands_for.units,
            self._fee(market),
            self.terms.windows[0],
            used,
            last,
            int(published[-1]) if len(published) else None,
            float(CumulativeIndex.of(settlements).at(at - DELAY_MS)),
            self._price(market, at),
            settlements,
            found,
        )

    def _fee(self, market: Market) -> Fee:
        place = (market.venue, market.kind)
        self.terms.costs.fee(*place)  # refuses where none is configured
        return self.terms.costs.fees[place]

    def _history(self, market: Market, span: Window) -> tuple[Settlements, Intervals]:
        if market not in self.histories:
            return NOT_PAID
        if (market, span) not in self._known:
            (self._known[market, span],) = known([self.histories[market]], span)
        one = self._known[market, span]
        return one.settlements, one.found

    def _used(
        self, market: Market, settlements: Settlements, found: Intervals, at: Instant
    ) -> tuple[tuple[Used, ...], Used | None]:
        """Those that became known in the trailing window, and the last of all whose interval stood by then."""
        known_at = known_from(found, DELAY_MS)
        count = int(np.searchsorted(known_at, at, side="right"))
        if not count:
            return (), None
        begin = at - int(self.terms.windows[0] * HOUR_MS)
        first = min(int(np.searchsorted(known_at, begin, side="right")), count - 1)
        window = Window(int(settlements.settled_at[first]), int(settlements.settled_at[count - 1]) + 1)
        kept = self._kept(market, window)
        told = [
            Used(
                int(settlements.settled_at[row]),
                float(settlements.rate[row]),
                float(found.hours[row]),
                str(found.evidence[row]),
                int(known_at[row]),
                kept.get(int(settlements.settled_at[row])),
            )
            for row in range(first, count)
        ]
        return tuple(one for one in told if one.known_at > begin and one.hours > 0), told[-1]

    def _kept(self, market: Market, window: Window) -> dict[Instant, Origin]:
        """Where each settlement of ``window`` is kept."""
        series = Series.funding(market)
        segments = self.snapshot.segments(series, window)
        at = column(table_of(tables.FUNDING_RATES, self.snapshot.lake.blobs.data, segments), "settled_at").tolist()
        return {
            instant: self.snapshot.origin(segments, row) for row, instant in enumerate(at) if window.contains(instant)
        }

    def _price(self, market: Market, at: Instant) -> Price | None:
        for step in QUOTED_BY:
            series = Series.candles(market, step)
            candles = self._month(series, month_of(at))
            row = int(np.searchsorted(candles.open_at + step.step, at, side="right")) - 1
            if row >= 0:
                opened = int(candles.open_at[row])
                return Price(opened, step.step, float(candles.close[row]), self._candle(series, opened))
        return None

    def _month(self, series: Series, month: str) -> Candles:
        if (series, month) not in self._candles:
            whole = month_window(month)
            early = Window(whole.start - LEAD_MS, whole.end)
            read = self.snapshot.lake.candles(series, early, as_of=self.snapshot.commit)
            self._candles[series, month] = read
        return self._candles[series, month]

    def _candle(self, series: Series, open_at: Instant) -> Origin | None:
        """Where the candle is kept."""
        for segment in self.snapshot.segments(series, Window(open_at, open_at + 1)):
            at = candles_of(self.snapshot.lake.blobs.data, [segment]).open_at
            row = int(np.searchsorted(at, open_at))
            if row < len(at) and at[row] == open_at:
                return self.snapshot.origin([segment], row)
        return None

    def age(self, market: Market, wanted: Wanted) -> Age:
        """How fresh the market's data is at ``wanted.now``."""
        priced, missing = self._priced(market, wanted)
        if market not in self.histories:
            return Age(market, None, float("nan"), False, 0, 0, priced, missing)
        history = self.histories[market]
        found = intervals(history.settlements, stated=history.facts)
        at = history.settlements.settled_at
        lo, hi = (int(row) for row in np.searchsorted(at, [wanted.window.start, wanted.window.end]))
        last, hours = int(at[-1]), float(found.hours[-1])
        return Age(
            market,
            last,
            hours,
            bool(wanted.now > last + hours * HOUR_MS + GRACE_MS),
            int(found.suspect[lo:hi].sum()),
            int((~np.isfinite(found.hours[lo:hi])).sum()),
            priced,
            missing,
        )

    def _priced(self, market: Market, wanted: Wanted) -> tuple[Instant | None, int]:
        """The end of the newest candle of those that prices are of, and how many of the window are missing."""
        for step in QUOTED_BY:
            series = Series.candles(market, step)
            ends = [one.last for one in self.snapshot.states(series).values() if one.last is not None]
            if ends:
                return max(ends) + step.step, self._missing(series, step, wanted.window)
        return None, 0

    def _missing(self, series: Series, step: Timeframe, window: Window) -> int:
        told = summarised(self.snapshot.lake.coverage(series, window, as_of=self.snapshot.commit), step.step)
        return told.missing + told.quarantined
