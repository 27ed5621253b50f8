"""Where TimescaleDB is switched on, new tables are handed to it, with these arguments.

There is no TimescaleDB on the tests' server. What answers here is a stand-in of the same name and arguments that makes no chunks: it shows
what it is asked and that a refusal harms nothing, and not that TimescaleDB does it.
"""

from urllib.parse import urlsplit

import psycopg2
import pytest

from qmd_platform.lake.store import Lake
from qmd_platform.publish.loading import publish
from tests.publish.serving import PostgresTarget, same
from tests.servers import fresh_database

STAND_IN = """
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.asked (relation text, at text, every interval, with_indexes boolean);
CREATE FUNCTION elsewhere.create_hypertable(
    relation regclass, time_column_name name, chunk_time_interval anyelement, create_default_indexes boolean
) RETURNS void LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
GRANT USAGE ON SCHEMA elsewhere TO qmd;
GRANT INSERT ON elsewhere.asked TO qmd;
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 4200000, 'timescaledb', nspowner, oid, false, '0' FROM pg_namespace WHERE nspname = 'elsewhere';
"""
TOLD = "INSERT INTO elsewhere.asked VALUES (relation::text, time_column_name, chunk_time_interval, create_default_indexes);"
REFUSED = "RAISE EXCEPTION 'not with the password %', '{password}';"


def target_with(postgres: str, body: str) -> tuple[PostgresTarget, str]:
    """A database whose ``create_hypertable`` does ``body``, and its administrator's address."""
    url = fresh_database(postgres)
    admin = url.replace("//qmd:", "//admin:")
    connection = psycopg2.connect(admin)
    with connection, connection.cursor() as cursor:
        cursor.execute(STAND_IN.format(body=body))
    connection.close()
    return PostgresTarget(url), admin


@pytest.mark.postgres
def test_new_tables_become_hypertables_of_a_month_a_chunk_whatever_schema_the_extension_is_in(
    lake: Lake, postgres: str
):
    target, admin = target_with(postgres, TOLD)
    store = target.store()
    publish(lake, store)
    publish(lake, store, full=True)
    store.close()
    same(lake, target)
    assert store.notes == []
    connection = psycopg2.connect(admin)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT relation, at, every = interval '1 month', with_indexes FROM elsewhere.asked ORDER BY 1")
        assert cursor.fetchall() == [
            ("market_data.candles_1h", "open_at", True, False),
            ("market_data.candles_1m", "open_at", True, False),
            ("market_data.funding_rates", "settled_at", True, False),
        ]
    connection.close()


@pytest.mark.postgres
def test_a_table_that_the_extension_refuses_stays_a_plain_one_and_is_told(lake: Lake, postgres: str):
    password = urlsplit(postgres).password or "?"
    target, _ = target_with(postgres, REFUSED.format(password=password))
    store = target.store()
    publish(lake, store)
    store.close()
    same(lake, target)
    assert len(store.notes) == 3
    assert "candles_1m stays a plain table: not with the password ***" in store.notes[0]
