"""Minutes that Tardis tells of, into the lake's 1m candles: beside the venue's own, never over them.

What lives here: what a month gains, the commit, what disagrees. What does not: how the minutes were made
(``venues.tardis``), which are asked for (``ingest.tardis``).

A candle the lake has stays as it is, and where Tardis tells it otherwise, that is told. So does what the venue itself says
is not there. What the venue brings later wins: Tardis's rows have a lower rank. A minute without a trade is no candle:

- a replay says when Tardis was not connected, so a minute without a bar while it was is known to be empty, whether the venue
  leaves such minutes out or prints them flat;
- a data set does not say it, so there such a minute is only missing, with that reason.

A minute of which a row is refused is missing too, with the place of that row, whatever the other rows say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmd_platform.config import world
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.commits import followed
from qmd_platform.ingest.months import held_receipt
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.tardis_lacking import not_whole, refusals
from qmd_platform.lake.store import Held, Lake, Rejected, Write
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, in_state, intersected, subtracted, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, iso, months
from qmd_platform.quality.offenders import row_offenders

RANK = -1
"""Below the venue's own rows, which have 0."""
TRIES = 5
TOLD = 10
"""Disagreements that are told in words."""

SILENT = "no trade in Tardis's file, which does not say when Tardis was not connected"
AWAY = "Tardis was not connected, or says that its recording is incomplete"
EMPTY = "no trade while Tardis was connected; the venue may print a flat candle here"
DENIED = "the venue says that there was no such candle"

SETTLED = (State.PRESENT, State.VERIFIED_EMPTY, State.UNLISTED)


@dataclass(frozen=True, slots=True)
class Minutes:
    """What Tardis tells of a market.

    Attributes:
        candles: sorted, in base coins; all inside of ``covered``.
        covered: minutes of which all trades are known, as far as Tardis was connected.
        away: times at which it was not.
        broken: minutes of which a row is refused, and why; none of ``candles`` is of these.
        is_told: whether Tardis says when it was not connected, so that silence means something.
        evidence: the files or answers.
    """

    candles: Candles
    covered: Sequence[Window]
    away: Sequence[Window]
    broken: Mapping[Instant, str]
    is_told: bool
    evidence: Sequence[Answered]

    @property
    def holes(self) -> list[Window]:
        """The minutes of which not all is known: those in which Tardis was away, and those of a refused row."""
        return holes(self.away, self.broken)


def keep(lake: Lake, market: Market, told: Minutes, *, run_id: str, url: str | None) -> list[Receipt]:
    """Commit what the lake lacks of ``told``; a receipt a month, oldest first.

    Raises:
        WrongWorld: the lake holds the other world's data.
        Conflict: others committed to a month first, many times in a row.
    """
    spans = united([*told.covered, *told.away])
    if not spans:
        return []
    lake.claim_world(world(url))
    hull = Window(spans[0].start, spans[-1].end)
    source = f"{world(url)}:{market.venue}/tardis"
    partitions = [(Partition(Series.candles(market, Timeframe.M1), month), part) for month, part in months(hull)]
    return [
        _kept(lake, partition, _part_of(told, part), run_id=run_id, source=source)
        for partition, part in partitions
        if intersected(spans, [part])
    ]


def _part_of(told: Minutes, part: Window) -> Minutes:
    return replace(
        told,
        candles=told.candles.within(part),
        covered=intersected(told.covered, [part]),
        away=[_whole_minutes(window) for window in intersected(told.away, [part])],
        broken={at: why for at, why in told.broken.items() if part.contains(at)},
        evidence=[replace(one, window=inside) for one in told.evidence if (inside := one.window.intersection(part))],
    )


