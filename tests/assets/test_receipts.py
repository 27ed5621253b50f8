"""Receipts as the UI shows them."""

from pathlib import Path

from assets import receipts
from qmd_platform.coverage.summary import Summary
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.venues.port import Traffic

PARTITION = Partition(Series.candles(Market("binance", "BTC/USDT"), Timeframe.D1), "2024-02")


def receipt(*failures: str) -> Receipt:
    """Of a month the venue gave nothing for."""
    summary, runs = Summary(expected=29, missing=29), (Run(PARTITION.window, State.MISSING, "not sent"),)
    traffic = Traffic(requests=7, bytes=11, retries=5)
    return Receipt(PARTITION, summary, runs, new=0, changed=0, unchanged=0, traffic=traffic, failures=failures)


def test_what_could_not_be_fetched_is_in_the_receipt_with_the_reason(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        told = receipts.metadata(lake, receipt("page 1: status 503", "page 2: cut off"), [])
    assert told["not fetched"] == "page 1: status 503; page 2: cut off"
    assert (told["expected"], told["present"], told["missing"]) == (29, 0, 29)
    assert (told["requests"], told["retries"], told["bytes received"]) == (7, 5, 11)


def test_a_receipt_without_failures_does_not_speak_of_any(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        assert "not fetched" not in receipts.metadata(lake, receipt(), [])
