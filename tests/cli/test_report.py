"""``qmd report``: a file, a sentence, an answer for programs, and refusals that help."""

import json
from pathlib import Path

import pytest

from qmd_platform.arbitrage.rules import Rules
from qmd_platform.cli import kit
from qmd_platform.cli.report import write_report
from qmd_platform.config import open_lake
from tests.cli.conftest import Qmd, answer
from tests.report.conftest import NOW, arbitraged


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake has pairs until ``NOW``. Only read it."""
    made: Path = tmp_path_factory.mktemp("reported")
    arbitraged(made / "lake").close()
    return made


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QMD_HOME", str(home))
    monkeypatch.setattr(kit, "now", lambda: NOW)
    return home


def test_it_writes_the_file_and_says_what_is_best_and_where_it_is(at_home: Path, qmd: Qmd, tmp_path: Path):
    done = qmd("report", "-o", tmp_path / "pairs.html")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "pairs.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert done.stdout.startswith("8 pairs; the best, ")
    assert str(tmp_path / "pairs.html") in done.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["pairs.html"], "no draft is left"


def test_without_a_name_the_file_is_in_the_home(at_home: Path, qmd: Qmd):
    assert qmd("report", "--top", "1").exit_code == 0
    assert (at_home / "report.html").stat().st_size > 50_000


def test_the_figures_are_json_for_a_program(at_home: Path, qmd: Qmd, tmp_path: Path):
    done = qmd("report", "--json", "--underlying", "DOGE", "--since", "7d", "-o", tmp_path / "doge.html")
    said = answer(done)
    assert json.dumps(said, allow_nan=False)
    assert (said["until"], said["from"]) == ("2026-05-01T00:00:00Z", "2026-04-24T00:00:00Z")
    assert {one["underlying"] for one in said["pairs"]} == {"DOGE"}
    assert {one["table"] for one in said["pairs"]} == {"venue_spreads", "cash_and_carry"}
    assert all(one["agrees"] for one in said["pairs"])
    assert all((one["break_even_hours"] is not None) == one["breaks_even"] for one in said["pairs"])
    assert said["bytes"] == (tmp_path / "doge.html").stat().st_size


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--underlying", "DOGF"), "did you mean DOGE"),
        (("--since", "soon"), "write a number and a unit"),
        (("--since", "0"), "is no window"),
        (("--top", "0"), "not in the range"),
        (("-o", "/proc/nowhere/report.html"), "cannot write"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    at_home: Path, qmd: Qmd, options: tuple[str, ...], words: str, tmp_path: Path
):
    done = qmd("report", *(() if "-o" in options else ("-o", tmp_path / "x.html")), *options)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_where_there_is_no_lake_none_is_made(own_home: Path, qmd: Qmd):
    done = qmd("report")
    assert (done.exit_code, list(own_home.iterdir()) if own_home.exists() else []) == (2, [])
    assert "there is no lake" in done.stderr


def test_a_lake_without_pairs_gets_a_page_that_says_what_to_run(own_home: Path, qmd: Qmd):
    open_lake(own_home).close()
    done = qmd("report")
    assert done.exit_code == 5
    assert "no settled funding" in done.stdout
    assert "qmd demo" in (own_home / "report.html").read_text(encoding="utf-8")


def test_the_demo_can_end_with_it(home: Path, tmp_path: Path):
    with open_lake(home) as lake:
        written = write_report(lake, tmp_path / "report.html", Rules(), now=NOW)
    assert written.bytes == written.path.stat().st_size
    assert written.sentence.endswith("in a browser.")
