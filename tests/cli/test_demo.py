"""The demo on a universe of two markets: really through Dagster, really from a server, twice."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from qmd_platform.cli import demo, summary
from qmd_platform.config import load_universe
from tests.cli.conftest import Qmd, answer

QMD = (sys.executable, "-c", "from qmd_platform.cli import main; main()")
SMALL = 'start = "{start}"\n[venues.binance]\nmarkets = ["BTC/USDT"]\n[venues.gate]\nmarkets = ["{gate}"]\n'


Runs = list[subprocess.CompletedProcess[str]]


def small_home(folder: Path, gate: str = "BTC/USDT:USDT") -> Path:
    """A demo's home with a universe of two markets, one of them Gate's ``gate``, since the first of the last month."""
    last_month = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "universe.toml").write_text(SMALL.format(start=f"{last_month:%Y-%m}-01", gate=gate))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The demo run twice in a row; its home is the value of --home."""
    home = small_home(tmp_path_factory.mktemp("demo") / "home")
    line = [*QMD, "demo", "--home", str(home), "--json"]
    return [subprocess.run(line, capture_output=True, text=True, check=False) for _ in range(2)]


def home_of(run: subprocess.CompletedProcess[str]) -> Path:
    return Path(run.args[run.args.index("--home") + 1])


@pytest.mark.slow
def test_every_series_of_the_universe_is_whole_afterwards(runs: Runs):
    first = runs[0]
    assert first.returncode == 0, first.stdout + first.stderr
    said = json.loads(first.stdout)
    assert [line["series"] for line in said["series"]] == [
        f"{market}:{step}"
        for market in ("binance:BTC/USDT", "gate:BTC/USDT:USDT")
        for step in ("1m", "5m", "15m", "1h", "4h", "1d")
    ]
    assert all(line["missing"] == 0 and line["checks_passed"] > 0 for line in said["series"])
    assert said["new"] == sum(line["present"] for line in said["series"])
    assert said["errors"] == []
    assert said["other_checks"]["passed"] > 0


@pytest.mark.slow
def test_every_run_of_the_graph_is_told_with_its_place_among_all(runs: Runs):
    told = re.findall(r"^(\d+) of (\d+) runs: (.*)", runs[0].stderr, re.MULTILINE)
    # Two venues' instruments, two markets, funding and snapshots of one venue, two tables across, coverage.
    assert [(int(place), int(total)) for place, total, _ in told] == [(place, 9) for place in range(1, 10)]
    assert told[-1][2].startswith("coverage of all venues")


@pytest.mark.slow
def test_run_again_it_asks_for_what_has_closed_since_and_for_nothing_else(runs: Runs):
    first, second = (json.loads(run.stdout) for run in runs)
    assert runs[1].returncode == 0, runs[1].stderr
    assert second["new"] < 60
    assert second["requests"] < first["requests"] / 3
    assert second["rows"] < first["rows"] / 100


