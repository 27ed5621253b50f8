"""Dagster's instance follows the one setting, and a file a person edited is theirs."""

from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from qmd_platform.cli.instance import dagster_home, dagster_url, kept_in, switch
from qmd_platform.errors import ConfigError
from tests.cli.conftest import Qmd, answer
from tests.servers import free_port, fresh_database

CHECKOUT = Path(__file__).parents[2]
DATABASE = "postgresql://qmd:s3cret@db.example:5432/market"


def made(home: Path, postgres: str | None) -> str:
    return (dagster_home(home, CHECKOUT, postgres) / "dagster.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "query"),
    [
        (DATABASE, {"options": "-c search_path=public"}),
        (f"{DATABASE}?schema=team", {"options": "-c search_path=public"}),
        (f"{DATABASE}?sslmode=require&schema=team", {"options": "-c search_path=public", "sslmode": "require"}),
        (f"{DATABASE}?options=-c%20search_path%3Dours", {"options": "-c search_path=ours"}),
    ],
)
def test_dagster_is_told_all_of_the_address_but_the_ledgers_schema(setting: str, query: dict[str, str]):
    url = make_url(dagster_url(setting))
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "qmd", "s3cret", "db.example", 5432, "market",
    )  # fmt: skip
    assert url.query == query
    assert url.get_dialect().driver == "psycopg2"


def test_a_password_of_odd_characters_arrives_as_it_is():
    odd = "a/b?c%@"
    assert make_url(dagster_url(f"postgresql://qmd:{quote(odd, safe='')}@h/d")).password == odd


@pytest.mark.parametrize("wrong", ["mysql://qmd:s3cret@h/d", "postgresql://qmd:s3cret@h"])
def test_what_is_no_address_is_refused_without_being_repeated(wrong: str):
    with pytest.raises(ConfigError) as refused:
        dagster_url(wrong)
    assert "s3cret" not in str(refused.value)


def test_without_the_setting_runs_are_kept_in_files(tmp_path: Path):
    assert made(tmp_path, None) == (CHECKOUT / "resources" / "dagster.yaml").read_text(encoding="utf-8")
    assert kept_in(tmp_path / "dagster", None) == f"SQLite in {tmp_path / 'dagster'}"


def test_with_it_they_are_kept_in_postgresql_and_no_address_is_written_down(tmp_path: Path):
    text = made(tmp_path, DATABASE)
    assert text.startswith(made(tmp_path / "other", None))
    assert "DAGSTER_POSTGRES_URL" in text
    assert "s3cret" not in text
    assert kept_in(tmp_path / "dagster", DATABASE) == "postgresql://qmd@db.example:5432/market"


def test_a_home_of_the_other_storage_is_refused_both_ways_with_what_to_do(tmp_path: Path):
    before = made(tmp_path / "files", None)
    with pytest.raises(ConfigError, match="keeps Dagster's runs in SQLite") as refused:
        made(tmp_path / "files", DATABASE)
    assert "`qmd migrate-dagster` moves the runs" in str(refused.value.hint)
    made(tmp_path / "team", DATABASE)
    with pytest.raises(ConfigError, match="QMD_POSTGRES_URL is not set"):
        made(tmp_path / "team", None)
    assert made(tmp_path / "files", None) == before


@pytest.mark.parametrize(
    "storage", ["storage:\n  sqlite:\n    base_dir: /somewhere\n", "run_storage:\n  module: mine\n"]
)
@pytest.mark.parametrize("postgres", [DATABASE, None])
def test_a_storage_that_a_person_wrote_is_respected(tmp_path: Path, storage: str, postgres: str | None):
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(storage, encoding="utf-8")
    assert made(tmp_path, postgres) == storage
    assert kept_in(tmp_path / "dagster", postgres) == f"as {tmp_path / 'dagster' / 'dagster.yaml'} says"


def test_switching_adds_the_storage_and_keeps_every_edit(tmp_path: Path):
    folder = tmp_path / "dagster"
    text = made(tmp_path, None).replace("max_concurrent_runs: 4", "max_concurrent_runs: 7  # storage: none\n")
    (folder / "dagster.yaml").write_text(text, encoding="utf-8")
    assert switch(folder, CHECKOUT)
    assert made(tmp_path, DATABASE).startswith(text.rstrip())
    assert not switch(folder, CHECKOUT)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "dagster").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot keep Dagster's instance in"):
        made(tmp_path, None)


@pytest.mark.postgres
def test_the_ui_does_not_start_a_second_history_beside_the_one_in_files(
    qmd: Qmd, own_home: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    dagster_home(own_home, CHECKOUT, None)
    monkeypatch.setenv("QMD_POSTGRES_URL", fresh_database(postgres))
    result = qmd("dev", "--port", str(free_port()), "--json")
    assert result.exit_code == 2
    assert "keeps Dagster's runs in SQLite" in answer(result)["error"]
    assert "qmd migrate-dagster" in answer(result)["hint"]


@pytest.mark.postgres
def test_a_fresh_demo_deletes_no_files_of_a_lake_whose_ledger_it_cannot_empty(
    qmd: Qmd, own_home: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QMD_POSTGRES_URL", fresh_database(postgres))
    (own_home / "lake").mkdir(parents=True)
    result = qmd("demo", "--fresh", "--home", own_home)
    assert result.exit_code == 2
    assert "QMD_POSTGRES_URL keeps this demo in PostgreSQL" in result.stderr
    assert (own_home / "lake").is_dir()
