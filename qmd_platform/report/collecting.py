"""Everything a page says, found in one snapshot of the lake.

What lives here: bringing together pairs, their working and how fresh their data is; saying so when there is nothing.
What does not: each of these (``reading``, ``lives``, ``inputs``, ``working``), how it looks (``page``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qmd_platform.arbitrage.cash_and_carry import SPOT
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError, choices
from qmd_platform.ingest.arbitrage import ACROSS
from qmd_platform.lake.store import Lake
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, VENUE_SPREADS
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Series
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.model.window import month_of
from qmd_platform.report import figures
from qmd_platform.report.inputs import Inputs
from qmd_platform.report.legs import Age, Leg
from qmd_platform.report.lives import with_lives
from qmd_platform.report.reading import BY, OLD_MS, Found, Snapshot, found
from qmd_platform.report.records import Pair, Wanted
from qmd_platform.report.working import Line, agrees, working

TABLES = (VENUE_SPREADS, CASH_AND_CARRY)
"""What the board is of, in this order."""

_NAMED = 6
"""Markets that are named in a line of many."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A pair with its legs and its working."""

    pair: Pair
    short: Leg
    long: Leg
    lines: tuple[Line, ...]

    @property
    def agrees(self) -> bool:
        """Whether the table says what follows from the lake's rows as they are now."""
        return agrees(list(self.lines))


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """One table's pairs, the best first; ``total`` counts also those that are not shown."""

    table: Table
    entries: tuple[Entry, ...]
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a page says.

    Attributes:
        wanted: what was asked for.
        commit: the snapshot everything is of.
        world: ``live``, ``sandbox``, or None for a lake without data.
        boards: one a table.
        ages: how fresh the data of each market on the page is.
        others: the same of markets that are in pairs, but in none on the page, by coin.
        rules: what the tables are taken to be made by.
        nothing: why there is no pair; empty where there is one.
        to_do: what to run next, if there is none.
    """

    wanted: Wanted
    commit: int
    world: str | None
    boards: tuple[Board, ...]
    ages: tuple[Age, ...]
    rules: Rules
    others: tuple[tuple[str, Age], ...] = ()
    nothing: str = ""
    to_do: tuple[str, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """Of all boards."""
        return [entry for board in self.boards for entry in board.entries]

    def warnings(self) -> list[str]:
        """What whoever reads the page must know of its data first, in sentences; none where all is well."""
        mine = (words for age in self.ages for words in self._of_market(age))
        return [*self._of_the_page(), *self._of_others(), *mine]

    @property
    def best(self) -> Pair | None:
        """The first pair of the page whose net return is known; None where none is."""
        return next((one.pair for one in self.entries if figures.is_known(one.pair.row[BY])), None)

    def _of_the_page(self) -> Iterator[str]:
        if self.world == "sandbox":
            yield "The lake is of the sandbox exchange: every price and every rate here is made up."
        now = self.wanted.now
        old = [entry.pair for entry in self.entries if now - entry.pair.seen_at > OLD_MS]
        if old:
            newest = figures.minute(max(pair.seen_at for pair in old))
            yield (
                f"The newest row of {len(old)} of the pairs is more than a day old (at best {newest}): fetch funding, "
                "then make the tables again."
            )
        apart = [entry for entry in self.entries if not entry.agrees]
        if apart:
            yield (
                f"Of {len(apart)} pairs the table does not say what follows from the lake's rows as they are now: "
                "the rows changed after it was made, or it was made by other rules. Make the tables of that month again."
            )

    def _of_others(self) -> Iterator[str]:
        """In one line what there would be to say of markets that are not on the page."""
        found = [(coin, age.market) for coin, age in self.others if any(self._of_market(age))]
        if not found:
            return
        names = [f"{market.venue} {coin}{' spot' if market.kind == SPOT else ''}" for coin, market in found]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        how = f"--top {min(2 * self.wanted.top, 500)}" if self.wanted.underlying else ""
        run = " ".join(("qmd report", f"--underlying {found[0][0]}", how)).strip()
        have = (
            "market that is in no pair of the page has"
            if len(found) == 1
            else "markets that are in no pair of the page have"
        )
        yield f"{len(found)} more {have} warnings: {', '.join(names[:_NAMED])}{more} (`{run}`)."

    def _of_market(self, age: Age) -> Iterator[str]:
        now = self.wanted.now
        if age.is_overdue and age.settled_at is not None:
            late = f"the settlement after {figures.minute(age.settled_at)} was due {_ago(now, age)} ago"
            yield f"{age.market}: {late} and is not in the lake."
        if age.suspects:
            times = "once" if age.suspects == 1 else f"{age.suspects:,} times"
            yield f"{age.market}: {times} in the window a settlement seems to be missing (SUSPECT_GAP)."
        if age.unknown:
            yield f"{age.market}: nothing proves the interval of {_counted(age.unknown, 'settlement')} of the window."
        if age.priced_at is None:
            yield f"{age.market}: the lake has no candles of 1h or 1m, so there is no price and no cost."
        elif now - age.priced_at > self.rules.terms.limits.quote_age_ms:
            old = figures.span(now - age.priced_at)
            yield f"{age.market}: the newest price is of {figures.minute(age.priced_at)}, {old} old."
        if age.missing:
            count = _counted(age.missing, "candle")
            yield f"{age.market}: of those that prices are read from, {count} of the window are not there."


def collected(lake: Lake, wanted: Wanted, rules: Rules) -> Report:
    """The report of the lake as it is now.

    Raises:
        ConfigError: no pair of the window has the underlying asked for.
        LakeError, LedgerError: the lake cannot be read.
    """
    snapshot = Snapshot.of(lake)
    known = [(spec, found(snapshot, spec, wanted)) for spec in TABLES]
    pairs = {spec.name: with_lives(snapshot, one.pairs, wanted) for spec, one in known}
    if not any(pairs.values()):
        _refuse_unknown(wanted, [one for _, one in known])
        why, to_do = _nothing(snapshot, wanted)
        return Report(wanted, snapshot.commit, lake.world, (), (), rules, nothing=why, to_do=to_do)
    markets = sorted({market for some in pairs.values() for pair in some for market in (pair.short, pair.long)})
    coins = {market: coin for _, one in known for market, coin in one.markets.items()}
    inputs = Inputs.of(snapshot, rules.terms, coins)
    boards = [
        Board(spec, tuple(_entry(inputs, pair, rules) for pair in pairs[spec.name]), one.total) for spec, one in known
    ]
    ages = tuple(inputs.age(market, wanted) for market in markets)
    others = tuple((coins[market], inputs.age(market, wanted)) for market in sorted(coins.keys() - set(markets)))
    return Report(wanted, snapshot.commit, lake.world, tuple(boards), ages, rules, others)


def _entry(inputs: Inputs, pair: Pair, rules: Rules) -> Entry:
    short, long = inputs.legs(pair)
    return Entry(pair, short, long, tuple(working(pair, short, long, rules)))


def _refuse_unknown(wanted: Wanted, known: Sequence[Found]) -> None:
    names = sorted({name for one in known for name in one.underlyings})
    if wanted.underlying is not None and names and wanted.underlying not in names:
        raise ConfigError(f"no pair of {wanted.underlying} is in the window", hint=choices(wanted.underlying, names))


def _nothing(snapshot: Snapshot, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """Why there is no pair, and what to run."""
    months = [
        partition.month
        for spec in TABLES
        for partition, state in snapshot.states(Series(spec.name, ACROSS)).items()
        if state.rows
    ]
    if months:
        why = f"No pair has a row since {figures.minute(wanted.window.start)}; the newest rows are of {max(months)}."
        return why, ("qmd report --since 365d", f"qmd dev, then run the job arbitrage for {month_of(wanted.now)}")
    make = "qmd dev, then run the job arbitrage for the months you want"
    if any(series.table == FUNDING_RATES.name for series in snapshot.lake.series()):
        why = (
            "The lake holds funding, and no table of arbitrage with a pair in it: a pair needs two markets of one coin."
        )
        return why, (make,)
    fetch = "qmd dev, then run the job of a venue's funding, such as binance_funding"
    return "The lake holds no settled funding.", ("qmd demo", fetch, make)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ago(now: int, age: Age) -> str:
    due = (age.settled_at or 0) + round(age.interval_hours * figures.HOUR_MS)
    return figures.span(now - due)
