"""Messages about candles that a listener reads in a second of one core: ours beside ccxt.pro, from the same server.

What lives here: a server that says as many messages as it can, and the listeners, each a program of its own. What does not:
sockets and messages themselves (``venues.streams``). Usage: python -m benchmarks.streams prints the table; docs/streams.md
has the last one.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from statistics import median
from typing import Any

from qmd_platform.model.series import Series

MESSAGES = 60_000
TIMES = 5
START = 1_700_000_040_000
LISTENERS = ("ccxt.pro", "qmd_platform", "qmd_platform, compressed", "qmd_platform, reading only")


def said(number: int) -> str:
    """The message ``number``: fifty a minute, the last of each calls the candle closed; 300 bytes as Binance prints them."""
    minute, part = divmod(number, 50)
    at, is_closed = START + minute * 60_000, part == 49
    close = 61_800 + (number * 7919 % 1000) / 100
    candle = {
        "t": at,
        "T": at + 59_999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 3_000_000_000 + number * 7,
        "L": 3_000_000_007 + number * 7,
        "o": "61803.98000000",
        "c": f"{close:.8f}",
        "h": "61811.00000000",
        "l": "61799.42000000",
        "v": f"{part * 0.73 + 0.1:.8f}",
        "n": part * 7 + 7,
        "x": is_closed,
        "q": f"{part * 45117.1:.8f}",
        "V": f"{part * 0.31:.8f}",
        "Q": f"{part * 19158.3:.8f}",
        "B": "0",
    }
    event = {"e": "kline", "E": at + 60_001 if is_closed else at + part * 1000, "s": "BTCUSDT", "k": candle}
    return json.dumps(event, separators=(",", ":"))


async def serve() -> None:
    """Say everything to whoever subscribes; prints the port, ends with its standard input."""
    from aiohttp import web

    texts = [said(number) for number in range(MESSAGES)]

    async def tell(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked = await socket.receive_json()
        await socket.send_json({"result": None, "id": asked["id"]})
        for text in texts:
            await socket.send_str(text)
        async for _ in socket:
            pass
        return socket

    runner = web.ServerRunner(web.Server(tell), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


class Counted:
    """Counts what a listener reads, and its processor time from the first message to the last."""

    def __init__(self) -> None:
        self.count = 0
        self.cpu = self.wall = 0.0
        self.done = asyncio.Event()

    def one(self, *_: object) -> None:
        """A message was read."""
        if not self.count:
            self.cpu, self.wall = -time.process_time(), -time.perf_counter()
        self.count += 1
        if self.count == MESSAGES:
            self.cpu += time.process_time()
            self.wall += time.perf_counter()
            self.done.set()


async def by_ccxt(url: str, counted: Counted) -> None:
    """ccxt.pro's ``watch_ohlcv``."""
    import ccxt.pro

    exchange: Any = ccxt.pro.binance()
    market = {
        "id": "BTCUSDT",
        "lowercaseId": "btcusdt",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "baseId": "BTC",
        "quoteId": "USDT",
    }
    exchange.set_markets([{**market, "type": "spot", "spot": True, "active": True, "precision": {}, "limits": {}}])
    exchange.urls["api"]["ws"]["spot"] = f"{url}/stream"
    read = exchange.handle_ohlcv

    def handle(client: object, message: object) -> None:
        read(client, message)
        counted.one()

    exchange.handle_ohlcv = handle

    while not counted.done.is_set():
        await exchange.watch_ohlcv("BTC/USDT", "1m")
    await exchange.close()


async def by_us(url: str, counted: Counted, *, compress: bool) -> None:
    """One connection as ``listen`` makes it."""
    import aiohttp

    from qmd_platform.venues.streams import Endurance
    from qmd_platform.venues.streams.connection import Clock, Connection, Listener
    from qmd_platform.venues.streams.dialects import TABLE
    from qmd_platform.venues.streams.habits import HABITS
    from qmd_platform.venues.streams.machine import Machine
    from qmd_platform.venues.streams.plan import Door

    some, endurance, clock = _streams(), Endurance(), Clock()
    dice = random.Random(1)  # noqa: S311 - jitter
    machine = Machine("spot 1/1", TABLE["binance"], HABITS["binance"]["spot"], some, endurance=endurance, dice=dice)
    listener = Listener(counted.one, lambda _: None, endurance, dice, clock, compress)
    connection = Connection("binance", machine, url, Door(None, clock.seconds), listener)
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(connection.run(session))
        await counted.done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def by_reading(url: str, counted: Counted) -> None:
    """No socket: our reader alone."""
    from qmd_platform.venues.streams.dialects import TABLE

    reader, texts = TABLE["binance"].reader(_streams()), [said(number) for number in range(MESSAGES)]
    for text in texts:
        for event in reader.read(text, START):
            counted.one(event)


def _streams() -> Any:  # noqa: ANN401 - the room's own
    from qmd_platform.venues.streams.dialects import TABLE
    from qmd_platform.venues.streams.wanted import EVER, subject

    about = subject(Series.parse("binance:BTC/USDT:1m"), {"id": "BTCUSDT"}, [(Fraction(1), EVER[0][1])])
    return TABLE["binance"].streams(about)


async def listen_once(name: str, url: str) -> None:
    """Run one listener; prints messages a second of processor time, and of wall time."""
    counted = Counted()
    run = {
        "ccxt.pro": lambda: by_ccxt(url, counted),
        "qmd_platform": lambda: by_us(url, counted, compress=False),
        "qmd_platform, compressed": lambda: by_us(url, counted, compress=True),
        "qmd_platform, reading only": lambda: by_reading(url, counted),
    }[name]
    await run()
    print(json.dumps([MESSAGES / counted.cpu, MESSAGES / counted.wall]))


def report() -> Iterator[str]:
    """The table, in one run: listeners in turn, so that all of them meet the same machine."""
    program = [sys.executable, "-m", "benchmarks.streams"]
    server = subprocess.Popen([*program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"ws://127.0.0.1:{server.stdout.readline().strip()}"
    taken: dict[str, list[list[float]]] = {name: [] for name in LISTENERS}
    for _ in range(TIMES):
        for name in LISTENERS:
            done = subprocess.run([*program, name, url], capture_output=True, text=True, check=True)
            taken[name].append(json.loads(done.stdout))
    server.communicate("")
    rates = {name: (median(cpu for cpu, _ in runs), median(wall for _, wall in runs)) for name, runs in taken.items()}
    yield f"{MESSAGES:,} messages about candles of {len(said(0))} bytes, medians of {TIMES} runs, {os.cpu_count()} cores.\n"
    yield "| listener | thousand messages a second of one core | of wall time | times ccxt.pro |\n|---|---|---|---|"
    for name, (cpu, wall) in rates.items():
        yield f"| {name} | {cpu / 1000:.1f} | {wall / 1000:.1f} | {cpu / rates['ccxt.pro'][0]:.1f} |"


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    elif len(sys.argv) > 1:
        asyncio.run(listen_once(sys.argv[1], sys.argv[2]))
    else:
        for line in report():
            print(line, flush=True)
