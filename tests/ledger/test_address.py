"""Addresses of a PostgreSQL ledger: taken apart, put together again, and never shown with their password."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.ledger.address import PostgresAddress

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)
HOSTS = st.sampled_from(["localhost", "db.example.com", "10.0.0.7", "::1"])


def test_an_address_has_the_parts_it_is_written_with():
    address = PostgresAddress.parse(
        "postgresql://me:a%3Ab%40%2F@db.example.com:5433/market?schema=lake&sslmode=require"
    )
    assert address.parameters == {
        "host": "db.example.com",
        "port": 5433,
        "user": "me",
        "password": "a:b@/",
        "dbname": "market",
        "sslmode": "require",
    }
    assert address.schema == "lake"
    assert address.where == "postgresql://me@db.example.com:5433/market?schema=lake"


def test_what_is_left_out_is_left_to_the_client_library():
    address = PostgresAddress.parse("postgres:///market?host=/run/postgresql")
    assert address.parameters == {"dbname": "market", "host": "/run/postgresql"}
    assert address.where == "postgresql:///market?schema=qmd"


@given(user=WORDS, password=WORDS, database=WORDS.filter(lambda name: not {*name} & {"/", "@"}), host=HOSTS)
def test_an_address_put_together_means_the_same_to_us_and_to_other_programs(
    user: str, password: str, database: str, host: str
):
    address = PostgresAddress(host, 5432, database, user, password, "qmd", {"sslmode": "prefer"})
    assert PostgresAddress.parse(address.url) == address
    other = sa.make_url(address.url)
    assert (other.username, other.password, other.host, other.database) == (user, password, host, database)
    assert PostgresAddress.parse(address.where).password == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mysql://me:hush@host/db", "does not begin with postgresql://"),
        ("me:hush@host/db", "does not begin with"),
        ("hush", "does not begin with"),
        ("postgresql://me:hush@host", "names no database"),
        ("postgresql://me:hush@host/", "names no database"),
        ("postgresql://me:x/hush@host/db", "a port that is no number"),
        ("postgresql://me:12/hush@host/db", "cannot be taken apart"),
        ("postgresql://me:12?hush@host/db", "cannot be taken apart"),
        ("postgresql://me:12/x?hush@host/db", "cannot be taken apart"),
        ("postgresql://me:12/x#hush@host/db", "cannot be taken apart"),
        ("postgresql://host:port/db?password=hush", "a port that is no number"),
        ("postgresql://host/db?password=hush", "its password after the ?"),
        ("postgresql://me:hush@host/db?schema=Hush;", "cannot be one"),
        ("postgresql://me:hush@host/db?schema=pg_hush", "cannot be one"),
        ("postgresql://me:hush@host/db?schema=public", "must not be in the schema public"),
    ],
)
def test_what_is_no_address_is_refused_without_showing_any_of_it(text: str, why: str):
    with pytest.raises(ConfigError) as refused:
        PostgresAddress.parse(text)
    assert why in refused.value.message
    assert "hush" not in str(refused.value).lower()
    assert refused.value.hint


def test_a_password_in_a_text_is_made_unreadable_however_it_is_written():
    address = PostgresAddress.parse("postgresql://me:a%2Fb%40@host/db")
    assert address.without_secrets("said a/b@ and a%2Fb%40 and a/b%40") == "said *** and *** and ***"
    assert PostgresAddress.parse("postgresql://me@host/db").without_secrets("as it is") == "as it is"
    assert "a/b@" not in repr(address)
