"""What PostgreSQL refuses, in words that say what to do; and nobody is shown the password."""

import traceback
from urllib.parse import quote, urlsplit

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.postgres import PostgresDatabase
from tests.ledger.talking import Opened, asked, said
from tests.servers import Postgres, fresh_database, fresh_schema


def refusal(url: str) -> LedgerError:
    with pytest.raises(LedgerError) as refused:
        PostgresDatabase(url).migrate()
    assert urlsplit(url).password not in "".join(traceback.format_exception(refused.value))
    return refused.value


def test_a_wrong_password_is_named(postgres: str):
    error = refusal(urlsplit(postgres)._replace(netloc=f"qmd:wr%2Fong@127.0.0.1:{urlsplit(postgres).port}").geturl())
    assert "does not let qmd in" in error.message
    assert "QMD_POSTGRES_URL" in error.hint


def test_a_database_that_does_not_exist_is_named(postgres: str):
    error = refusal(urlsplit(postgres)._replace(path="/nowhere").geturl())
    assert "has no such database" in error.message
    assert error.hint == "make it: createdb -E UTF8 -T template0 nowhere"


def test_a_server_that_cannot_be_reached_is_named(own_postgres: Postgres):
    url = own_postgres.url
    own_postgres.stop()
    error = refusal(url)
    assert f"qmd@127.0.0.1:{own_postgres.port}/qmd?schema=qmd cannot be reached" in error.message
    assert "check QMD_POSTGRES_URL" in error.hint


def test_a_host_that_does_not_exist_is_named():
    assert "cannot be reached" in refusal("postgresql://qmd:hush@nowhere.invalid/qmd").message


def test_a_server_without_a_free_connection_is_named(postgres: str):
    url = fresh_database(postgres)
    asked(url, f"ALTER DATABASE {urlsplit(url).path[1:]} CONNECTION LIMIT 0")
    assert "has no free connection" in refusal(url).message


def test_a_standby_is_named(postgres: str):
    error = refusal(fresh_schema(postgres) + "&options=-c%20default_transaction_read_only%3Don")
    assert "takes no writes" in error.message
    assert "name the primary" in error.hint


def test_an_unknown_option_is_named(postgres: str):
    assert "speed" in refusal(fresh_schema(postgres) + "&speed=high").message


def test_a_database_that_cannot_keep_all_text_is_refused(postgres: str):
    name = urlsplit(fresh_database(postgres)).path[1:]
    asked(postgres, f"DROP DATABASE {name}")
    asked(postgres, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    error = refusal(urlsplit(postgres)._replace(path=f"/{name}").geturl())
    assert "keeps text in SQL_ASCII" in error.message


def test_who_may_not_make_a_schema_is_told_and_may_use_one_that_an_administrator_made(postgres: str, opened: Opened):
    url = fresh_database(postgres)
    place, name = urlsplit(url), urlsplit(url).path[1:]
    password = "p/w:" + str(place.password)
    asked(url, f"REVOKE CREATE ON DATABASE {name} FROM PUBLIC, qmd")
    error = refusal(url)
    assert "does not let qmd do this" in error.message
    assert error.hint == "let an administrator say: CREATE SCHEMA qmd AUTHORIZATION qmd;"
    assert quote(password) not in str(error)
    asked(url, f"GRANT CREATE ON DATABASE {name} TO qmd", "CREATE SCHEMA qmd AUTHORIZATION qmd")
    asked(url, f"REVOKE CREATE ON DATABASE {name} FROM qmd")
    assert said(opened(url)) == []
