"""What cannot be served is refused by the name of who must act, and no password is ever shown."""

import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from qmd_platform.errors import ConfigError, QmdError, StoreError
from qmd_platform.lake.store import Lake, Write
from qmd_platform.publish import questdb_http
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import publish
from qmd_platform.publish.opening import is_set, opened
from qmd_platform.publish.port import TABLES
from qmd_platform.publish.questdb_http import QuestAddress
from tests.publish.serving import FUNDING, HOURS, PostgresTarget, QuestTarget, Target, candles, funding, put, same
from tests.servers import QuestDB, fresh_database

SECRET = "s3cr%40t"  # noqa: S105 - of nobody


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://db:port", "http://u:s3cr%40t@h:9000/exec", "http://u:s3cr@t@h/x", "http://"]
)
def test_what_is_no_questdb_address_is_refused_unseen(url: str):
    with pytest.raises(ConfigError, match="QMD_PUBLISH_QUESTDB_URL: the QuestDB address") as caught:
        opened("questdb", {"QMD_PUBLISH_QUESTDB_URL": url})
    assert "s3cr" not in str(caught.value)


def test_an_address_is_shown_without_its_password():
    address = QuestAddress.parse("https://me:p%40ss%3A@[::1]/")
    assert (address.where, address.password) == ("https://me@[::1]:9000", "p@ss:")
    assert address.client == "https::addr=[::1]:9000;"
    assert address.without_secrets("a p@ss: b p%40ss%3A c") == "a *** b *** c"
    assert "p@ss" not in repr(address)


def test_a_store_without_an_address_names_its_setting():
    assert not is_set("postgres", {})
    with pytest.raises(ConfigError, match="QMD_PUBLISH_POSTGRES_URL is not set") as caught:
        opened("postgres", {})
    assert "postgresql://" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="no store 'postgre'") as caught:
        opened("postgre", {})
    assert "did you mean postgres" in (caught.value.hint or "")


