"""The tasks: what is timed, on what, and what each must come back with.

What lives here: for every task a list of calls to time and the answer all systems must agree on. What does not: the
stopwatch and the process around it (``child``).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.storage.data import Data
from benchmarks.storage.market import name
from benchmarks.storage.port import Gaps, Rows, Store, folder_bytes
from qmd_platform.model.candles import COLUMNS

MARKET = 1
"""The one market that is read alone."""


@dataclass(slots=True)
class Work:
    """One task: calls to time one after the other, the first of which only warms up (unless it is the only one)."""

    calls: Iterator[Callable[[], Any]]
    answer: Callable[[Any], str] = lambda _: ""
    """What the last call's result says, in a form that is the same for all systems."""
    notes: dict[str, float] = field(default_factory=dict)
    """Figures beside the time, filled when the calls are done."""


Task = Callable[[type[Store], Path, Data], Work]


def load(system: type[Store], home: Path, data: Data) -> Work:
    """A new store each time, closed at the end."""
    made = [data.year(number) for number in range(data.scale.load)]
    rows = sum(map(len, made))
    notes: dict[str, float] = {}

    def calls() -> Iterator[Callable[[], Any]]:
        for turn in range(data.scale.times + 1):
            folder = home / f"load-{turn}"
            store = system(folder)
            given = [store.given(name(number), candles) for number, candles in enumerate(made)]
            yield partial(_loaded, store, given)
            notes["bytes a candle"] = folder_bytes(folder) / rows

    return Work(calls(), notes=notes)


def _loaded(store: Store, given: Sequence[Any]) -> None:
    store.load(given)
    store.close()


def fill(system: type[Store], home: Path, data: Data) -> Work:
    """The big store that all reading tasks read; once."""

    def call() -> None:
        store = system(home / "big")
        for number in range(data.scale.markets):
            store.load([store.given(name(number), data.year(number))])
        store.close()

    return Work(iter([call]))


def recorded(system: type[Store], home: Path, data: Data) -> Work:
    """Real candles, for their size alone."""
    rows = data.recorded()
    notes: dict[str, float] = {}

    def call() -> None:
        store = system(home / "recorded")
        store.load([store.given(f"R{number}/USDT", one) for number, one in enumerate(rows)])
        store.close()
        if rows:
            notes["bytes a candle"] = folder_bytes(home / "recorded" / system.kept) / sum(map(len, rows))

    return Work(iter([call]), notes=notes)


def upsert(system: type[Store], home: Path, data: Data) -> Work:
    """An hour to all markets at once."""
    return _hours(system, home / "upsert", data, lambda store, given: store.upsert(given))


def upsert_each(system: type[Store], home: Path, data: Data) -> Work:
    """An hour to all markets, each in a commit of its own."""

    def each(store: Store, given: Sequence[Any]) -> None:
        for one in given:
            store.upsert([one])

    return _hours(system, home / "each", data, each)


def append(system: type[Store], home: Path, data: Data) -> Work:
    """An hour to all markets at once, known to be new."""
    return _hours(system, home / "append", data, lambda store, given: store.append(given))


def _hours(system: type[Store], home: Path, data: Data, write: Callable[[Store, Sequence[Any]], None]) -> Work:
    scale = data.scale
    store = system(home)
    for number, symbol in enumerate(scale.names):
        store.load([store.given(symbol, data.open_month(number, scale.history))])

    def given(turn: int) -> list[Any]:
        hour = scale.hour(turn)
        return [store.given(symbol, data.open_month(number, hour)) for number, symbol in enumerate(scale.names)]

    def calls() -> Iterator[Callable[[], Any]]:
        for turn in range(scale.times + 1):
            yield partial(write, store, given(turn))

    def answer(_: object) -> str:
        store.upsert(given(scale.times))  # the last hour once more: it must change nothing
        return _candles_said(store.year(scale.names[-1], scale.open_month, "arrow"))

    return Work(calls(), answer)


def _reading(call: Callable[[Store, Data], Any], answer: Callable[[Any], str]) -> Task:
    def task(system: type[Store], home: Path, data: Data) -> Work:
        store = system(home / "big")
        return Work(((lambda: call(store, data)) for _ in range(data.scale.times + 1)), answer)

    return task


def _candles_said(rows: Rows) -> str:
    """How many candles, and a digest of every bit of every value in order of market and time."""
    parts = [_columns(part) for part in (rows if isinstance(rows, list) else [rows])]
    digest = hashlib.sha256()
    for column in range(len(COLUMNS)):
        digest.update(np.concatenate([part[column] for part in parts]).data)
    return f"{sum(len(part[0]) for part in parts)} candles, {digest.hexdigest()[:16]}"


def _columns(part: Rows) -> list[Any]:
    if not isinstance(part, pa.Table):
        frame = part.reset_index() if part.index.name == "open_at" else part
        part = pa.Table.from_pandas(frame, preserve_index=False)
    open_at = part.column("open_at").cast(pa.timestamp("ms", part.schema.field("open_at").type.tz)).cast(pa.int64())
    return [open_at.to_numpy(), *(part.column(name).to_numpy() for name in COLUMNS[1:])]


def _gaps_said(gaps: Gaps) -> str:
    runs = [(market, *run) for market in sorted(gaps) for run in gaps[market]]
    missing = sum(end - start for _, start, end in runs) // 60_000
    return f"{len(runs)} gaps, {missing} candles, {hashlib.sha256(repr(runs).encode()).hexdigest()[:16]}"


def _daily_said(rows: pa.Table) -> str:
    """Sums only to 9 digits: engines add in different orders."""
    digest = hashlib.sha256()
    for *values, volume in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        digest.update(repr((*values, f"{volume:.9g}")).encode())
    return f"{len(rows)} markets, {digest.hexdigest()[:16]}"


TASKS: dict[str, Task] = {
    "load": load,
    "recorded": recorded,
    "upsert": upsert,
    "upsert_each": upsert_each,
    "append": append,
    "fill": fill,
    "year_arrow": _reading(lambda s, d: s.year(name(MARKET), d.scale.window, "arrow"), _candles_said),
    "year_pandas": _reading(lambda s, d: s.year(name(MARKET), d.scale.window, "pandas"), _candles_said),
    "month": _reading(lambda s, d: s.year(name(MARKET), d.scale.month, "arrow"), _candles_said),
    "day": _reading(lambda s, d: s.day(d.scale.names, d.scale.day), _candles_said),
    "gaps": _reading(lambda s, d: s.gaps(d.scale.names, d.scale.window), _gaps_said),
    "daily": _reading(lambda s, d: s.daily(d.scale.names, d.scale.day), _daily_said),
}

OPTIONAL = ("append", "daily")
"""Tasks that are left out for a system without a call of that name."""
