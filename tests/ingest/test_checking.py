"""Verdicts that are kept: they hold for exactly the rows they were made from, and for nothing later."""

import time
from typing import Any

import numpy as np
import pytest

from qmd_platform.ingest.checking import checked
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality import judge, rules

MARKET = Market("binance", "BTC/USDT")
HOURS, DAYS = (Partition(Series.candles(MARKET, step), "2026-03") for step in (Timeframe.H1, Timeframe.D1))


@pytest.fixture
def judgements(monkeypatch: pytest.MonkeyPatch) -> list[Partition]:
    """The partitions judged so far, not taken from the ledger."""
    done: list[Partition] = []
    real = judge.judged

    def judged(partition: Partition, *rest: Any, **named: Any) -> list[judge.Finding]:
        done.append(partition)
        return real(partition, *rest, **named)

    monkeypatch.setattr(judge, "judged", judged)
    return done


def put(lake: Lake, partition: Partition, first: int, last: int, *, price: float = 10.0, high: float = 10.0) -> None:
    """Commit the candles ``first`` to ``last`` of the month, all of one price but for their high."""
    at = partition.window.start + np.arange(first, last) * partition.series.timeframe.step
    flat = np.full(len(at), price)
    rows = Candles(at, flat, np.full(len(at), high), flat, flat, flat)
    lake.commit([Write(partition, rows.to_arrow())], run_id="r", source="test")


def failed(lake: Lake, partition: Partition, shorter: Timeframe | None = None) -> list[str]:
    return [verdict.rule for verdict in checked(lake, partition, shorter=shorter) if not verdict.passed]


def test_a_partition_that_did_not_change_is_judged_once(lake: Lake, judgements: list[Partition]):
    put(lake, HOURS, 0, 24)
    put(lake, DAYS, 0, 1)
    for _ in range(3):
        assert failed(lake, HOURS) == []
        checked(lake, DAYS, shorter=Timeframe.H1)
    assert judgements == [HOURS, DAYS]


def test_what_is_committed_while_the_rules_judge_is_judged_the_next_time(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    put(lake, HOURS, 0, 24)
    real = judge.judged

    def overtaken(*rest: Any, **named: Any) -> list[judge.Finding]:
        found = real(*rest, **named)
        put(lake, HOURS, 24, 48, high=1.0)
        time.sleep(0.005)  # by the clock the verdict is now the younger of the two
        return found

    monkeypatch.setattr(judge, "judged", overtaken)
    assert failed(lake, HOURS) == []
    monkeypatch.setattr(judge, "judged", real)
    assert failed(lake, HOURS) == [rules.OHLC_ORDER.name]


def test_a_clock_that_was_set_back_keeps_no_verdict_alive(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    put(lake, HOURS, 0, 24)
    assert failed(lake, HOURS) == []
    monkeypatch.setattr("qmd_platform.ledger.committing.now_ms", lambda: 1)
    put(lake, HOURS, 24, 48, high=1.0)
    assert failed(lake, HOURS) == [rules.OHLC_ORDER.name]


def test_candles_are_judged_again_when_the_shorter_ones_come_or_change(lake: Lake, judgements: list[Partition]):
    agreement = rules.AGREES_WITH_SHORTER.name
    rows = Candles(np.array([DAYS.window.start]), *(np.array([10.0]),) * 4, np.array([240.0]))
    lake.commit([Write(DAYS, rows.to_arrow())], run_id="r", source="test")
    assert agreement not in {verdict.rule for verdict in checked(lake, DAYS, shorter=Timeframe.H1)}
    put(lake, HOURS, 0, 24)
    assert agreement in {verdict.rule for verdict in checked(lake, DAYS, shorter=Timeframe.H1)}
    assert failed(lake, DAYS, Timeframe.H1) == []
    put(lake, HOURS, 5, 6, price=10.0, high=99.0)
    assert failed(lake, DAYS, Timeframe.H1) == [agreement]
    assert judgements == [DAYS] * 3


def test_verdicts_of_other_rules_than_todays_do_not_hold(lake: Lake, judgements: list[Partition]):
    put(lake, HOURS, 0, 24)
    verdicts = checked(lake, HOURS)
    for kept in (verdicts[1:], verdicts):
        lake.ledger.record_verdicts(kept)
        assert {verdict.rule for verdict in checked(lake, HOURS)} == {verdict.rule for verdict in verdicts}
    assert judgements == [HOURS] * 2
