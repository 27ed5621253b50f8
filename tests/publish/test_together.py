"""Two that load the same table at the same time: whoever is slower does not undo what the other one did."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from qmd_platform.coordination.leases import Lease
from qmd_platform.errors import StoreError
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.tables import CANDLES
from qmd_platform.publish import alone, postgres_sql
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import publish
from qmd_platform.publish.port import Source
from qmd_platform.publish.questdb_http import Quest
from qmd_platform.publish.questdb_sql import LOADED
from qmd_platform.publish.reading import Reader
from tests.publish.serving import DAY, HOURS, MINUTES, OF_SPOT, PostgresTarget, QuestTarget, candles, put, same
from tests.servers import QuestDB, fresh_database

FOR_EVER_S = 60


@pytest.fixture
def quest(questdb: QuestDB) -> QuestTarget:
    return QuestTarget(questdb.fresh_url(), questdb.postgres_url)


def at_price(lake: Lake, price: float) -> None:
    put(lake, Write(HOURS, candles(HOURS, [0, 30, 60], price).to_arrow()))


@pytest.mark.questdb
def test_a_slow_loader_with_older_rows_does_not_lie_over_a_faster_one(
    lake: Lake, quest: QuestTarget, monkeypatch: pytest.MonkeyPatch
):
    """The slow one has read, the lake changes, the fast one sends, the slow one sends, and the fast one writes down."""
    publish(lake, quest.store())
    at_price(lake, 1.0)
    has_read, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    send = Quest.send

    def sending(self: Quest, table: str, *rows: Any) -> None:
        is_slow = threading.current_thread().name == "slow"
        if is_slow and table == "candles_1h":
            has_read.set()
            assert goes_on.wait(FOR_EVER_S)
        elif not is_slow and table == LOADED and not goes_on.is_set():
            goes_on.set()
            assert is_over.wait(FOR_EVER_S)
        send(self, table, *rows)

    def waiting(seconds: float) -> None:
        goes_on.set()
        time.sleep(min(seconds, 0.05))

    monkeypatch.setattr(Quest, "send", sending)
    monkeypatch.setattr(alone, "time", SimpleNamespace(sleep=waiting, monotonic=time.monotonic))

    def loading() -> None:
        publish(lake, quest.store(), ["candles_1h"])
        is_over.set()

    slow = threading.Thread(target=loading, name="slow")
    slow.start()
    assert has_read.wait(FOR_EVER_S)
    at_price(lake, 2.0)
    publish(lake, quest.store(), ["candles_1h"])
    slow.join()
    same(lake, quest)


@pytest.mark.questdb
def test_who_lost_its_turn_writes_down_that_nobody_knows(
    lake: Lake, quest: QuestTarget, monkeypatch: pytest.MonkeyPatch
):
    publish(lake, quest.store())
    at_price(lake, 1.0)
    with monkeypatch.context() as patching:
        patching.setattr(Lease, "is_held", lambda self: False)
        with pytest.raises(StoreError, match="loaded by another one"):
            publish(lake, quest.store())
    (found,) = compare(lake, quest.store(), ["candles_1h"])
    assert [(one.store_version, one.loaded_rows) for one in found.differences] == [("", None)]
    (done,) = publish(lake, quest.store(), ["candles_1h"])
    assert done.sent == 3
    same(lake, quest)


@pytest.mark.questdb
def test_another_one_is_not_waited_for_for_ever(lake: Lake, quest: QuestTarget, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alone, "PATIENCE_S", 0.0)
    with (
        alone.alone(lake, "questdb", "candles_1h"),
        pytest.raises(StoreError, match="questdb/candles_1h is being loaded by another one"),
    ):
        publish(lake, quest.store(), ["candles_1h"])
    (done,) = publish(lake, quest.store(), ["candles_1h"])
    assert done.sent == 3


@pytest.mark.postgres
def test_a_table_that_another_one_made_meanwhile_is_seen(lake: Lake, postgres: str):
    target = PostgresTarget(fresh_database(postgres))
    publish(lake, target.store(), ["candles_1m"])
    store = target.store()
    assert store.loaded("candles_1h") == {}  # its session knows that there is no such table
    other = psycopg2.connect(target.url)
    cursor = other.cursor()
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('qmd publish market_data', 0))")
    done: list[int] = []
    source = Source("candles_1h", 1, {HOURS: "new"}, Reader(lake).read)
    waiting = threading.Thread(target=lambda: done.extend(one.sent for one in store.load(source, [HOURS], full=False)))
    waiting.start()
    with target.asked() as watching:
        for _ in range(FOR_EVER_S * 100):
            watching.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if watching.fetchone()[0]:
                break
            time.sleep(0.01)
    cursor.execute(postgres_sql.made("market_data", "candles_1h", CANDLES))
    other.commit()
    waiting.join()
    other.close()
    store.close()
    assert done == [3]


@pytest.mark.questdb
def test_rows_that_leave_the_lake_while_others_are_sent_again_leave_too(
    lake: Lake, quest: QuestTarget, monkeypatch: pytest.MonkeyPatch
):
    publish(lake, quest.store())
    kept = [*range(20), *range(DAY, DAY + 20), *range(5 * DAY, 5 * DAY + 4)]
    put(lake, Write(MINUTES, candles(MINUTES, kept).to_arrow(), replace=True))
    ask = Quest.ask

    def asking(self: Quest, query: str) -> list[list[Any]]:
        found = ask(self, query)
        if "CAST(open_at AS LONG)" in query:  # which of these are no more is known now
            put(lake, Write(OF_SPOT, candles(OF_SPOT, [*range(10)]).to_arrow(), replace=True))  # on another day
        return found

    monkeypatch.setattr(Quest, "ask", asking)
    publish(lake, quest.store())
    same(lake, quest)
