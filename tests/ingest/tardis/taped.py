"""What tests of Tardis ask for, by files or by replays, and what the sandbox says of it."""

import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from qmd_platform.ingest.tardis import Brought, candles_of_replay, candles_of_trades
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from qmd_platform.sandbox.service import Sandbox

NOW = "2026-11-20T12:00:00Z"
DAY, NEXT = Window.of("2026-11-01", "2026-11-02"), Window.of("2026-11-02", "2026-11-03")
DAY_AND_BEFORE = Window.of("2026-10-31", "2026-11-02")
KRAKEN = Market("kraken", "BTC/USD")
GATE = Market("gate", "BTC/USDT:USDT")


def bring(lake: Lake, sandbox: Sandbox, market: Market, window: Window, root: Path) -> Brought:
    brought = candles_of_trades(lake, market, window, root, run_id="r", url=sandbox.url)
    assert brought.account.lost == 0
    return brought


def replay(lake: Lake, sandbox: Sandbox, market: Market, window: Window) -> Brought:
    brought = candles_of_replay(lake, market, window, sandbox.url, run_id="r", url=sandbox.url)
    assert brought.account.lost == 0
    return brought


def series(market: Market) -> Series:
    return Series.candles(market, Timeframe.M1)


def traded(sandbox: Sandbox, market: Market, window: Window) -> Candles:
    truth = sandbox.truth(market, Timeframe.M1, window)
    return truth.take(truth.volume > 0)


def files_asked(sandbox: Sandbox) -> int:
    return sum("{file}" in str(one["endpoint"]) for one in sandbox.requests())


def kept_otherwise(root: Path, sandbox: Sandbox, edit: Callable[[list[bytes]], list[bytes]]) -> str:
    """Keep Kraken's file of ``DAY`` below ``root`` with other lines, as if Tardis had sent them so; its name."""
    name = "/v1/kraken/trades/2026/11/01/BTC-USD.csv.gz"
    with urlopen(sandbox.url + name) as answer:  # noqa: S310 - the sandbox on loopback
        lines = gzip.decompress(answer.read()).splitlines(keepends=True)
    path = root / name.removeprefix("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"".join(edit(lines))))
    return name


def with_cells(line: bytes, **cells: object) -> bytes:
    """A trade's line with other cells."""
    names = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
    found = dict(zip(names, line.decode().strip().split(","), strict=True))
    return (",".join(str(one) for one in {**found, **cells}.values()) + "\n").encode()


def minute_of(line: bytes) -> Window:
    """The minute of a trade's line."""
    start = int(line.split(b",")[2]) // 60_000_000 * MINUTE
    return Window(start, start + MINUTE)
