"""The lake's commands where the ledger is in PostgreSQL."""

from pathlib import Path

import pytest

from tests.cli import past
from tests.cli.conftest import Qmd, answer
from tests.services import fresh_schema


@pytest.fixture
def team(qmd: Qmd, own_home: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The small lake with a past, its ledger moved to PostgreSQL; the address."""
    past.make(own_home)
    url = fresh_schema(postgres)
    monkeypatch.setenv("QMD_POSTGRES_URL", url)
    assert qmd("migrate-ledger").exit_code == 0
    return url


def test_the_past_and_the_upkeep_are_the_same_there(qmd: Qmd, team: str):
    assert [one["run_id"] for one in answer(qmd("log", "--json"))] == ["run-4", "run-3", "run-2", "run-1"]
    assert len(answer(qmd("diff", "2", "3", "--json"))["rows"]) == 10
    assert len(answer(qmd("revisions", str(past.SERIES), "--json"))) == 10
    assert qmd("pin", "mine", "--at", "2").exit_code == 0
    assert len(answer(qmd("seal", "--json"))) == 1
    # Of the two files that sealing replaced one is of the pin.
    assert len(answer(qmd("vacuum", "--keep", "0", "--dry-run", "--json"))["trashed"]) == 1
    then = answer(qmd("read", str(past.SERIES), "--as-of", "mine", "--allow-gaps", "--json"))
    assert {row["close"] for row in then["rows"]} == {100.5}
    assert qmd("verify").exit_code == 0


def test_a_ledger_lost_with_its_server_is_made_again_in_another_one(
    qmd: Qmd, team: str, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    said = qmd("log", "--json").stdout
    monkeypatch.setenv("QMD_POSTGRES_URL", fresh_schema(postgres))
    result = qmd("rebuild", "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert answer(result) == {"commit": 4, "partitions": 2, "set_aside": None}
    assert qmd("log", "--json").stdout == said
    assert qmd("verify").exit_code == 0


def test_no_second_ledger_is_made_beside_the_one_in_use(qmd: Qmd, team: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("QMD_POSTGRES_URL")
    result = qmd("rebuild", "--yes")
    assert result.exit_code == 4
    assert "was moved to postgresql://" in result.stderr


def test_a_ledger_in_files_is_moved_to_the_server_and_not_made_again_there(
    qmd: Qmd, own_home: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    past.make(own_home)
    monkeypatch.setenv("QMD_POSTGRES_URL", fresh_schema(postgres))
    result = qmd("rebuild", "--yes")
    assert result.exit_code == 4
    assert "qmd migrate-ledger" in result.stderr


def test_the_doctor_names_the_database_without_its_password(qmd: Qmd, team: str):
    (ledger,) = [check for check in answer(qmd("doctor", "--venue-url", "x", "--json")) if check["name"] == "ledger"]
    assert ledger["said"].startswith("PostgreSQL, postgresql://")
    assert "4 commits" in ledger["said"]