@pytest.mark.slow
def test_the_ui_finds_every_partition_of_it(runs: Runs):
    import dagster as dg

    home = home_of(runs[0])
    months = sorted({path.name for path in home.glob("lake/data/*/venue=binance/*/month=*")})
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        for table in ("candles_1m", "candles_1d"):
            found = instance.get_materialized_partitions(dg.AssetKey(["binance", table]))
            assert found == {f"binance~BTC-USDT|{month.removeprefix('month=')}" for month in months}
        statuses = {record.dagster_run.status for record in instance.get_run_records()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.slow
def test_ended_in_the_middle_it_leaves_no_process_and_goes_on_from_there(tmp_path: Path):
    home = small_home(tmp_path / "home", gate="BTC/USDT")  # no perpetual, so nothing of funding and arbitrage
    demo_run = subprocess.Popen([*QMD, "demo", "--home", home], stderr=subprocess.PIPE, text=True)
    while not list(home.glob("lake/data/table=candles_*")):
        assert demo_run.poll() is None
        time.sleep(0.05)
    workers = workers_of(demo_run.pid)
    assert len(workers) == 2
    demo_run.send_signal(signal.SIGINT)
    # An impatient second one must not leave the workers behind.
    demo_run.send_signal(signal.SIGTERM)
    _, told = demo_run.communicate(timeout=60)
    assert demo_run.returncode == 130
    assert "the next run goes on from there" in told
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    again = subprocess.run([*QMD, "demo", "--home", home], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "were held already and not asked for again" in again.stdout
    assert subprocess.run([*QMD, "verify"], env={**os.environ, "QMD_HOME": str(home)}, check=False).returncode == 0


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for listed in children for child in listed.read_text().split()]


@pytest.mark.slow
def test_the_ui_starts_beside_a_sandbox_and_ends_when_told(runs: Runs, tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [*QMD, "dev", "--port", str(port), "--json"]
    env = {**os.environ, "QMD_HOME": str(home_of(runs[0]))}
    log = (tmp_path / "log").open("w")
    ui = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert ui.stdout is not None
        said = json.loads("".join(iter(ui.stdout.readline, "}\n")) + "}")
        assert said["ui"] == f"http://127.0.0.1:{port}"
        assert requests.get(f"{said['venues']}/api/v3/time", timeout=10).ok
        while not answers(f"{said['ui']}/server_info"):
            assert ui.poll() is None
            time.sleep(0.25)
    finally:
        ui.send_signal(signal.SIGTERM)
        ui.communicate(timeout=60)
        log.close()
    assert ui.returncode == 0
    assert not answers(f"{said['ui']}/server_info")


def answers(url: str) -> bool:
    """Whether the server at ``url`` answers."""
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def test_the_universe_of_the_demo_is_valid_and_covers_two_whole_months_and_this_one(tmp_path: Path):
    universe = load_universe(demo.universe_file(tmp_path))
    now = datetime.now(UTC)
    first = (now.replace(day=1) - timedelta(days=1)).replace(day=1) - timedelta(days=1)
    assert universe.first_month == f"{first:%Y-%m}"
    assert len(universe.markets) == 32


def test_a_universe_file_that_is_there_is_not_replaced(tmp_path: Path):
    mine = small_home(tmp_path) / "universe.toml"
    before = mine.read_bytes()
    assert demo.universe_file(tmp_path) == mine
    assert mine.read_bytes() == before
    assert tomllib.loads(mine.read_text())


def test_the_demo_keeps_its_hands_off_a_lake_of_real_data(qmd: Qmd, own_home: Path):
    from qmd_platform.lake.store import Lake

    with Lake.open(own_home / "lake") as lake:
        lake.claim_world("live")
    for args in ([], ["--fresh"]):
        result = qmd("demo", "--home", own_home, "--json", *args)
        assert result.exit_code == 2
        assert answer(result)["type"] == "WrongWorld"
    assert (own_home / "lake" / "FORMAT.json").exists()
    assert not (own_home / "universe.toml").exists()


def test_fresh_deletes_what_the_demo_made_and_nothing_else(tmp_path: Path, sandbox: str):
    from qmd_platform.lake.store import Lake

    with Lake.open(tmp_path / "lake") as lake:
        lake.claim_world("sandbox")
    (tmp_path / "lake" / "left.over").touch()
    (tmp_path / "notes.txt").write_text("mine")
    demo.universe_file(tmp_path)
    demo.demo_lake(tmp_path, fresh=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "notes.txt"]
    assert not (tmp_path / "lake" / "left.over").exists()
    small_home(tmp_path)
    demo.demo_lake(tmp_path, fresh=True)
    assert (tmp_path / "universe.toml").exists()


def test_the_demo_ends_with_a_qmd_home_that_holds_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    home = tmp_path / "my demo"
    monkeypatch.chdir(tmp_path)
    summary.draw_next(home, tmp_path)
    assert f"export QMD_HOME='{home}'" in capsys.readouterr().out
