"""What is done to a lake under the shim, and what is seen of it.

What lives here: operations (prepare a lake, then one thing to do to it) and ``holds``, all that a reader can see. What
does not: faults (``faults``), crashes (``power``).
"""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qmd_platform.errors import CorruptSegment, QmdError
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.repair import repair
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.conformance import oldlake

MINUTES = Series.candles(Market.parse("binance:BTC/USDT:USDT"), Timeframe.M1)
HOURS = Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.H1)
MONTHS = ("2026-01", "2026-02")
ROWS = 40
LATER = 4_000_000_000_000
"""A time when everything here is past: in the year 2096."""


def write(series: Series, month: str, first: int, price: float, rows: int = ROWS) -> Write:
    """``rows`` candles of one price from step ``first`` of a month (from its end where negative)."""
    partition = Partition(series, month)
    step = series.timeframe.step
    start = (partition.window.end if first < 0 else partition.window.start) + first * step
    open_at = np.arange(start, start + rows * step, step, np.int64)
    flat = np.full(rows, price, np.float64)
    asked = Window(start, start + rows * step)
    return Write(partition, Candles(open_at, flat, flat, flat, flat, flat).to_arrow(), asked=(asked,))


def batch(price: float, first: int = 0) -> list[Write]:
    """The same rows in two months of two series."""
    return [write(series, month, first, price) for series in (MINUTES, HOURS) for month in MONTHS]


def commit(lake: Lake, writes: Sequence[Write], idem_key: str | None = None) -> int:
    """Commit ``writes``; the commit's id."""
    return lake.commit(writes, run_id="test", source="live:test", idem_key=idem_key)[0]


def holds(lake: Lake, *, damaged: bool = False) -> object:
    """All that a reader sees, in a form that can be compared: commits, rows, versions, coverage, pins.

    Args:
        lake: any.
        damaged: a series with a damaged file is no error; that it is damaged is what a reader sees.
    """
    rows = {str(series): _rows(lake, series, damaged=damaged) for series in lake.series()}
    states = [(str(one.partition), one.version, one.rows, one.data_version) for one in lake.states()]
    return lake.ledger.last_commit(), rows, states, [(pin.name, pin.commit) for pin in lake.ledger.pins()]


def _rows(lake: Lake, series: Series, *, damaged: bool) -> object:
    if not series.table.startswith("candles_"):
        return lake.read(series).to_pylist()
    try:
        held = lake.held(series)
    except CorruptSegment:
        if damaged:
            return "damaged"
        raise
    columns = (getattr(held.candles, name).tobytes() for name in COLUMNS)
    return hashlib.sha256(b"".join(columns)).hexdigest(), [(run.window, run.state, run.cause) for run in held.runs]


def _live(root: Path) -> Lake:
    return Lake.open(root, world="live")


@dataclass(frozen=True)
class Operation:
    """``prepare`` makes the lake's folder (or does not); ``enter`` and ``run`` are tried; ``run`` returns what it was told."""

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Lake], object]
    enter: Callable[[Path], Lake] = _live


def _nothing(root: Path) -> None:
    root.parent.mkdir()


def _filled(root: Path) -> None:
    with Lake.open(root) as lake:
        commit(lake, batch(1.0))
        commit(lake, [*batch(2.0, ROWS // 2)[1:], write(MINUTES, MONTHS[0], 1430, 2.0)])  # over midnight: two files


def _filled_and_killed(root: Path) -> None:
    """As a killed process leaves it: the last commits are in the ledger's log."""
    pid = os.fork()
    if not pid:
        try:
            commit(Lake.open(root), batch(1.0))
        finally:
            os._exit(sys.exc_info()[0] is not None)
    _, status = os.waitpid(pid, 0)
    assert not status


def _damaged(root: Path) -> None:
    _filled(root)
    file = min((root / "data" / Partition(HOURS, MONTHS[1]).folder).iterdir())
    file.write_bytes(file.read_bytes()[:-10])


def _without_ledger(root: Path) -> None:
    _filled(root)
    (root / "ledger.sqlite").unlink()


def _rebuilt(root: Path) -> Lake:
    if not (root / "ledger.sqlite").exists():
        rebuild(root, now=LATER)
    return _live(root)


def _batch(lake: Lake) -> object:
    return commit(lake, batch(3.0, 10), idem_key="once"), commit(lake, batch(3.0, 10), idem_key="once")


def _tail(lake: Lake) -> object:
    return commit(lake, [write(MINUTES, "2026-01", -20, 7.0, 20), write(MINUTES, "2026-02", 0, 7.0, 3)])


def _read(lake: Lake) -> object:
    lake.verify()
    return holds(lake)


def _seal(lake: Lake) -> None:
    seal(lake, run_id="test", now=LATER)


def _vacuum(lake: Lake) -> None:
    vacuum(lake, run_id="test", now=LATER, keep_ms=0, grace_ms=0)


def _repair(lake: Lake) -> None:
    repair(lake, lake.verify(), run_id="test")


OPERATIONS = {
    one.name: one
    for one in (
        Operation("open", _nothing, lambda lake: lake.world),
        Operation("batch", _filled, _batch),
        Operation("tail", _filled_and_killed, _tail),
        Operation("read", _filled, _read),
        Operation("seal", _filled, _seal),
        Operation("pin", _filled, lambda lake: lake.ledger.pin("first", at=1).commit),
        Operation("vacuum", _filled, _vacuum),
        Operation("repair", _damaged, _repair),
        Operation("rebuild", _without_ledger, lambda lake: lake.world, _rebuilt),
        Operation("upgrade", oldlake.unpacked, lambda lake: lake.world, lambda root: Lake.open(root, world="sandbox")),
    )
}


def _carelessly(lake: Lake) -> object:
    try:
        return _batch(lake)
    except QmdError:
        return lake.ledger.last_commit(), lake.ledger.last_commit()


CONTROLS = {"careless": Operation("careless", _filled, _carelessly)}
"""Operations with a bug, which must be found: this one reports success whatever happens."""
