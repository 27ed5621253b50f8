"""qmd publish: to both stores, again, compared, and refused with a sentence."""

from pathlib import Path

import pytest

from tests.cli.conftest import Qmd, answer
from tests.servers import fresh_database


@pytest.fixture
def store(request: pytest.FixtureRequest, in_filled: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an empty store that the settings name."""
    if request.param == "postgres":
        url = fresh_database(request.getfixturevalue("postgres"))
    else:
        url = request.getfixturevalue("questdb").fresh_url()
    monkeypatch.setenv(f"QMD_PUBLISH_{request.param.upper()}_URL", url)
    return request.param


BOTH = pytest.mark.parametrize(
    "store",
    [
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("questdb", marks=pytest.mark.questdb),
    ],
    indirect=True,
)


@BOTH
def test_a_store_is_loaded_once_and_is_then_what_the_lake_is(qmd: Qmd, store: str):
    behind = qmd("publish", store, "--check", "--json")
    assert behind.exit_code == 5
    assert [one["store_rows"] for one in answer(behind)] == [0]
    (first,) = answer(qmd("publish", store, "--json"))
    assert (first["table"], len(first["loaded"]), first["gone"]) == ("candles_1m", 3, 0)
    assert first["sent"] == first["rows"] > 200
    (again,) = answer(qmd("publish", store, "--json"))
    assert (again["loaded"], again["unchanged"], again["sent"]) == ([], 3, 0)
    same = qmd("publish", store, "--check")
    assert same.exit_code == 0
    assert "is what the lake is." in same.stdout.replace("\n", " ")
    shown = qmd("publish", store, "--full", "--table", "candles_1m")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    assert "was loaded with these as the lake had them after commit" in words
    assert "rows there" not in words  # they were not counted


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgres"], indirect=True)
def test_a_check_in_words_says_what_to_do(qmd: Qmd, store: str):
    result = qmd("publish", "postgres", "--check")
    assert result.exit_code == 5
    assert "is behind the lake: `qmd publish postgres` loads what has changed." in result.stdout.replace("\n", " ")


@pytest.mark.postgres
@pytest.mark.parametrize("store", ["postgres"], indirect=True)
def test_a_check_may_leave_out_what_changed_a_moment_ago(qmd: Qmd, store: str):
    excused = qmd("publish", store, "--check", "--within", "1d")
    assert excused.exit_code == 0
    assert "3 more changed in the lake only a moment ago" in excused.stderr
    (one,) = answer(qmd("publish", store, "--check", "--json"))
    assert {part["since"][:2] for part in one["differences"]} == {"20"}
    assert qmd("publish", store, "--within", "1d").exit_code == 2


def test_a_store_without_an_address_is_refused_with_its_setting(qmd: Qmd, in_filled: Path):
    result = qmd("publish", "postgres")
    assert result.exit_code == 2
    assert "QMD_PUBLISH_POSTGRES_URL is not set" in result.stderr


def test_unknown_tables_and_contradictions_are_refused(qmd: Qmd, in_filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_PUBLISH_QUESTDB_URL", "http://127.0.0.1:1")
    result = qmd("publish", "questdb", "--table", "candle_1m")
    assert result.exit_code == 2
    assert "did you mean candles_1m" in result.stderr
    assert qmd("publish", "questdb", "--check", "--full").exit_code == 2
    assert qmd("publish", "mysql").exit_code == 2


def test_a_server_that_is_away_has_an_exit_code_of_its_own(qmd: Qmd, in_filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_PUBLISH_POSTGRES_URL", "postgresql://me:hush@127.0.0.1:1/db")
    result = qmd("publish", "postgres")
    assert result.exit_code == 6
    assert "cannot be reached" in result.stderr
    assert "hush" not in result.stderr
