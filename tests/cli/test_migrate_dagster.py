"""``qmd migrate-dagster``: the one command between runs in files and runs in PostgreSQL."""

from pathlib import Path

import dagster as dg
import psycopg2
import pytest

from qmd_platform.cli.instance import dagster_home
from tests.cli.conftest import Qmd, answer
from tests.resources import history
from tests.services import fresh_database

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def lived(own_home: Path) -> Path:
    """QMD_HOME with a Dagster instance in files that has lived through something."""
    folder = dagster_home(own_home, CHECKOUT, None)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        history.make(instance)
    return own_home


@pytest.fixture
def database(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of the setting, empty."""
    database = fresh_database(postgres)
    monkeypatch.setenv("QMD_POSTGRES_URL", f"{database}?schema=team")
    return database


def test_runs_are_moved_and_the_home_is_one_for_postgresql_afterwards(qmd: Qmd, lived: Path, database: str):
    result = qmd("migrate-dagster", "--json")
    assert result.exit_code == 0, result.output
    said = answer(result)
    assert (said["rows"]["runs"], said["moved_now"], said["dagster_yaml_changed"]) == (6, True, True)
    assert dagster_home(lived, CHECKOUT, database)  # not refused any more
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.runs")
        assert cursor.fetchone() == (6,)

    again = qmd("migrate-dagster")
    assert again.exit_code == 0
    assert "was moved before: 6 runs" in again.stdout
    password = database.split(":")[2].partition("@")[0]
    assert password not in result.output + again.output
    assert not [path for path in lived.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]


def test_a_database_in_use_is_refused_and_the_home_stays_as_it_is(
    qmd: Qmd, lived: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert qmd("migrate-dagster").exit_code == 0
    theirs = tmp_path / "theirs"
    dagster_home(theirs, CHECKOUT, None)
    monkeypatch.setenv("QMD_HOME", str(theirs))
    result = qmd("migrate-dagster", "--json")
    assert result.exit_code == 2
    assert "already holds records" in answer(result)["error"]
    assert "storage:" not in (theirs / "dagster" / "dagster.yaml").read_text(encoding="utf-8")


def test_without_the_setting_it_says_which_one_is_missing(qmd: Qmd):
    result = qmd("migrate-dagster")
    assert result.exit_code == 2
    assert "QMD_POSTGRES_URL is not set" in result.stderr


def test_where_there_is_no_instance_there_is_nothing_to_move(qmd: Qmd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_POSTGRES_URL", "postgresql://qmd:s3cret@127.0.0.1:1/qmd")
    result = qmd("migrate-dagster")
    assert result.exit_code == 2
    assert "there is no Dagster instance" in result.stderr
    assert "s3cret" not in result.output


def test_a_database_that_does_not_answer_is_named_without_its_password(
    qmd: Qmd, own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    dagster_home(own_home, CHECKOUT, None)
    monkeypatch.setenv("QMD_POSTGRES_URL", "postgresql://qmd:s3cret@127.0.0.1:1/qmd")
    result = qmd("migrate-dagster")
    assert result.exit_code == 2
    assert "port 1 failed" in result.stderr
    assert "s3cret" not in result.output + (own_home / "dagster" / "migrate.log").read_text(encoding="utf-8")
