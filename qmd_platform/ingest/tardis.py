"""Candles out of what Tardis recorded: trades of days, or a replay's trade bars, made minutes and kept.

What lives here: from a market and a window to receipts and an account of every row. What does not: files
(``ingest.tardis_files``), what the lake gains (``ingest.tardis_candles``), contracts' states (``ingest.tardis_ticker``).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qmd_platform.config import world
from qmd_platform.errors import VenueError
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.tardis_amounts import DIGITS, in_own_coins, with_volume
from qmd_platform.ingest.tardis_candles import SETTLED, Minutes, clipped, holes, is_settled, keep
from qmd_platform.ingest.tardis_days import Left, Source
from qmd_platform.ingest.tardis_files import Account, Gathered, Tell, gathered, runs_of, source_of
from qmd_platform.ingest.tardis_lacking import cut_off, lacking, refusals
from qmd_platform.lake.store import Lake
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, in_state, intersected, subtracted, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.tardis import machine, reading
from qmd_platform.venues.tardis.bars import Bars, covered
from qmd_platform.venues.tardis.datasets import TYPES, days
from qmd_platform.venues.tardis.downloads import File
from qmd_platform.venues.tardis.exchanges import KRAKEN_V2_SINCE
from qmd_platform.venues.tardis.replayed import HeardBars

TRADES = "trades"
AROUND = 15 * MINUTE
"""As long before and after a window a replay is asked for too. Its first minute may have begun before it, and its last one is
only told by a trade after it."""

_UNTOLD = "no bar of the replay shows that these minutes are over; a later run or files of trades may settle them"


@dataclass(frozen=True, slots=True)
class Brought:
    """What a run brought.

    Attributes:
        receipts: one a partition, with what it took in the first.
        account: every row that came in.
        failures: days of which there is no file, and minutes that are not whole since a row is refused, in words.
        left: parts of what was asked for that a later run may settle.
        lacking: other minutes of what was asked for of which there is no candle and that are not known to be empty; of candles only.
        error: what ended the asking too early; what had come is committed.
    """

    receipts: Sequence[Receipt]
    account: Account
    failures: Sequence[str] = ()
    left: Sequence[Left] = ()
    lacking: Sequence[Run] = ()
    error: VenueError | None = None


def candles_of_trades(
    lake: Lake,
    market: Market,
    window: Window,
    root: Path,
    *,
    run_id: str,
    url: str | None = None,
    tell: Tell | None = None,
) -> Brought:
    """Make the 1m candles that the lake lacks of ``window`` out of Tardis's data sets of trades.

    Args:
        lake: where to.
        market: one that Tardis records.
        window: the days it touches are looked at; days of which every minute is settled are not asked for.
        root: the folder files are kept in.
        run_id: who did it.
        url: a server that answers for Tardis and for the venue (a sandbox).
        tell: called after every file.

    Raises:
        ConfigError, UnknownMarket: Tardis or the venue has no such market, or nothing of these days.
        ArchiveDamaged: a file is not what its type promises; it names file and line. Nothing of it is kept.
        WrongWorld: the lake holds the other world's data.
    """
    lake.check_world(world(url))
    source = source_of(lake, market, run_id=run_id, url=url)
    runs = lake.coverage(Series.candles(market, Timeframe.M1), Window(days(window)[0].start, days(window)[-1].end))
    found = asyncio.run(
        gathered(root, source, TRADES, window, url=url, skip=lambda day: is_settled(runs, day), tell=tell or _nobody)
    )
    receipts: list[Receipt] = []
    account = Account()
    for files in runs_of(found.files):
        told, counted = _of_files(source, files, found)
        receipts += keep(lake, market, told, run_id=run_id, url=url)
        account += counted
        found.left += cut_off(Window(files[0].day.start, files[-1].day.end), told.covered)
        found.failures += refusals(told.broken)
    return Brought(
        _with_traffic(receipts, found.traffic),
        account,
        tuple(found.failures),
        tuple(found.left),
        lacking(lake, market, window, found.left),
        found.error,
    )


def candles_of_replay(
    lake: Lake, market: Market, window: Window, machine_url: str, *, run_id: str, url: str | None = None
) -> Brought:
    """Make the 1m candles that the lake lacks of ``window`` out of a tardis-machine's trade bars.

    The machine says when Tardis was not connected: those minutes are MISSING for that reason, and minutes without a trade are
    verified to be empty. Some minutes around the window are asked for too (``AROUND``), where the machine has them, so that windows
    that adjoin leave nothing between them. Arguments and errors as of ``candles_of_trades``; ``machine_url`` as of
    ``machine.messages``.

    Raises:
        VenueDown: the replay broke off. Nothing of it is kept.
        Refused: the machine has no key that reaches so far.
    """
    machine.address(machine_url)
    lake.check_world(world(url))
    source = source_of(lake, market, run_id=run_id, url=url)
    asked = window.snapped(MINUTE) or window
    receipts: list[Receipt] = []
    left: list[Left] = []
    failures: list[str] = []
    account, traffic = Account(), Traffic()
    for part in _spelled(source, asked):
        at = time.time_ns() // 1_000_000
        bars, wanted, why = asyncio.run(_heard(machine_url, source, part, traffic))
        volumes = np.round(bars.candles.volume, DIGITS)  # the machine adds decimals as floats
        candles = in_own_coins(with_volume(bars.candles, volumes), source)
        what = f"replay-normalized {source.exchange.id} {machine.BARS} {source.symbol(part)}"
        answer = Answered(part, at, what, wanted.digest, wanted.rows)
        covered, breaks = intersected(bars.covered, [part]), intersected(bars.breaks, [part])
        kept = clipped(candles, covered, holes(breaks, bars.broken))
        told = Minutes(kept, covered, breaks, bars.broken, is_told=True, evidence=[answer])
        receipts += keep(lake, market, told, run_id=run_id, url=url)
        account += Account(
            rows=bars.rows,
            used=len(kept),
            duplicates=bars.duplicates,
            refused=bars.refused,
            outside=bars.outside + len(candles) - len(kept),
            silent=bars.disconnects,
        )
        failures += refusals(bars.broken)
        known = in_state(lake.coverage(Series.candles(market, Timeframe.M1), part), *SETTLED)
        left += [Left(one, why) for one in subtracted([part], united([*covered, *breaks, *known]))]
    receipts = _with_traffic(receipts, traffic)
    return Brought(receipts, account, tuple(failures), tuple(left), lacking(lake, market, asked, left))


def _spelled(source: Source, window: Window) -> list[Window]:
    """``window`` in parts in which Tardis spells the market the same."""
    if not window.start < KRAKEN_V2_SINCE < window.end or source.market.venue != "kraken":
        return [window]
    return [Window(window.start, KRAKEN_V2_SINCE), Window(KRAKEN_V2_SINCE, window.end)]


async def _heard(url: str, source: Source, part: Window, traffic: Traffic) -> tuple[HeardBars, machine.Wanted, str]:
    """A replay of ``part`` and what is around it, or of it alone where the machine fails at more; why minutes may be left."""
    wide = Window(part.start - AROUND, part.end + AROUND)
    wide = next(one for one in _spelled(source, wide) if one.intersection(part))
    try:
        return *await _replayed(url, source, wide, traffic), _UNTOLD
    except VenueError as error:  # a free key reaches the first of a month and nothing around it
        why = f"{_UNTOLD}; of the minutes around {part}: {error.message}"
    return *await _replayed(url, source, part, traffic), why


async def _replayed(url: str, source: Source, window: Window, traffic: Traffic) -> tuple[HeardBars, machine.Wanted]:
    wanted = machine.Wanted(source.exchange.id, [source.symbol(window)], [machine.BARS], window)
    bars = HeardBars(window)
    traffic.requests += 1
    try:
        async for message in machine.messages(url, wanted):
            bars.add(message)
    finally:
        traffic.bytes += wanted.bytes
    return bars, wanted


def _of_files(source: Source, run: Sequence[File], found: Gathered) -> tuple[Minutes, Account]:
    """The minutes of files of consecutive days. A day without any row says nothing: Tardis may have been away."""
    bars, evidence, empty = Bars(), [], []
    for file in run:
        before = bars.rows
        bars.begins(file.name)
        for batch in reading.batches(file.path, TYPES[TRADES], source.expected(file.day)):
            bars.add(batch)
        evidence.append(Answered(file.day, file.at, file.name, file.digest, bars.rows - before))
        empty += [file.day] if bars.rows == before else []
    made, counts = bars.made()
    span = covered(Window(run[0].day.start, run[-1].day.end), bars)
    spans = [span] if span is not None else []
    away = united([*found.incidents, *empty])
    kept = clipped(in_own_coins(made, source), spans, holes(away, bars.broken))
    used = int(counts[np.isin(made.open_at, kept.open_at)].sum())
    account = Account(
        rows=bars.rows,
        used=used,
        duplicates=bars.duplicates,
        refused=bars.refused,
        outside=int(counts.sum()) - used,
    )
    inside = [one for window in away if span is not None and (one := window.intersection(span)) is not None]
    return Minutes(kept, spans, inside, bars.broken, is_told=False, evidence=evidence), account


def _with_traffic(receipts: Sequence[Receipt], traffic: Traffic) -> list[Receipt]:
    return [replace(one, traffic=traffic) for one in receipts[:1]] + list(receipts[1:])


def _nobody(done: int, of: int) -> None:
    """Nobody watches."""
