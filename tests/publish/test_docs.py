"""The queries of docs/serving-stores.md run as they are written, and answer what the page says they answer."""

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from qmd_platform.lake.store import Lake
from tests.publish.serving import PostgresTarget, Target
from tests.publish.test_stores import load

PAGE = (Path(__file__).parents[2] / "docs" / "serving-stores.md").read_text(encoding="utf-8")
SECTIONS = {"postgres": "## PostgreSQL", "questdb": "## QuestDB"}


def queries(store: str) -> list[str]:
    section = PAGE.partition(SECTIONS[store] + "\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sql\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def answers(target: Target) -> list[list[tuple[object, ...]]]:
    found = []
    with target.asked() as cursor:
        for query in queries(target.name):
            cursor.execute(query.strip().rstrip(";"))
            found.append(cursor.fetchall())
    return found


def test_every_query_of_the_page_is_answered(lake: Lake, target: Target):
    load(lake, target)
    found = answers(target)
    assert len(found) == 5
    assert all(found)


@pytest.mark.postgres
@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_what_postgresql_says(lake: Lake, target: Target):
    load(lake, target)
    newest, missing, longer, paid, far = answers(target)
    assert [(row[:2], row[2].isoformat(), row[3]) for row in newest] == [
        (("binance", "BTC/USDT:USDT"), "2026-02-02T00:00:00+00:00", 1e-9)
    ]
    assert len(missing) == 4
    assert missing[0][2].isoformat() == "2026-02-01T00:20:00+00:00"
    assert len(longer) == 4
    assert [row[2] and row[2].minute for row in paid] == [19, 19, 19]
    assert all(row[2] + timedelta(minutes=1) <= row[0] for row in paid), "a close that nobody knew yet"
    assert [(row[0], row[3]) for row in far] == [("candles_1h", 3), ("candles_1m", 59), ("funding_rates", 4)]


@pytest.mark.questdb
@pytest.mark.parametrize("target", ["questdb"], indirect=True)
def test_what_questdb_says(lake: Lake, target: Target):
    load(lake, target)
    hours, newest, paid, settled, far = answers(target)
    assert [row[0].day for row in hours] == [1, 2, 6]
    assert {row[:2] for row in newest} == {("binance", "BTC/USDT:USDT"), ("gate", "1000X'Y/USDT")}
    assert [(row[0].hour, row[4] and row[4].minute) for row in paid] == [(0, None), (8, 19), (16, 19), (0, 19)]
    assert all(row[4] is None or row[4] + timedelta(minutes=1) <= row[0] for row in paid), (
        "a close that nobody knew yet"
    )
    assert [(row[0], row[2].day, row[3]) for row in settled] == [("binance", 2, 1e-9)]
    assert [(row[0], row[3]) for row in far] == [("candles_1h", 3), ("candles_1m", 59), ("funding_rates", 4)]


@pytest.mark.postgres
@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_readers_see_every_table_by_the_rights_that_the_page_gives(lake: Lake, target: Target):
    (block,) = re.findall(r"^```text\n(CREATE ROLE qmd.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    block = re.sub(r"\bqmd\b", "loader", block)  # the tests' server has a role qmd
    with closing(psycopg2.connect(of_role(target.wire, "admin"))) as connection, connection.cursor() as owner:
        connection.autocommit = True
        owner.execute(block + "CREATE ROLE alice LOGIN PASSWORD 'choose one'; GRANT readers TO alice;")
        try:
            load(lake, PostgresTarget(of_role(target.wire, "loader", "choose%20one")))
            reads_and_may_not_write(of_role(target.wire, "alice", "choose%20one"))
        finally:
            owner.execute("DROP SCHEMA market_data CASCADE; DROP ROLE alice, loader, readers")


def reads_and_may_not_write(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as alice:
        alice.execute("SELECT count(*) FROM market_data.candles_1m")
        assert alice.fetchone() == (59,)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            alice.execute("DELETE FROM market_data.candles_1m")


def of_role(url: str, role: str, password: str | None = None) -> str:
    """The same database, by another role; the tests' roles have one password."""
    found = urlsplit(url)
    return found._replace(netloc=f"{role}:{password or found.password}@{found.hostname}:{found.port}").geturl()
