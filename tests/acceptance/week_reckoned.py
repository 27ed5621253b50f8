"""The simulated week reckoned up: what became of every candle, and how few requests would have done.

What lives here: both accounts, candle by candle and request by request, from the week's own dates (``week``) and the
sandbox's truth alone. What does not: the library's arithmetic, which they are there to check.

The least number of requests, term by term. Given are what is promised (when tails come, what they read again, what is
looked at again and when) and what the venues can answer; nothing is taken from how the library asks. No failed request
and none that is made again counts.

* *time*: one question for the clock by each run, answered or not; candles are closed by the venue's clock.
* *pages*: each run of a tail brings every market from the fifth candle before its last one to the newest one that is
  closed, in pages of the venue's size. A page belongs to one month, the unit of commit. A market that has ended costs a
  page until a list of instruments says that it has: its candles might be late.
* *first candles*: where a market begins, asked for once before its pages, or a market of last month would be asked for
  years of them: one answer, which none can do without.
* *proofs*: a candle that a venue leaves out which prints flat ones is believed to be empty when two answers say so: one
  more than the page.
* *rechecks*: what is verified empty is looked at 1, 4, 16 and 64 hours later by the first agenda after that: one answer
  shows whether it is there now. The runs of one agenda need one clock.
* *instruments*: a clock and the lists, as the venue divides them, each night.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.sandbox.universe import OMITS_EMPTY
from tests.acceptance import week
from tests.acceptance.week import DAY, HOUR, MARKETS, STEP, WEEK, Lived, agendas, renewals, tails

PAGE: Mapping[tuple[str, bool], int] = {
    ("binance", True): 1000,
    ("binance", False): 499,
    ("gate", True): 1000,
    ("gate", False): 1999,
    ("bitfinex", True): 10_000,
    ("bitfinex", False): 10_000,
    ("okx", True): 300,
    ("okx", False): 300,
    ("bybit", True): 1000,
    ("bybit", False): 1000,
    ("kraken", True): 720,
}
"""Candles a request brings, of spot and of perpetuals."""

FIRST_CANDLE = {"binance": 1, "bitfinex": 1, "gate": 0, "kraken": 0, "okx": 1, "bybit": 1}
"""Questions until it is known where a market begins. Binance and Bitfinex can be asked for the first candle; OKX and Bybit
for the months, one answer of which shows that a market is older than the week. Gate's list says it. Kraken answers every
question with its newest 720 candles: the page itself shows whether there are older ones."""

LISTS = {"binance": 3, "bitfinex": 1, "gate": 2, "kraken": 1, "okx": 3, "bybit": 2}
"""Spot and perpetuals apart, or all in one; and the funding intervals, where the lists do not state them."""

NEVER = WEEK.end + 365 * DAY

RECHECKS = 5
"""After these, what is verified empty is left alone."""


def life(market: Market) -> Window:
    """Since when and until when the market is traded, inside the week."""
    begins = {week.NEW: week.LISTED_AT, week.NEW_NAME: week.RENAMED_AT}
    ends = {week.GONE: week.DELISTED_AT, week.OLD_NAME: week.RENAMED_AT}
    return Window(begins.get(market, WEEK.start), ends.get(market, WEEK.end))


def known_from(at: Instant) -> Instant:
    """When what changed ``at`` some time is on a list of instruments that was asked for."""
    return min((one for one in renewals() if one >= at), default=NEVER)


@dataclass(frozen=True)
class Accounted:
    """Every candle of the week, counted by what became of it; ``wrong`` are those of which the lake says otherwise."""

    states: Counter[str]
    wrong: list[str]

    @property
    def candles(self) -> int:
        """All of them."""
        return self.states.total()


def accounted(lived: Lived) -> Accounted:
    """What became of every candle of every market, one by one."""
    states: Counter[str] = Counter()
    wrong: list[str] = []
    for venue in MARKETS:
        for market in MARKETS[venue]:
            for at, state, ought in _candles(lived, market):
                states[state] += 1
                if state not in ought:
                    wrong.append(f"{market} {at}: {state}, not {' or '.join(sorted(ought))}")
    return Accounted(states, wrong)


def _candles(lived: Lived, market: Market) -> Iterator[tuple[Instant, str, set[str]]]:
    """Each candle: its time, what the lake says of it and holds, and what the truth allows it to."""
    series = Series.candles(market, Timeframe.M1)
    true, held = _rows(lived.sandbox.truth(market, Timeframe.M1, WEEK)), _rows(lived.lake.candles(series, WEEK))
    told = {at: run.state for run in lived.lake.coverage(series, WEEK) for at in _times(run.window)}
    alive, last = life(market), max(true)
    for at in _times(WEEK):
        row, state = held.get(at), told.get(at)
        if row is not None:
            yield at, "equal" if state is State.PRESENT and row == true.get(at) else f"another row ({state})", {"equal"}
        else:
            said = "nothing said" if state is None else state.value
            yield at, said, _allowed(market, at, is_true=at in true, is_alive=alive.contains(at), is_last=at > last)


def _allowed(market: Market, at: Instant, *, is_true: bool, is_alive: bool, is_last: bool) -> set[str]:
    """What may be said of a candle that the lake does not hold."""
    if is_true:
        return {"equal"}
    if at < life(market).start:
        return {"unlisted"}
    if not is_alive:
        # Until a list says that the market has ended, its candles are asked for: the venue has none.
        return {"unlisted"} if at >= known_from(life(market).end) else {"unlisted", "verified_empty"}
    if is_last and market.venue in OMITS_EMPTY:
        return {"nothing said"}  # nothing has followed these silent minutes yet
    return {"verified_empty"}


def _rows(candles: Candles) -> dict[Instant, tuple[float, ...]]:
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    return dict(zip(candles.open_at.tolist(), zip(*(one.tolist() for one in columns), strict=True), strict=True))


def _times(window: Window) -> range:
    return range(window.start, window.end, STEP)


def least() -> Counter[str]:
    """The fewest requests the week can be lived with, by reason."""
    need: Counter[str] = Counter()
    looks: list[tuple[str, Instant]] = []
    for venue, markets in MARKETS.items():
        need["instruments"] += len(renewals()) * (1 + LISTS[venue])
        need["time"] += len(tails(venue))
        for market in markets:
            need += _of_market(market)
    for market, hole, filled_at in _holes():
        # A market that is known to have ended is asked for nothing else: its proof is two answers, not one more.
        need["proofs"] += 1 if life(market).contains(hole.start) else 2
        looks += [(market.venue, at) for at in _looks(market, hole, filled_at)]
    need["rechecks"] = len(looks)
    need["time"] += len(set(looks))
    return need


def _of_market(market: Market) -> Counter[str]:
    """Its first candle and its pages."""
    alive, limit = life(market), PAGE[market.venue, ":" not in market.symbol]
    known, gone = known_from(alive.start), known_from(alive.end) if alive.end < WEEK.end else NEVER
    need: Counter[str] = Counter({"first candles": FIRST_CANDLE[market.venue]})
    start = alive.start
    for at in tails(market.venue):
        if not known <= at < gone or (market.venue == week.DOWN and week.OUTAGE.contains(at)):
            continue
        closed = at - week.SETTLED
        need["pages"] += _pages(Window(start, closed), limit)
        start = min(closed, alive.end) - week.TAIL * STEP
    return need


def _pages(window: Window, limit: int) -> int:
    return sum(-(-part.steps(STEP) // limit) for _, part in months(window))


def _holes() -> Iterator[tuple[Market, Window, Instant]]:
    """What is found to be empty, and when the venue fills it. Its habit, where it leaves out what is silent, is none."""
    yield week.NEVER_FILLED, week.HOLE, NEVER
    yield week.FILLED_LATER, week.LATER_HOLE, week.FILLED_AT
    for market in (week.GONE, week.OLD_NAME):
        end = life(market).end
        yield market, Window(end, known_from(end)), NEVER


def _looks(market: Market, hole: Window, filled_at: Instant) -> Iterator[Instant]:
    """When it is looked again whether the candles of ``hole`` are there, after the first run that found they are not."""
    at = next(one for one in tails(market.venue) if one >= hole.end + week.SETTLED)
    for number in range(RECHECKS):
        due = at + (HOUR << 2 * number)
        at = min((one for one in agendas(market.venue) if one >= due), default=NEVER)
        if at == NEVER:
            return
        yield at
        if at >= filled_at:
            return
