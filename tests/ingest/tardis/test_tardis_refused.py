"""Rows of Tardis's that cannot be: their minutes are not whole, no candle is made of them, and who asked is told which row and why."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from qmd_platform.ingest import tardis_lacking
from qmd_platform.lake.store import Lake
from qmd_platform.model.spans import Run, State, subtracted
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, iso
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.tardis import machine
from qmd_platform.venues.tardis.messages import Message, TradeBar
from tests.ingest.tardis.taped import (
    DAY,
    KRAKEN,
    bring,
    kept_otherwise,
    minute_of,
    replay,
    series,
    traded,
    with_cells,
)

ROW = 49
"""The place of a trade among a file's lines; its line is the next number."""


@pytest.mark.parametrize(
    ("cells", "why"),
    [({"price": 0}, "price 0.0 is not above 0"), ({"amount": -1}, "amount -1.0 is not above 0")],
)
def test_a_minute_with_a_trade_that_cannot_be_is_missing_and_the_row_is_named(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, cells: dict[str, object], why: str
):
    minutes = []

    def edit(lines: list[bytes]) -> list[bytes]:
        minutes.append(minute_of(lines[ROW]))
        return [*lines[:ROW], with_cells(lines[ROW], **cells), *lines[ROW + 1 :]]

    name = kept_otherwise(tmp_path, sandbox, edit)
    brought = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    (minute,) = minutes
    said = f"{name} line {ROW + 1}: {why}"
    assert brought.failures == brought.receipts[0].failures == (f"{iso(minute.start)} is not whole: {said}",)
    assert brought.account.refused == 1
    missing = Run(minute, State.MISSING, f"{tardis_lacking.NOT_WHOLE}: {said}")
    assert lake.coverage(series(KRAKEN), minute) == [missing]
    assert missing in brought.lacking
    (before, after) = subtracted([Window(DAY.start, DAY.end - MINUTE)], [minute])
    for part in (before, after):
        assert lake.candles(series(KRAKEN), part).equals(traded(sandbox, KRAKEN, part))


def test_two_trades_of_one_id_contradict_each_other_and_neither_minute_is_whole(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    minutes = []

    def edit(lines: list[bytes]) -> list[bytes]:
        minutes.append(minute_of(lines[ROW]))
        return [*lines[: ROW + 1], with_cells(lines[ROW], price=1.0), *lines[ROW + 1 :]]

    name = kept_otherwise(tmp_path, sandbox, edit)
    brought = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    (failure,) = brought.failures
    assert f"{name} line {ROW + 2}: trade " in failure
    assert (brought.account.refused, brought.account.duplicates) == (1, 0)
    assert len(lake.candles(series(KRAKEN), minutes[0])) == 0
    assert min(lake.candles(series(KRAKEN)).low) > 1


def test_the_same_row_twice_is_a_duplicate_and_harms_nothing(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    kept_otherwise(tmp_path, sandbox, lambda lines: [*lines[: ROW + 1], *lines[ROW:]])
    brought = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    assert (brought.failures, brought.account.duplicates, brought.account.refused) == ((), 1, 0)
    known = Window(DAY.start, DAY.end - MINUTE)
    assert lake.candles(series(KRAKEN)).equals(traded(sandbox, KRAKEN, known))


def test_a_replay_settles_a_minute_that_a_file_did_not_have_whole(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    kept_otherwise(tmp_path, sandbox, lambda lines: [*lines[:ROW], with_cells(lines[ROW], price=0), *lines[ROW + 1 :]])
    lacking = bring(lake, sandbox, KRAKEN, DAY, tmp_path).lacking
    (minute,) = (run.window for run in lacking if run.cause.startswith(tardis_lacking.NOT_WHOLE))
    brought = replay(lake, sandbox, KRAKEN, minute)
    assert (brought.failures, brought.lacking) == ((), ())
    assert lake.candles(series(KRAKEN), minute).equals(traded(sandbox, KRAKEN, minute))


HOUR = Window.of("2026-11-01T02:00Z", "2026-11-01T03:00Z")


def test_the_bars_around_a_replay_are_outside_of_it_and_none_is_refused(lake: Lake, sandbox: Sandbox):
    brought = replay(lake, sandbox, KRAKEN, HOUR)
    assert (brought.account.refused, brought.failures) == (0, ())
    assert brought.account.outside > 15
    assert brought.account.used == len(traded(sandbox, KRAKEN, HOUR))


def test_a_bar_that_a_replay_tells_twice_otherwise_is_of_a_minute_that_is_not_whole(
    lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    messages = machine.messages
    minutes = []

    async def twice(url: str, wanted: machine.Wanted) -> AsyncIterator[Message]:
        number = 0
        async for message in messages(url, wanted):
            yield message
            number += isinstance(message, TradeBar)
            if isinstance(message, TradeBar) and number == 30:
                minutes.append(Window(message.at - MINUTE, message.at))
                yield msgspec.structs.replace(message, close=message.close + 1)

    monkeypatch.setattr(machine, "messages", twice)
    brought = replay(lake, sandbox, KRAKEN, HOUR)
    (failure,) = brought.failures
    assert "came a second time, and is another one" in failure
    assert brought.account.refused == 1
    (minute,) = minutes
    (run,) = lake.coverage(series(KRAKEN), minute)
    assert (run.state, run.cause.startswith(tardis_lacking.NOT_WHOLE)) == (State.MISSING, True)
    assert run in brought.lacking
    (before, after) = subtracted([HOUR], [minute])
    assert lake.candles(series(KRAKEN), after).equals(traded(sandbox, KRAKEN, after))
    assert lake.candles(series(KRAKEN), before).equals(traded(sandbox, KRAKEN, before))
