"""doctor on a machine where everything works, and on several where something does not."""

import importlib
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Qmd, answer

UNIVERSE = 'start = "2026-11-01"\n[venues.binance]\nmarkets = ["BTC/USDT", "{symbol}"]\n'


@pytest.fixture
def universe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "universe.toml"
    path.write_text(UNIVERSE.format(symbol="ETH/USDT"))
    monkeypatch.setenv("QMD_UNIVERSE", str(path))
    return path


def test_all_is_well_where_it_is(qmd: Qmd, in_filled: Path, universe: Path, sandbox: str):
    # The sandbox's clock stands still, which the doctor rightly warns about.
    result = qmd("doctor", "--venue-url", sandbox, "--json")
    assert result.exit_code == 0
    checks = {check["name"]: check for check in answer(result)}
    assert {name for name, check in checks.items() if check["status"] != "ok"} <= {"binance"}
    assert "sandbox data" in checks["lake"]["said"]
    assert checks["binance markets"]["said"].startswith("all 2 are listed")


def test_a_fresh_machine_is_not_a_sick_one_and_looking_makes_nothing(
    qmd: Qmd, own_home: Path, universe: Path, sandbox: str
):
    result = qmd("doctor", "--venue-url", sandbox)
    assert result.exit_code == 0
    assert "made by the first command that writes" in result.stdout
    assert not own_home.exists()


def test_a_symbol_the_venue_does_not_list_is_found_before_a_run_fails(
    qmd: Qmd, in_filled: Path, universe: Path, sandbox: str
):
    universe.write_text(UNIVERSE.format(symbol="ETH/USTD"))
    result = qmd("doctor", "--venue-url", sandbox)
    assert result.exit_code == 2
    assert "not listed: ETH/USTD" in result.stdout
    assert "did you mean ETH/USDT" in result.stdout
    assert "1 failed" in result.stdout


def test_a_venue_that_does_not_answer_fails_with_what_to_try(qmd: Qmd, universe: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = qmd("doctor", "--venue-url", f"http://127.0.0.1:{unused.getsockname()[1]}", "--json")
    assert result.exit_code == 3
    (check,) = [check for check in answer(result) if check["name"] == "binance"]
    assert check["status"] == "fail"
    assert "curl -i http://127.0.0.1" in check["todo"]


def test_a_lake_of_the_other_world_is_a_warning(
    qmd: Qmd, in_filled: Path, universe: Path, monkeypatch: pytest.MonkeyPatch
):
    # The real venues must not be asked by a test, so their part is left out.
    monkeypatch.setattr(importlib.import_module("qmd_platform.cli.checkup"), "_venues", lambda names, url: iter(()))
    result = qmd("doctor", "--json")
    assert result.exit_code == 0
    (check,) = [check for check in answer(result) if check["name"] == "world"]
    assert check["status"] == "warn"
    assert "qmd sandbox" in check["todo"]


def test_a_lake_that_cannot_be_opened_fails_with_its_own_exit_code(
    qmd: Qmd, own_home: Path, universe: Path, sandbox: str
):
    (own_home / "lake").mkdir(parents=True)
    (own_home / "lake" / "FORMAT.json").write_text('{"format": "qmd-lake", "version": 99}')
    result = qmd("doctor", "--venue-url", sandbox, "--json")
    assert result.exit_code == 4
    (check,) = [check for check in answer(result) if check["name"] == "lake"]
    assert "format qmd-lake 99" in check["said"]
    assert "upgrade" in check["todo"]


def test_a_wrong_address_of_the_venues_is_said(qmd: Qmd, universe: Path):
    result = qmd("doctor", "--venue-url", "localhost:8080", "--json")
    assert result.exit_code == 2
    assert answer(result)[-1]["status"] == "fail"
    assert "is not a server's address" in answer(result)[-1]["said"]


def test_dagster_settings_of_somebody_else_are_a_warning(
    qmd: Qmd, universe: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere/else")
    checks = {check["name"]: check for check in answer(qmd("doctor", "--venue-url", sandbox, "--json"))}
    assert checks["dagster"]["status"] == "warn"
