"""The pages about backup and about a team, done as they are written: what is in the lake afterwards is what was there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from tests.project.tree import ROOT
from tests.servers import fresh_database

SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARKETS = ("binance:BTC/USDT", "binance:ETH/USDT:USDT", "gate:SOL/USDT")


@pytest.fixture
def home(own_home: Path) -> Path:
    """A home whose lake has three markets, two months each, one month written twice."""
    with Lake.open(own_home / "lake", world="sandbox") as lake:
        for at in range(3):
            writes = [
                Write(one, candles(one, at), (one.window,)) for one in partitions() if at == 0 or one.month == "2026-02"
            ]
            lake.commit(writes[: 3 if at else None], run_id="drill", source="sandbox:test")
    return own_home


def partitions() -> list[Partition]:
    return [
        Partition(Series.candles(Market.parse(market), Timeframe.H1), month)
        for market in MARKETS
        for month in ("2026-01", "2026-02")
    ]


def candles(partition: Partition, seed: int) -> object:
    step = partition.series.timeframe.step
    open_at = np.arange(partition.window.start, partition.window.end, step)
    price = np.round(100 + np.random.default_rng(seed).normal(0, 1, len(open_at)).cumsum() / 100, 2)
    return Candles(open_at, price, price, price, price, np.ones(len(open_at))).to_arrow()


def contents(home: Path, **servers: str) -> dict[str, object]:
    with Lake.open(home / "lake", **servers) as lake:
        states = {str(state.partition): (state.data_version, state.version, state.rows) for state in lake.states()}
        coverage = {str(one): lake.coverage(one.series, one.window) for one in partitions()}
        return {"states": states, "coverage": coverage, "log": lake.ledger.log()}


def done(page: str, *, places: dict[str, str]) -> str:
    """Run the shell blocks of a page, one after the other in one shell; what they print."""
    text = "\n".join(SHELL.findall((ROOT / "docs" / page).read_text(encoding="utf-8")))
    for written, real in places.items():
        assert written in text
        text = text.replace(written, real)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = ["bash", "-euo", "pipefail", "-c", text]
    ended = subprocess.run(script, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.slow  # seven processes
def test_the_backup_page_brings_back_every_partition_as_it_was(home: Path, tmp_path: Path):
    before = contents(home)
    done("backup.md", places={"/mnt/backup/main": str(tmp_path / "backup"), "/srv/new": str(tmp_path / "new")})
    assert len(before["states"]) == 6
    assert contents(tmp_path / "new") == contents(tmp_path / "backup") == before


@pytest.mark.postgres
@pytest.mark.minio
def test_the_team_page_carries_the_lake_over_and_back_and_loses_nothing(
    home: Path, tmp_path: Path, postgres: str, files_url: str
):
    before = contents(home)
    url = fresh_database(postgres)
    places = {
        "postgresql://qmd:password@db.example.com:5432/qmd": url,
        "s3://my-bucket/lake": files_url,
        "/mnt/backup/before-the-move": str(tmp_path / "backup"),
        "/srv/second": str(tmp_path / "second"),
    }
    said = done("team.md", places=places)
    password = url.partition("@")[0].rpartition(":")[2]
    assert password not in said
    assert contents(tmp_path / "second") == contents(tmp_path / "backup") == before