def test_questdbs_client_is_asked_for_where_it_is_missing(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "questdb", None)
    store = opened("questdb", {}, "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="needs the package questdb"):
        publish(lake, store)


@pytest.mark.parametrize("name", ["postgres", "questdb"])
def test_a_server_that_is_away_is_said_to_be(lake: Lake, name: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    scheme, path = ("postgresql", "/db") if name == "postgres" else ("http", "")
    store = opened(name, {}, f"{scheme}://me:{SECRET}@127.0.0.1:{port}{path}")
    for asked in (publish, compare):
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            asked(lake, store)
        assert f"QMD_PUBLISH_{name.upper()}_URL" in str(caught.value)
        assert "me@127.0.0.1" in str(caught.value)
        assert "s3cr" not in str(caught.value)


def test_a_wrong_password_is_said_to_be_one(lake: Lake, target: Target):
    parts = urlsplit(target.url)
    wrong = target.url.replace(parts.password or "", SECRET)
    for asked in (publish, compare):
        with pytest.raises(StoreError, match="does not let") as caught:
            asked(lake, opened(target.name, {}, wrong))
        assert "check user and password" in str(caught.value)
        assert SECRET not in str(caught.value)


def refused(lake: Lake, url: str) -> QmdError:
    store = opened("postgres", {}, url)
    with pytest.raises(QmdError) as caught:
        publish(lake, store)
    store.close()
    return caught.value


def test_a_database_that_is_not_there_and_a_schema_that_may_not_be_made(lake: Lake, postgres: str):
    url = fresh_database(postgres)
    assert "has no such database" in str(refused(lake, f"{url}_gone"))
    with PostgresTarget(url).asked() as cursor:
        cursor.execute(f"REVOKE CREATE ON DATABASE {urlsplit(url).path[1:]} FROM qmd")
    said = str(refused(lake, url))
    assert "does not let qmd do this" in said
    assert "CREATE SCHEMA market_data AUTHORIZATION qmd" in said
    assert (urlsplit(url).password or "?") not in said


def test_a_right_that_lacks_is_named_and_not_another_one(lake: Lake, postgres: str):
    url = fresh_database(postgres)
    database = urlsplit(url).path[1:]
    publish(lake, opened("postgres", {}, url))
    put(lake, Write(HOURS, candles(HOURS, [0], 2.5).to_arrow()))
    admin = PostgresTarget(url.replace("//qmd:", "//admin:"))
    with admin.asked() as cursor:
        cursor.execute(f"ALTER DATABASE {database} OWNER TO admin")
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, qmd")
    assert f"GRANT TEMPORARY ON DATABASE {database} TO qmd;" in str(refused(lake, url))
    with admin.asked() as cursor:
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {database} TO qmd")
        cursor.execute("ALTER TABLE market_data.candles_1h OWNER TO admin")
    said = str(refused(lake, url))
    assert "the tables in market_data must be of qmd" in said
    assert "CREATE SCHEMA" not in said


def test_a_table_of_another_version_is_told_with_the_remedy_which_works(lake: Lake, postgres: str):
    target = PostgresTarget(fresh_database(postgres))
    publish(lake, target.store())
    put(lake, Write(FUNDING, funding([0.25])))
    with target.asked() as cursor:
        cursor.execute("ALTER TABLE market_data.funding_rates DROP COLUMN mark")
    assert "drop it, and it is made and loaded anew" in str(refused(lake, target.url))
    with target.asked() as cursor:
        cursor.execute("DROP TABLE market_data.funding_rates")
    publish(lake, target.store())
    same(lake, target)


def test_a_reader_is_not_told_to_make_the_schema_that_is_there(lake: Lake, postgres: str):
    url = fresh_database(postgres)
    publish(lake, opened("postgres", {}, url))
    with PostgresTarget(url.replace("//qmd:", "//admin:")).asked() as cursor:
        cursor.execute("ALTER TABLE market_data.about OWNER TO admin")
        assert "must be of qmd" in str(refused(lake, url))
        cursor.execute("ALTER TABLE market_data.about OWNER TO qmd")
        cursor.execute("ALTER SCHEMA market_data OWNER TO admin")
        cursor.execute("REVOKE ALL ON SCHEMA market_data FROM qmd")
    said = str(refused(lake, url))
    assert "ALTER SCHEMA market_data OWNER TO qmd" in said
    assert "CREATE SCHEMA" not in said


def test_an_option_that_is_none_is_not_taken_for_a_server_that_is_away(lake: Lake, postgres: str):
    said = str(refused(lake, f"{postgres}?shema=x"))
    assert "go schema=NAME and libpq's own" in said
    assert "can be reached" not in said


def test_a_port_that_does_not_speak_http_is_noticed_soon_and_named(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(questdb_http, "FIRST_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # as the one of PostgreSQL's protocol: it waits for more
        store = opened("questdb", {}, f"http://me:{SECRET}@127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreError, match="it is the HTTP port") as caught:
            compare(lake, store)
        store.close()
    assert "not 8812 or 9009" in str(caught.value)


def test_a_refused_table_is_told_all_that_are_served(lake: Lake):
    with pytest.raises(ConfigError, match=r"candles_1d.*and funding_rates"):
        publish(lake, opened("questdb", {}, "http://127.0.0.1:1"), ["instruments"])


def test_settings_of_the_user_do_not_change_what_is_loaded(lake: Lake, postgres: str):
    target = PostgresTarget(fresh_database(postgres))
    database = urlsplit(target.url).path[1:]
    odd = {
        "timezone": "'Asia/Kathmandu'",
        "datestyle": "German",
        "search_path": "nowhere",
        "default_transaction_isolation": "serializable",
    }
    with target.asked() as cursor:
        for name, value in odd.items():
            cursor.execute(f"ALTER ROLE qmd IN DATABASE {database} SET {name} = {value}")
    publish(lake, target.store())
    put(lake, Write(HOURS, candles(HOURS, [0, 31], 2.5).to_arrow()))
    publish(lake, target.store())
    same(lake, target)
    assert [one.differences for one in compare(lake, target.store())] == [(), (), ()]
    with target.store()._transaction() as cursor:  # noqa: SLF001 - nothing else shows it
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)


def test_the_schema_of_a_ledger_is_left_alone(lake: Lake, postgres: str, tmp_path: Path):
    url = fresh_database(postgres)
    with Lake.open(tmp_path / "team", postgres=url):
        pass
    assert isinstance(refused(lake, f"{url}?schema=qmd"), ConfigError)
    assert "holds a ledger" in str(refused(lake, f"{url}?schema=qmd"))
    publish(lake, opened("postgres", {}, url))  # beside it


@pytest.mark.questdb
@pytest.mark.parametrize(
    "made",
    [
        "(venue SYMBOL, symbol SYMBOL, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL",
        "(venue SYMBOL, symbol SYMBOL, open_at TIMESTAMP) TIMESTAMP(open_at) PARTITION BY MONTH WAL",
        (
            "(venue SYMBOL, symbol SYMBOL, open_at TIMESTAMP, open STRING) TIMESTAMP(open_at) PARTITION BY MONTH WAL "
            "DEDUP UPSERT KEYS(open_at, venue, symbol)"
        ),
    ],
    ids=["as the client makes one", "rows that come again are there twice", "another type"],
)
def test_a_table_of_questdb_that_qmd_did_not_make_is_told_with_the_remedy_which_works(
    lake: Lake, questdb: QuestDB, made: str
):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    with target.asked() as cursor:
        cursor.execute(f"CREATE TABLE candles_1h {made}")
    with pytest.raises(StoreError, match="drop it, and it is made and loaded anew"):
        publish(lake, target.store())
    with target.asked() as cursor:
        cursor.execute("DROP TABLE candles_1h")
    publish(lake, target.store())
    same(lake, target)


@pytest.mark.questdb
def test_a_table_that_questdb_stopped_writing_is_told_with_the_remedy(lake: Lake, questdb: QuestDB):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    publish(lake, target.store())
    with target.asked() as cursor:
        cursor.execute("ALTER TABLE candles_1m SUSPEND WAL")
    with pytest.raises(StoreError, match="has stopped taking rows into candles_1m") as caught:
        compare(lake, target.store())
    assert "RESUME WAL" in str(caught.value)
    with target.asked() as cursor:
        cursor.execute("ALTER TABLE candles_1m RESUME WAL")
    compare(lake, target.store())


def test_served_are_all_candles_and_funding():
    assert TABLES[0] == "candles_1m"
    assert TABLES[-1] == "funding_rates"
