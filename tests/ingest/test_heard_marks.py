"""Predictions that were heard: rows of the table of predictions, by the venue's clock, a few of the many."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.ingest.heard_marks import absorb_marks
from qmd_platform.lake.store import Lake
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.series import Series
from qmd_platform.model.window import Window
from tests.live.heard import DAY, MINUTE, NOON, PERPETUAL, mark


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / FOLDER, world="sandbox")
    yield log
    log.close()


def test_the_last_of_each_five_minutes_that_are_over_is_a_row_and_a_second_time_changes_nothing(
    log: Log, tmp_path: Path
):
    with Lake.open(tmp_path / "lake") as lake:
        assert absorb_marks(lake, "binance", [PERPETUAL], run_id="r") == []
        log.append([mark(number) for number in (0, 1, 4, 3, 6, 12)])
        (receipt,) = absorb_marks(lake, "binance", [PERPETUAL], run_id="r")
        rows = lake.read(Series("funding_predictions", "binance")).to_pylist()
        seen = [(round(row["seen_at"].timestamp() * 1000) - NOON) // MINUTE for row in rows]
        assert (receipt.new, seen) == (2, [4, 6])
        assert {row["market"] for row in rows} == {str(PERPETUAL)}
        assert [row["predicted_rate"] for row in rows] == [0.0001, 0.0001]
        assert [(row["mark"], row["index_price"], row["source"]) for row in rows] == [
            (104.0, 103.5, "stream"),
            (106.0, 105.5, "stream"),
        ]
        assert {(row["interval_hours"], row["accrued_rate"]) for row in rows} == {(None, None)}
        versions = lake.ledger.versions(Series("funding_predictions", "binance"))
        assert absorb_marks(lake, "binance", [PERPETUAL], run_id="r")[0].new == 0
        assert lake.ledger.versions(Series("funding_predictions", "binance")) == versions


def test_what_does_not_say_when_and_of_which_settlement_is_no_row(log: Log, tmp_path: Path):
    log.append(
        [
            mark(0, predicted_rate=None),
            mark(6, venue_at=None),
            mark(11, next_settlement_at=None),
            mark(16, next_settlement_at=NOON),
            mark(30, mark=None, index=None),
            mark(36),
        ]
    )
    with Lake.open(tmp_path / "lake") as lake:
        absorb_marks(lake, "binance", [PERPETUAL], run_id="r")
        (row,) = lake.read(Series("funding_predictions", "binance")).to_pylist()
        assert (row["mark"], row["predicted_rate"]) == (None, 0.0001)


def test_days_that_were_taken_in_go_from_the_log_but_for_the_newest_two(log: Log, tmp_path: Path):
    per_day = DAY // MINUTE
    log.append([mark(number * per_day) for number in range(4)])
    log.close()
    with Lake.open(tmp_path / "lake") as lake:
        absorb_marks(lake, "binance", [PERPETUAL], run_id="r")
    assert len(log.marks(PERPETUAL, Window(NOON, NOON + 5 * DAY))) == 2