def _whole_minutes(window: Window) -> Window:
    """All minutes that a window touches."""
    return Window(window.start // MINUTE * MINUTE, -(-window.end // MINUTE) * MINUTE)


def _kept(lake: Lake, partition: Partition, told: Minutes, *, run_id: str, source: str) -> Receipt:
    for _ in range(TRIES):
        state = lake.state(partition)  # before its rows are read, so that a commit meanwhile is noticed
        held = lake.held(partition.series, partition.window)
        plan = _plan(partition, told, held, state.version if state else 0)
        try:
            outcome = followed(lake, plan.write, run_id=run_id, source=source)
        except Outdated:
            continue
        return replace(
            held_receipt(lake, partition),
            new=outcome.new,
            unchanged=plan.compared - plan.disagreements,
            quarantined=len(plan.write.rejected),
            refused=len(told.broken),
            failures=refusals(told.broken),
            compared=plan.compared,
            disagreements=plan.disagreements,
            doubts=plan.doubts,
        )
    raise Conflict(f"{TRIES} times in a row somebody else was first to write to {partition}", hint="run it again")


@dataclass(frozen=True, slots=True)
class _Plan:
    write: Write
    compared: int
    disagreements: int
    doubts: tuple[str, ...]


def _plan(partition: Partition, told: Minutes, held: Held, version: int) -> _Plan:
    settled = in_state(held.runs, *SETTLED)
    denied = in_state(held.runs, State.VERIFIED_EMPTY, State.UNLISTED)
    bad = np.zeros(len(told.candles), np.bool_)
    rejected: list[Rejected] = []
    for rule, mask in row_offenders(told.candles, MINUTE).items():
        rejected += _rejected(told.candles.take(mask & ~bad), rule)
        bad |= mask
    good = told.candles.take(~bad)
    rejected += _rejected(_inside(good, denied), DENIED)
    fresh = Candles.concat([good.within(part) for part in subtracted(told.covered, settled)])
    compared, doubts = _compared(_inside(good, in_state(held.runs, State.PRESENT)), held.candles, told)
    write = Write(
        partition,
        fresh.to_arrow(),
        asked=tuple(_asked(told, held, settled)),
        explained=tuple(_explained(told)),
        rejected=tuple(rejected),
        seen=version,
        source_rank=RANK,
        fetched_at=max((one.at for one in told.evidence), default=None),
        evidence=tuple(told.evidence),
    )
    return _Plan(write, compared, len(doubts), tuple(doubts[:TOLD]))


def _asked(told: Minutes, held: Held, settled: Sequence[Window]) -> list[Window]:
    """What the write speaks about: where silence means something all that is not settled, else what nobody spoke of yet."""
    known = [run.window for run in held.runs]
    unknown = subtracted([*told.covered, *told.away], known)
    return united([*unknown, *subtracted(told.covered, settled)]) if told.is_told else unknown


def _explained(told: Minutes) -> list[Run]:
    away = united(told.away)
    broken = not_whole(told.broken, subtracted(told.covered, away))
    silent = subtracted(told.covered, told.holes)
    state, cause = (State.VERIFIED_EMPTY, EMPTY) if told.is_told else (State.MISSING, SILENT)
    known = [*(Run(one, State.MISSING, AWAY) for one in away), *(Run(one, state, cause) for one in silent)]
    return sorted([*known, *broken])


def _compared(mine: Candles, held: Candles, told: Minutes) -> tuple[int, list[str]]:
    """How many candles both have or ought to have, and in words which are not the same."""
    _, left, right = np.intersect1d(mine.open_at, held.open_at, assume_unique=True, return_indices=True)
    found: list[tuple[int, str]] = []
    differs = np.zeros(len(left), np.bool_)
    for name in COLUMNS[1:]:
        ours, theirs = getattr(mine, name)[left], getattr(held, name)[right]
        other = (ours != theirs) & ~differs
        found += [
            (int(mine.open_at[left[row]]), f"{name} is {there!r} in the lake, {here!r} by Tardis's trades")
            for row, there, here in zip(
                np.flatnonzero(other), theirs[other].tolist(), ours[other].tolist(), strict=True
            )
        ]
        differs |= other
    lacking = _lacking(mine, held, told)
    found += [(at, "the lake has a candle with volume, Tardis no trade") for at in lacking]
    return len(left) + len(lacking), [f"{iso(at)}: {why}" for at, why in sorted(found)]


def _lacking(mine: Candles, held: Candles, told: Minutes) -> list[int]:
    """When the lake's candles were traded that Tardis, covering the time and connected, has no trade of."""
    there = _inside(held.take(held.volume > 0), subtracted(told.covered, told.holes))
    return [int(at) for at in np.setdiff1d(there.open_at, mine.open_at)]


def _inside(candles: Candles, windows: Sequence[Window]) -> Candles:
    return Candles.concat([candles.within(one) for one in windows])


def _rejected(candles: Candles, reason: str) -> list[Rejected]:
    return [
        Rejected(int(candles.open_at[row]), {name: float(getattr(candles, name)[row]) for name in COLUMNS[1:]}, reason)
        for row in range(len(candles))
    ]


def is_settled(runs: Sequence[Run], day: Window) -> bool:
    """Whether every minute of ``day`` is settled, so that nothing of it is needed."""
    return not subtracted([day], in_state(runs, *SETTLED))


def clipped(candles: Candles, covered: Sequence[Window], lost: Sequence[Window]) -> Candles:
    """The candles of the covered minutes but for those that ``holes`` are."""
    return _inside(candles, subtracted(covered, lost))


def holes(away: Sequence[Window], broken: Iterable[Instant]) -> list[Window]:
    """The minutes that ``away`` touches, and the ``broken`` ones."""
    return united([*(_whole_minutes(one) for one in away), *(Window(at, at + MINUTE) for at in broken)])
