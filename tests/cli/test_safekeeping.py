"""``qmd backup``, ``qmd restore`` and ``qmd migrate-ledger``: what they say, what they refuse, what they exit with."""

import json
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from qmd_platform.lake.store import Lake
from tests.cli.conftest import Qmd
from tests.servers import fresh_schema


@pytest.fixture
def home(filled: Path, own_home: Path) -> Path:
    """A home with the night's candles, to write to."""
    shutil.copytree(filled / "lake", own_home / "lake")
    return own_home


def rows(home: Path) -> dict[str, int]:
    with Lake.open(home / "lake") as lake:
        return {str(state.partition): state.rows for state in lake.states()}


def test_a_backup_is_a_home_any_command_can_look_into(qmd: Qmd, home: Path, tmp_path: Path):
    done = qmd("backup", tmp_path / "backup")
    assert done.exit_code == 0
    assert f"The lake is saved in {tmp_path / 'backup'}" in done.stdout.replace("\n", "")
    os.environ["QMD_HOME"] = str(tmp_path / "backup")
    assert qmd("verify").exit_code == 0
    assert rows(tmp_path / "backup") == rows(home)


def test_a_backup_tells_programs_what_it_did(qmd: Qmd, home: Path, tmp_path: Path):
    first, second = (json.loads(qmd("backup", tmp_path / "backup", "--json").stdout) for _ in range(2))
    assert first["copied"] == first["files"] > 0
    assert first["bytes"] > 0
    assert second == first | {"copied": 0, "bytes": 0}
    assert first["damaged"] == []


def test_a_backup_of_a_damaged_lake_names_the_files_and_exits_with_4(qmd: Qmd, home: Path, tmp_path: Path):
    victim = next((home / "lake" / "data").rglob("*.parquet"))
    victim.write_bytes(b"damaged")
    done = qmd("backup", tmp_path / "backup")
    assert done.exit_code == 4
    assert victim.name in done.stdout.replace("\n", "")
    assert "qmd verify --repair" in done.stdout


def test_without_a_lake_there_is_nothing_to_save(qmd: Qmd, own_home: Path, tmp_path: Path):
    done = qmd("backup", tmp_path / "backup")
    assert (done.exit_code, "there is no lake" in done.stderr) == (2, True)
    assert not own_home.exists()
    assert not (tmp_path / "backup").exists()


def test_a_restore_brings_the_lake_back_into_an_empty_home(qmd: Qmd, home: Path, tmp_path: Path):
    before = rows(home)
    qmd("backup", tmp_path / "backup")
    shutil.rmtree(home)
    said = json.loads(qmd("restore", tmp_path / "backup", "--json").stdout)
    assert said["lake"] == str(home / "lake")
    assert said["copied"] == said["files"]
    assert rows(home) == before
    again = qmd("restore", tmp_path / "backup")
    assert (again.exit_code, "holds a lake already" in again.stderr) == (4, True)


def test_a_restore_from_a_folder_without_a_backup_is_refused(qmd: Qmd, own_home: Path, tmp_path: Path):
    done = qmd("restore", tmp_path)
    assert (done.exit_code, "there is no backup" in done.stderr) == (4, True)
    assert not own_home.exists()


def test_a_restore_is_into_files_not_into_a_database(qmd: Qmd, home: Path, tmp_path: Path):
    qmd("backup", tmp_path / "backup")
    os.environ["QMD_POSTGRES_URL"] = "postgresql://me:hush@db.example.com/qmd"
    done = qmd("restore", tmp_path / "backup")
    assert (done.exit_code, "QMD_POSTGRES_URL is set" in done.stderr) == (2, True)
    assert "hush" not in done.output


def test_a_move_needs_to_know_where_to(qmd: Qmd, home: Path):
    done = qmd("migrate-ledger")
    assert done.exit_code == 2
    assert "set QMD_POSTGRES_URL to postgresql://" in done.stderr


@pytest.mark.parametrize(
    "given", [("postgresql://me:hush@host",), ("--files", "s3://user:hush@bucket", "postgresql://h/d")]
)
def test_a_wrong_address_is_refused_without_showing_it(qmd: Qmd, home: Path, given: tuple[str, ...]):
    done = qmd("migrate-ledger", *given)
    assert done.exit_code == 2
    assert "hush" not in done.output


def test_a_wrong_setting_is_named(qmd: Qmd, home: Path):
    os.environ["QMD_POSTGRES_URL"] = "mysql://me:hush@host/db"
    done = qmd("series")
    assert done.exit_code == 2
    assert "QMD_POSTGRES_URL: the PostgreSQL address does not begin with postgresql://" in done.stderr
    assert "hush" not in done.output


def test_a_server_that_cannot_be_reached_is_told_from_a_wrong_setting(qmd: Qmd, home: Path):
    os.environ["QMD_POSTGRES_URL"] = "postgresql://me:hush@nowhere.invalid/db"
    done = qmd("series")
    assert (done.exit_code, "cannot be reached" in done.stderr, "hush" in done.output) == (4, True, False)


@pytest.mark.postgres
def test_a_move_says_which_settings_to_make_but_not_the_password(qmd: Qmd, home: Path, postgres: str):
    url = fresh_schema(postgres)
    os.environ["QMD_POSTGRES_URL"] = url
    done = qmd("series")
    assert (done.exit_code, "qmd migrate-ledger" in done.stderr) == (4, True)
    done = qmd("migrate-ledger")
    assert done.exit_code == 0
    assert f"QMD_POSTGRES_URL=postgresql://qmd@127.0.0.1:{urlsplit(url).port}/qmd?schema=" in done.stdout.replace(
        "\n", ""
    )
    assert urlsplit(url).password not in done.output
    assert qmd("verify").exit_code == 0
    del os.environ["QMD_POSTGRES_URL"]
    done = qmd("series")
    assert (done.exit_code, "was moved to" in done.stderr, urlsplit(url).password in done.output) == (4, True, False)


@pytest.mark.postgres
def test_a_move_and_the_way_back_tell_programs_what_they_did(qmd: Qmd, home: Path, postgres: str):
    before = rows(home)
    url = fresh_schema(postgres)
    there, again = (json.loads(qmd("migrate-ledger", url, "--json").stdout) for _ in range(2))
    back = json.loads(qmd("migrate-ledger", url, "--to-sqlite", "--json").stdout)
    assert (there["now"], again["now"], back["now"]) == (True, False, True)
    # The ledger says where the files are, once it is a shared one.
    assert (again["rows"], back["rows"]) == (there["rows"] + 1, there["rows"] + 1)
    assert back["ledger"] == str(home / "lake" / "ledger.sqlite")
    assert rows(home) == before


@pytest.mark.postgres
def test_a_new_lake_of_a_team_needs_no_move(qmd: Qmd, sandbox: str, own_home: Path, postgres: str):
    os.environ.update(QMD_POSTGRES_URL=fresh_schema(postgres), QMD_VENUE_URL=sandbox)
    day = ("--start", "2026-11-15", "--end", "2026-11-15T01:00Z")
    assert qmd("backfill", "binance:BTC/USDT", *day).exit_code == 0
    assert not (own_home / "lake" / "ledger.sqlite").exists()
    assert json.loads(qmd("series", "--json").stdout)
    done = qmd("migrate-ledger", "postgresql://h/d", "--to-sqlite")
    assert done.exit_code == 4
