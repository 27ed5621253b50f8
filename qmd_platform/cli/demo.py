"""``qmd demo``: the whole graph, offline, in one command.

What lives here: the order of things: universe, sandbox exchange, workers, progress, summary. What does not: the
graph (``assets``), running it (``cli.graph``), drawing the summary (``cli.summary``).
"""

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError, CoverageError, WrongWorld

if TYPE_CHECKING:
    from qmd_platform.config import Universe
    from qmd_platform.lake.store import Lake

UNIVERSE = """\
# What the demo keeps. Edit it and run `qmd demo` again, or click in the UI (`qmd dev`).

start = "{start}"
timeframes = ["5m", "15m", "1h", "4h", "1d"]

[venues.binance]
markets = [
    "BTC/USDT", "ETH/USDT", "SOL/USDT",
    "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT", "1000PEPE/USDT:USDT",
]

[venues.gate]
markets = [
    "BTC/USDT", "ETH/USDT", "SOL/USDT",
    "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT",
]

[venues.bitfinex]
markets = ["BTC/USD", "ETH/USD", "SOL/USD", "BTC/USDT:USDT", "ETH/USDT:USDT"]

# Of these two only the funding is followed closely; candles of an hour are enough to price a pair.
[venues.okx]
base = "1h"
markets = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT"]

[venues.bybit]
base = "1h"
markets = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT"]
"""

LOOK_SECONDS = 0.5
"""How often the ledger is asked how far the workers are."""

WHOLE_MONTHS = 2
"""Months before the current one that the demo fetches."""

MADE = ("lake", "dagster")
"""What --fresh deletes besides the universe file, if that is the demo's own."""


@kit.command(
    {
        "qmd demo": "Fill the demo's lake, or bring it up to date.",
        "qmd demo --home /tmp/demo --fresh": "Start again from nothing, in another folder.",
    }
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="QMD_HOME",
    default=Path(".qmd/demo"),
    help="Folder of all state (default: QMD_HOME, else .qmd/demo).",
)
@click.option("--fresh", is_flag=True, help="Delete what an earlier demo made there first.")
def command(*, home: Path, fresh: bool, as_json: bool) -> int | None:
    """Fill a lake from a sandbox exchange, through Dagster.

    Starts an exchange on this computer and runs every asset of a small universe: candles of the last two months and
    this one at Binance, Gate and Bitfinex (1m and longer), OKX and Bybit (1h and longer), the funding of their
    perpetuals, and the tables of arbitrage across them; it ends with a report, one HTML file. No keys, no network.
    Run again, it fetches only the candles that have closed since.
    """
    from qmd_platform.cli import checkout, graph, summary
    from qmd_platform.cli.children import ended_by_signals
    from qmd_platform.cli.report import NAME, write_report
    from qmd_platform.config import load_universe
    from qmd_platform.sandbox.server import running

    home, source = home.expanduser().absolute(), checkout.checkout()
    store.refuse_unwritable(home)
    began = time.monotonic()
    lake = demo_lake(home, fresh=fresh)
    universe = load_universe(universe_file(home))
    held = summary.rows_held(lake, universe)
    kit.note(_opening(universe, home))
    with ended_by_signals(), running() as url:
        env = checkout.environment(home, source, universe=universe.path, venue_url=url)
        outcomes = graph.run(lake, universe, source, env)
        stats = _stats(url)
    report = write_report(lake, home / NAME, universe.arbitrage)
    told = summary.Summary.of(lake, universe, outcomes, held=held, stats=stats, seconds=time.monotonic() - began)
    if as_json:
        kit.emit(told.as_document())
    else:
        told.draw()
        kit.note(f"\n{report.sentence}")
        summary.draw_next(home, source)
    return None if told.is_complete else CoverageError.exit_code


def demo_lake(home: Path, *, fresh: bool) -> "Lake":
    """The demo's lake. Never one of real data."""
    from qmd_platform.config import postgres_url

    if store.world_of(home) == "live":
        raise WrongWorld(
            f"{home} holds real data; the demo's is made up", hint="give the demo a folder of its own with --home"
        )
    if fresh:
        if postgres_url():
            hint = "name an empty database in QMD_POSTGRES_URL, or unset it for a demo in files alone"
            raise ConfigError("--fresh deletes files, and QMD_POSTGRES_URL keeps this demo in PostgreSQL", hint=hint)
        for name in MADE:
            shutil.rmtree(home / name, ignore_errors=True)
        if _is_ours(home / "universe.toml"):
            (home / "universe.toml").unlink()
    lake = store.lake_in(home)
    lake.claim_world("sandbox")
    return lake


def universe_file(home: Path) -> Path:
    """The demo's universe file, written unless there is one already: two whole months and the current one."""
    path = home / "universe.toml"
    if not path.exists():
        now = datetime.now(UTC)
        months = now.year * 12 + now.month - 1 - WHOLE_MONTHS
        path.write_text(UNIVERSE.format(start=f"{months // 12:04d}-{months % 12 + 1:02d}-01"), encoding="utf-8")
    return path


def _is_ours(universe: Path) -> bool:
    return universe.exists() and universe.read_text(encoding="utf-8").startswith(UNIVERSE.splitlines()[0])


def _opening(universe: "Universe", home: Path) -> str:
    what = f"{len(universe.markets)} markets of {len(universe.venues)} venues since {universe.first_month}"
    return f"Running the graph through Dagster: {what}, from a sandbox exchange, into {home}"


def _stats(url: str) -> dict[str, int]:
    """What the sandbox exchange was asked and gave."""
    from urllib.request import urlopen

    with urlopen(f"{url}/__sandbox/stats") as answer:  # noqa: S310 - our own server on loopback
        said = json.load(answer)
    return {"requests": said["total_requests"], "rows": said["rows_served"], "bytes": said["bytes"]}
