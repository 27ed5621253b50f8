"""Episodes in the ledger: equal to what they are made of, never twice, asked for by time, coin and state."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.ledger.checkpoint import dumped, loaded
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.opportunities import KeptEpisode, Source, episodes, keep, source, underlyings
from qmd_platform.ledger.postgres import PostgresDatabase
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import transfer
from tests.servers import fresh_schema

HELD = KeptEpisode(
    "binance:BTC/USDT:USDT",
    "gate:BTC/USDT:USDT",
    1_000,
    number=1,
    kind="spread",
    underlying="BTC",
    state="HOLD",
    since=3_000,
    opened=2_000,
    closed=None,
    ended=None,
    reason="net return above 10.00% a year for 3 settlements in a row",
    net_per_year=0.1 + 0.2,
    best_net_per_year=0.5,
    break_even_hours=float("inf"),
    flags="MULTIPLIER",
    rule_version="1-ab",
    data_versions="venue_spreads:0123",
)
OVER = replace(HELD, began=500, state="NONE", since=900, closed=800, ended=800)
WATCHED = replace(
    HELD, short_market="okx:ETH/USDT:USDT", underlying="ETH", state="WATCH", opened=None, since=1_500, net_per_year=None
)
ALL = [HELD, WATCHED, OVER]
"""The one that changed last first."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "postgres":
        opened: Database = PostgresDatabase(fresh_schema(request.getfixturevalue("postgres")))
    else:
        opened = SqliteDatabase(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    opened.migrate()
    yield opened
    opened.close()


def test_what_was_kept_is_what_is_there_to_the_last_digit(database: Database):
    assert source(database) is None
    assert keep(database, ALL, Source(7, {"2026-03": "ab"}))
    assert episodes(database) == ALL
    assert source(database) == Source(7, {"2026-03": "ab"})
    assert underlyings(database) == ["BTC", "ETH"]


def test_keeping_again_replaces_changes_and_takes_away(database: Database):
    keep(database, ALL, Source(1, {}))
    closed = replace(HELD, state="CLOSE", since=4_000, closed=4_000, ended=4_000)
    assert keep(database, [OVER, closed], Source(2, {}))
    assert episodes(database) == [closed, OVER]
    assert keep(database, [], Source(3, {}))
    assert episodes(database) == []


def test_who_read_the_lake_earlier_changes_nothing(database: Database):
    keep(database, ALL, Source(9, {"2026-03": "new"}))
    assert not keep(database, [OVER], Source(8, {"2026-03": "old"}))
    assert (episodes(database), source(database)) == (ALL, Source(9, {"2026-03": "new"}))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"since": 800}, ALL),
        ({"since": 801}, [HELD, WATCHED]),
        ({"since": 10_000}, [HELD, WATCHED]),
        ({"underlying": "BTC"}, [HELD, OVER]),
        ({"underlying": "btc"}, []),
        ({"states": ("HOLD", "NONE")}, [HELD, OVER]),
        ({"since": 801, "underlying": "BTC", "states": ["NONE"]}, []),
    ],
    ids=["ended then", "ended before", "of later", "coin", "no such coin", "states", "all three"],
)
def test_they_are_asked_for_by_time_coin_and_state(database: Database, asked: dict[str, object], found: list[object]):
    keep(database, ALL, Source(1, {}))
    assert episodes(database, **asked) == found  # type: ignore[arg-type] - a table of questions


@pytest.mark.parametrize(
    ("where", "index"),
    [("underlying = 'BTC' AND began > 5", "episode_of_underlying"), ("state = 'HOLD'", "episode_in_state")],
)
def test_coin_and_state_are_looked_up_in_an_index(tmp_path: Path, where: str, index: str):
    database = SqliteDatabase(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    database.migrate()
    with database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT * FROM episode WHERE {where}").all()  # noqa: S608 - ours
    assert index in str(plan)


def test_they_go_along_when_the_ledger_is_kept_whole_or_moved(tmp_path: Path):
    first, second, third = (SqliteDatabase(tmp_path / name, tmp_path / f"{name}.lock") for name in "abc")
    for each in (first, second):
        each.migrate()
    keep(first, ALL, Source(1, {"2026-03": "ab"}))
    with first.reading() as connection:
        dump = dumped(connection)
    with second.writing() as connection:
        loaded(connection, dump, "here")
    transfer(first, third)
    for each in (second, third):
        assert (episodes(each), source(each)) == (ALL, Source(1, {"2026-03": "ab"}))
        each.close()
    first.close()
