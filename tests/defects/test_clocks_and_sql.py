"""Mistakes of clocks and of SQL that stores of funding have been seen to make, each by its number in docs/mistakes.md."""

import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qmd_platform.ingest.funding_commits import Gained, committed
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake import views
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window

BTC = Market("binance", "BTC/USDT:USDT")
FUNDING = Series.funding(BTC)
HOUR = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def hours_back(count: int) -> list[int]:
    """The last full hours, oldest first."""
    last = now_ms() // HOUR * HOUR
    return [last - HOUR * back for back in reversed(range(count))]


def put(lake: Lake, at: list[int], rates: list[float]) -> list[Receipt]:
    got = Gained(rows=[Settlements.of(at, rates)])
    return committed(lake, BTC, got, (), [Window(at[0], at[-1] + 1)], run_id="r", source="sandbox:test")


def test_mistake_22_times_are_of_the_epoch_and_a_restart_overwrites_nothing(tmp_path: Path):
    """A loop's clock starts near 0 with each process: its times say nothing, and as a key they overwrite."""
    began, at = now_ms(), hours_back(48)
    for half in (at[:24], at[24:]):
        with Lake.open(tmp_path / "lake") as lake:  # a new process would
            put(lake, half, [1e-4] * 24)
    with Lake.open(tmp_path / "lake") as lake:
        assert [round(row["settled_at"].timestamp() * 1000) for row in lake.read(FUNDING).to_pylist()] == at
        seen = [commit.at for commit in lake.ledger.log()]
    assert len(seen) == 2
    assert all(began <= one <= now_ms() for one in seen)


def test_mistake_23_the_last_day_is_24_hours_wherever_the_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """UTC in the rows and the machine's wall clock in the question: in Seoul 15 of 24 rows."""
    with Lake.open(tmp_path / "lake") as lake:
        at = hours_back(48)
        put(lake, at, [1e-4] * 48)
        monkeypatch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        try:
            with views.connect(lake) as connection:
                query = "SELECT count(*) FROM funding_rates WHERE settled_at > now() - INTERVAL 24 HOUR"
                ((found,),) = connection.sql(query).fetchall()
        finally:
            monkeypatch.delenv("TZ")
            time.tzset()
    assert found == sum(one > now_ms() - 24 * HOUR for one in at) == 24


def test_mistake_23_what_the_mistake_would_have_found():
    """The same question put to a table of plain texts, as the boards keep them."""
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE funding (settled_at TEXT)")
        now = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
        rows = [((now - timedelta(hours=back)).strftime("%F %T"),) for back in range(24)]
        database.executemany("INSERT INTO funding VALUES (?)", rows)
        since = (now + timedelta(hours=9) - timedelta(hours=24)).strftime("%F %T")
        assert database.execute("SELECT count(*) FROM funding WHERE settled_at > ?", (since,)).fetchone() == (15,)


def test_mistake_24_a_writer_waits_for_another_and_its_transaction_is_done_once(tmp_path: Path):
    """A retry inside a generator yields twice (``generator didn't stop after throw()``), or runs half of it again."""
    with Lake.open(tmp_path / "lake") as lake:
        put(lake, hours_back(2), [1e-4, 1e-4])
        other = sqlite3.connect(tmp_path / "lake" / "ledger.sqlite", check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        released = threading.Timer(0.4, other.execute, ("ROLLBACK",))
        released.start()
        began = time.monotonic()
        (*_, receipt) = put(lake, hours_back(1), [2e-4])
        waited = time.monotonic() - began
        released.join()
        other.close()
        assert waited > 0.3
        assert (receipt.changed, receipt.version) == (1, 2)
        assert [commit.id for commit in lake.ledger.log()] == [2, 1]


def test_mistake_25_a_restated_rate_is_a_change_that_is_kept_and_the_same_again_is_none(tmp_path: Path):
    """INSERT OR REPLACE deletes the row and makes another: nobody learns that it said something else before."""
    with Lake.open(tmp_path / "lake") as lake:
        at = hours_back(1)
        for rate, version in ((1e-4, 1), (1e-4, 1), (2e-4, 2), (2e-4, 2)):
            (receipt,) = put(lake, at, [rate])
            assert receipt.version == version
        (revision,) = lake.ledger.revisions(FUNDING)
        assert '"rate":0.0001' in str(revision.before)
        assert '"rate":0.0002' in str(revision.after)
        first = lake.read(FUNDING, as_of=1).to_pylist()
        assert [row["rate"] for row in first] == [1e-4]
        assert lake.state(Partition(FUNDING, receipt.partition.month)).rows == 1
