"""Days of the live log that the lake holds go, while collectors write, whatever a venue dates its words."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.ingest.absorbed import absorb, forget
from qmd_platform.ingest.asking import machine_clock
from qmd_platform.lake.store import Lake
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Window, month_of
from tests.live.heard import BTC, DAY, ETH, MINUTE, NOON, candle

MONTH = Partition(BTC, "2026-11")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / FOLDER, world="sandbox")
    yield log
    log.close()


def test_days_that_the_lake_holds_go_from_the_log_but_for_the_newest(lake: Lake, log: Log):
    per_day = DAY // MINUTE
    heard = [candle(number * per_day) for number in range(4)]
    log.append(heard)
    assert forget(lake, log, "binance") == 0
    absorb(lake, log, [MONTH], run_id="r")
    log.append([candle(1, ETH)])  # nobody has taken this one in
    log.close()
    assert forget(lake, log, "binance") == 0
    absorb(lake, log, [Partition(ETH, "2026-11")], run_id="r")
    assert forget(lake, log, "binance") == 2
    assert [day.start for day in log.days("binance")] == [NOON - DAY // 2 + day * DAY for day in (2, 3)]


def test_days_go_from_the_log_while_a_collector_goes_on_writing_to_it(lake: Lake, log: Log):
    for day in range(4):
        log.append([candle(day * DAY // MINUTE), candle(day * DAY // MINUTE, ETH)])
        absorb(lake, Log(log.folder), [MONTH, Partition(ETH, "2026-11")], run_id="r")
        forget(lake, Log(log.folder), "binance")
    assert [day.start for day in log.days("binance")] == [NOON - DAY // 2 + day * DAY for day in (2, 3)]
    log.append([candle(2 * DAY // MINUTE + 1)])  # of yesterday, late


def test_of_real_venues_a_day_that_is_not_yet_makes_no_other_one_old(lake: Lake, tmp_path: Path):
    today = machine_clock() // DAY * DAY
    log = Log(tmp_path / "other", world="live")
    opened = [today + day * DAY for day in (-3, -1, 0, 30)]
    log.append([replace(candle(0), open_at=at, venue_at=at + MINUTE, received_at=at + MINUTE) for at in opened])
    log.close()
    assert log.newest_day("binance", machine_clock()) == Window(today, today + DAY)
    absorb(lake, log, [Partition(BTC, month) for month in {month_of(at) for at in opened}], run_id="r")
    assert forget(lake, log, "binance") == 1
    assert [day.start for day in log.days("binance")] == opened[1:]
