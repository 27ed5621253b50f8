"""A store that lost something, or holds what the lake never had, is seen, and made the lake again."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from qmd_platform.errors import StoreError
from qmd_platform.lake.backup import backup, restore
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Partition
from qmd_platform.model.tables import CANDLES
from qmd_platform.publish import postgres_sql, questdb_sql
from qmd_platform.publish import questdb as questdb_store
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import Receipt, publish
from qmd_platform.publish.port import Batch, Loaded, Store
from qmd_platform.publish.reading import Reader
from tests.publish.serving import FUNDING, HOURS, MINUTES, QuestTarget, Target, candles, funding, put, same
from tests.servers import QuestDB


def load(lake: Lake, target: Target, **how: object) -> dict[str, Receipt]:
    store = target.store()
    try:
        return {one.table: one for one in publish(lake, store, **how)}
    finally:
        store.close()


def load_all(lake: Lake, target: Target) -> dict[str, Receipt]:
    return load(lake, target, full=True)


def differing(lake: Lake, target: Target) -> int:
    store = target.store()
    try:
        return sum(len(one.differences) for one in compare(lake, store))
    finally:
        store.close()


def say(target: Target, statement: str, table: str = "candles_1m") -> None:
    """One statement about a table, by somebody else; ``{t}`` is its name."""
    with target.asked() as cursor:
        cursor.execute(statement.format(t=target.table(table)))
    settled(target, table)


def settled(target: Target, table: str = "candles_1m") -> None:
    store = target.store()
    store.counts(table)  # waits until it can be seen
    store.close()


def put_by_hand(target: Target, venue: str, symbol: str, month: str, table: str = "candles_1m") -> None:
    venue, symbol = (text.replace("'", "''") for text in (venue, symbol))
    say(target, f"INSERT INTO {{t}} VALUES ('{venue}', '{symbol}', '{month}-05T00:00:00Z', 1, 1, 1, 1, 1)", table)  # noqa: S608 - a test's


def test_what_the_lake_never_had_is_gone_after_a_full_load(lake: Lake, target: Target):
    load(lake, target)
    put_by_hand(target, "hand", "FOO/USDT", "2026-02")
    put_by_hand(target, "hand", "Bar' or 1", "2026-11")
    put_by_hand(target, "binance", "BTC/USDT:USDT", "2025-08")
    assert differing(lake, target) == 3
    assert load(lake, target, full=True)["candles_1m"].gone == 3
    same(lake, target)
    assert differing(lake, target) == 0
    assert load(lake, target)["candles_1m"].sent == 0


def test_a_table_that_was_emptied_is_loaded_anew(lake: Lake, target: Target):
    load(lake, target)
    say(target, "TRUNCATE TABLE {t}")
    assert load(lake, target)["candles_1m"].sent == 59
    same(lake, target)
    assert differing(lake, target) == 0


def test_a_table_that_the_lake_has_nothing_of_is_emptied_by_a_full_load(lake: Lake, target: Target):
    load(lake, target, tables=["candles_5m"])
    made = (
        postgres_sql.made("market_data", "candles_5m", CANDLES)
        if target.name == "postgres"
        else questdb_sql.made("candles_5m", CANDLES)
    )
    with target.asked() as cursor:
        cursor.execute(made)
    put_by_hand(target, "hand", "FOO/USDT", "2026-02", "candles_5m")
    assert differing(lake, target) == 6
    assert load(lake, target, full=True)["candles_5m"].gone == 1
    assert differing(lake, target) == 0


def test_a_column_that_was_dropped_is_seen_and_the_remedy_works(lake: Lake, target: Target):
    load(lake, target)
    say(target, "ALTER TABLE {t} DROP COLUMN volume")
    for asked in (differing, load, load_all):
        with pytest.raises(StoreError, match="has another candles_1m: volume is not there") as caught:
            asked(lake, target)
        assert "drop it, and it is made and loaded anew" in str(caught.value)
    with target.asked() as cursor:
        cursor.execute(f"DROP TABLE {target.table('candles_1m')}")
    load(lake, target)
    same(lake, target)


def test_a_column_of_another_type_is_seen(lake: Lake, target: Target):
    load(lake, target)
    as_float = {"postgres": "text", "questdb": "STRING"}[target.name]
    say(target, f"ALTER TABLE {{t}} ALTER COLUMN volume TYPE {as_float}")
    with pytest.raises(StoreError, match=r"volume is (text|STRING) and not (double precision|DOUBLE)"):
        differing(lake, target)


class Stop(Exception):
    """A load that ends here."""


def stopping(after: int) -> Callable[[str, int, int], None]:
    told = []

    def stop(*_: object) -> None:
        told.append(1)
        if len(told) >= after:
            raise Stop

    return stop


def test_a_full_load_that_was_stopped_is_ended_by_the_next(lake: Lake, target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(questdb_store, "TOGETHER", 1)
    load(lake, target)
    say(target, "UPDATE {t} SET close = 0.125")  # as many rows as before
    put_by_hand(target, "hand", "FOO/USDT", "2026-11")
    with pytest.raises(Stop):
        load(lake, target, full=True, tables=["candles_1m"], progress=stopping(after=1))
    assert differing(lake, target) > 0
    load(lake, target)
    same(lake, target)
    assert differing(lake, target) == 0


@pytest.mark.questdb
def test_a_first_load_of_questdb_is_written_down_as_it_goes(
    lake: Lake, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    monkeypatch.setattr(questdb_store, "SENT", 50, raising=False)
    count, read = itertools.count(1), Reader.read

    def stopped(self: Reader, partition: Partition, since: Loaded | None) -> Batch:
        if next(count) == 3:
            raise Stop
        return read(self, partition, since)

    monkeypatch.setattr(Reader, "read", stopped)
    with pytest.raises(Stop):
        load(lake, target)
    assert load(lake, target)["candles_1m"].sent == 3
    same(lake, target)


def notes(lake: Lake, store: Store) -> list[str]:
    publish(lake, store)
    store.close()
    return store.notes


def test_a_lake_that_is_older_than_what_is_served_is_followed_with_a_note(lake: Lake, target: Target, tmp_path: Path):
    backup(lake, tmp_path / "backup")
    put(lake, Write(MINUTES, candles(MINUTES, [3], 1.5).to_arrow()), Write(FUNDING, funding([0.5])))
    put(lake, Write(HOURS, candles(HOURS, [1], 1.5).to_arrow()))
    assert notes(lake, target.store()) == []
    newest = lake.ledger.last_commit()
    lake.close()
    restore(tmp_path / "backup", tmp_path / "again")
    with Lake.open(tmp_path / "again") as older:
        (note,) = notes(older, target.store())
        assert f"was loaded from commit {newest} of this lake, which is at {older.ledger.last_commit()}" in note
        same(older, target)
