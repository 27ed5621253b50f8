"""doctor on a machine where everything works, and on several where something does not."""

import asyncio
import importlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from qmd_platform import config
from qmd_platform.lake.store import Lake
from qmd_platform.venues.reach import Reach
from tests.cli.conftest import Qmd, answer
from tests.servers import fresh_database

CHECKUP = importlib.import_module("qmd_platform.cli.checkup")

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
    assert checks["binance markets"]["said"].startswith("2 of 2 are listed")


def test_a_fresh_machine_is_not_a_sick_one_and_looking_makes_nothing(
    qmd: Qmd, own_home: Path, universe: Path, sandbox: str
):
    result = qmd("doctor", "--venue-url", sandbox)
    assert result.exit_code == 0
    assert "made by the first command that writes" in result.stdout
    assert not own_home.exists()


def test_a_ban_that_workers_share_is_told(qmd: Qmd, own_home: Path, universe: Path, sandbox: str):
    own_home.mkdir()
    with config.open_lake() as lake, config.open_coordination(lake) as coordination:
        asyncio.run(coordination.budgets("binance", sandbox).ban(300, "418: too many requests"))
    result = qmd("doctor", "--venue-url", sandbox, "--json")
    checks = {check["name"]: check for check in answer(result)}
    assert checks["coordination"]["status"] == "ok"
    assert "coordination.sqlite" in checks["coordination"]["said"]
    assert checks["binance ban"]["status"] == "warn"
    assert "418: too many requests" in checks["binance ban"]["said"]


def test_workers_that_cannot_agree_are_a_warning(
    qmd: Qmd, in_filled: Path, universe: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QMD_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    result = qmd("doctor", "--venue-url", sandbox, "--json")
    check = next(check for check in answer(result) if check["name"] == "coordination")
    assert check["status"] == "warn"
    assert "127.0.0.1:1" in check["said"]
    assert "secret" not in result.stdout


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
    assert check["said"] == "not reachable: connection refused"
    assert "curl -i http://127.0.0.1" in check["todo"]
    assert {check["exit_code"] for check in answer(result) if check["status"] != "fail"} == {0}


def test_a_sandboxs_lake_without_its_sandbox_asks_no_real_venue(
    qmd: Qmd, in_filled: Path, universe: Path, monkeypatch: pytest.MonkeyPatch
):
    def asked(names: list[str], url: str | None) -> Iterator[object]:
        raise AssertionError(f"{names} were asked at {url}")

    monkeypatch.setattr(CHECKUP, "_venues", asked)
    result = qmd("doctor", "--json")
    assert result.exit_code == 0
    (check,) = [check for check in answer(result) if check["name"] == "venues"]
    assert check["status"] == "ok"
    assert "not asked" in check["said"]
    assert "qmd sandbox" in check["todo"]


def test_a_lake_that_cannot_be_opened_fails_with_its_own_exit_code(
    qmd: Qmd, own_home: Path, universe: Path, sandbox: str
):
    (own_home / "lake").mkdir(parents=True)
    (own_home / "lake" / "FORMAT.json").write_text('{"format": "qmd-lake", "version": 99, "uuid": "u"}')
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


def checked(result: Result, name: str) -> dict[str, str]:
    """The one finding of that name."""
    (check,) = [check for check in answer(result) if check["name"] == name]
    return check


def test_a_home_with_its_own_universe_file_is_told_that_the_checkouts_is_not_used(
    qmd: Qmd, own_home: Path, sandbox: str
):
    own_home.mkdir()
    (own_home / "universe.toml").write_text(UNIVERSE.format(symbol="ETH/USDT"))
    found = checked(qmd("doctor", "--venue-url", sandbox, "--json"), "universe")
    assert found["status"] == "ok"
    assert "resources/universe.toml is not used for this home" in found["said"]
    assert "or delete it" in found["todo"]
    with Lake.open(own_home / "lake") as lake:
        lake.claim_world("sandbox")
    # A demo's home would then go by the markets of real data.
    found = checked(qmd("doctor", "--venue-url", sandbox, "--json"), "universe")
    assert found["todo"] == f"edit {own_home / 'universe.toml'}"


def test_symbols_that_nobody_could_check_yet_are_a_warning(qmd: Qmd, universe: Path, sandbox: str):
    found = checked(qmd("doctor", "--venue-url", sandbox, "--json"), "markets")
    assert found["status"] == "warn"
    assert found["said"].startswith("symbols not checked yet: ")


def test_a_start_in_the_middle_of_a_month_keeps_the_whole_month_and_says_so(qmd: Qmd, universe: Path, sandbox: str):
    universe.write_text(UNIVERSE.format(symbol="ETH/USDT").replace("2026-11-01", "2025-01-15"))
    found = checked(qmd("doctor", "--venue-url", sandbox, "--json"), "universe")
    assert "the whole of 2025-01 is kept" in found["said"]


def test_a_universe_that_starts_in_the_future_fails(qmd: Qmd, universe: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(CHECKUP, "_venues", lambda names, url: iter(()))
    universe.write_text(UNIVERSE.format(symbol="ETH/USDT").replace("2026-11-01", "2999-01-01"))
    result = qmd("doctor", "--json")
    assert result.exit_code == 2
    assert "is in the future" in checked(result, "universe")["said"]


def test_a_machine_without_a_network_is_said_to_be_offline_once(
    qmd: Qmd, universe: Path, monkeypatch: pytest.MonkeyPatch
):
    # Whether this machine has a network is not for a test to depend on.
    monkeypatch.setattr(CHECKUP, "ping", lambda name, url: Reach(name, "https://x", is_reachable=False, error="no"))
    result = qmd("doctor", "--json")
    assert result.exit_code == 3
    assert "seems to be offline" in checked(result, "network")["said"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write to")
def test_a_home_that_cannot_be_made_even_by_root_fails(
    qmd: Qmd, universe: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QMD_HOME", "/proc/nowhere")
    result = qmd("doctor", "--venue-url", sandbox, "--json")
    assert result.exit_code == 2
    assert "cannot keep state in /proc/nowhere" in checked(result, "QMD_HOME")["said"]


def test_in_a_pipe_no_row_is_padded(qmd: Qmd, universe: Path, sandbox: str):
    lines = qmd("doctor", "--venue-url", sandbox).stdout.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.postgres
@pytest.mark.usefixtures("in_filled", "universe")
def test_a_serving_store_that_is_set_is_looked_at(
    qmd: Qmd, sandbox: str, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    url = fresh_database(postgres)

    def told() -> tuple[int, dict[str, dict[str, str]]]:
        result = qmd("doctor", "--venue-url", sandbox, "--json")
        return result.exit_code, {one["name"]: one for one in answer(result) if one["name"].startswith("publish")}

    assert told() == (0, {})
    monkeypatch.setenv("QMD_PUBLISH_POSTGRES_URL", url)
    code, found = told()
    assert (code, found["publish postgres"]["status"]) == (0, "ok")
    monkeypatch.setenv("QMD_PUBLISH_POSTGRES_URL", url.replace("qmd:", "qmd:no"))
    monkeypatch.setenv("QMD_PUBLISH_QUESTDB_URL", "http://127.0.0.1:1")
    code, found = told()
    assert code == 6
    assert "does not let qmd in" in found["publish postgres"]["said"]
    assert "QMD_PUBLISH_POSTGRES_URL" in found["publish postgres"]["todo"]
    assert "cannot be reached" in found["publish questdb"]["said"]
