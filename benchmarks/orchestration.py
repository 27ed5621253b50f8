"""Benchmark 2: what Dagster costs on top of the library, in a run and in a backfill.

What lives here: the work of benchmark 1 through one Dagster run and through a Dagster backfill (webserver, daemon and
run workers as ``qmd dev`` starts them), and a backfill of 30 markets x 12 months whose candles are all held, where
everything that is left is orchestration.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.backfill import QMD, SYMBOLS
from benchmarks.timing import Took, program
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, months

ROOT = Path(__file__).parent.parent
PORT = 3977
DERIVED = ("5m", "15m", "1h", "4h", "1d")
LAUNCH = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RUNS = """query($t: [ExecutionTag!]) { runsOrError(filter: {tags: $t}) { ... on Runs { results {
  status startTime endTime creationTime } } } }"""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


def universe(home: Path, symbols: Sequence[str], start: str) -> None:
    """A universe file of Binance spot markets in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    markets = json.dumps(list(symbols))
    text = f'start = "{start}"\ntimeframes = {json.dumps(list(DERIVED))}\n\n[venues.binance]\nmarkets = {markets}\n'
    (home / "universe.toml").write_text(text)


def one_run(url: str, home: Path) -> Took:
    """The work of benchmark 1 in one Dagster run of ``candles_1m``, from a cold process."""
    universe(home, SYMBOLS, "2026-09-01")
    first, last = (Market("binance", symbol).slug for symbol in (SYMBOLS[0], SYMBOLS[-1]))
    span = f"{first}|2026-09...{last}|2026-10"
    environment = {
        "QMD_HOME": str(home),
        "QMD_VENUE_URL": url,
        "DAGSTER_HOME": str(home / "dagster"),
    }
    return program([sys.executable, str(ROOT / "benchmarks" / "one_run.py"), span], environment)


@contextmanager
def ui(home: Path, url: str) -> Iterator[str]:
    """``qmd dev`` on ``home``; its GraphQL address."""
    environment = os.environ | {"QMD_HOME": str(home), "QMD_VENUE_URL": url}
    command = [QMD, "dev", "--port", str(PORT)]
    with (home / "dev.log").open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as run:
        try:
            yield _answering(f"http://127.0.0.1:{PORT}", run)
        finally:
            run.send_signal(signal.SIGINT)


def _answering(address: str, run: "subprocess.Popen[bytes]") -> str:
    for _ in range(240):
        if run.poll() is not None:
            raise RuntimeError("qmd dev ended before it answered")
        try:
            requests.get(f"{address}/server_info", timeout=2)
        except requests.RequestException:
            time.sleep(0.5)
        else:
            return f"{address}/graphql"
    raise RuntimeError("qmd dev did not answer within two minutes")


def backfill(graphql: str, symbols: Sequence[str], window: Window, tables: Sequence[str]) -> tuple[int, float]:
    """Launch a backfill of ``tables``; runs, and seconds from the first run's creation to the last run's end."""
    keys = [f"{Market('binance', symbol).slug}|{month}" for symbol in symbols for month, _ in months(window)]
    assets = [{"path": ["binance", table]} for table in tables]
    told = _asked(graphql, LAUNCH, p={"assetSelection": assets, "partitionNames": keys})["launchPartitionBackfill"]
    tags = [{"key": "dagster/backfill", "value": told["backfillId"]}]
    quiet = 0
    while quiet < 3:
        time.sleep(2)
        runs = _asked(graphql, RUNS, t=tags)["runsOrError"]["results"]
        quiet = quiet + 1 if runs and all(run["status"] in ENDED for run in runs) else 0
    if any(run["status"] != "SUCCESS" for run in runs):
        raise RuntimeError("a run of the backfill failed; see the instance's UI")
    return len(runs), max(run["endTime"] for run in runs) - min(run["creationTime"] for run in runs)


def _asked(graphql: str, query: str, **variables: object) -> dict[str, dict[str, object]]:
    answer = requests.post(graphql, json={"query": query, "variables": variables}, timeout=120).json()
    if "errors" in answer:
        raise RuntimeError(str(answer["errors"]))
    return dict(answer["data"])
