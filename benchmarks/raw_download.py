"""The raw baseline, as a program of its own: the same pages with aiohttp, bodies read and thrown away.

What lives here: the least any downloader must do. Usage: raw_download.py URL START END SYMBOL...
"""

import asyncio
import sys

import aiohttp

PAGE = 1000 * 60_000
TOGETHER = 16


async def main(url: str, start: int, end: int, symbols: list[str]) -> None:
    """Read every page of every symbol, ``TOGETHER`` at a time."""
    gate = asyncio.Semaphore(TOGETHER)

    async def page(session: aiohttp.ClientSession, symbol: str, at: int) -> None:
        last = min(at + PAGE, end) - 1
        query = f"symbol={symbol}&interval=1m&startTime={at}&endTime={last}&limit=1000"
        async with gate, session.get(f"{url}/api/v3/klines?{query}") as answer:
            await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=TOGETHER)) as session:
        await asyncio.gather(*(page(session, symbol, at) for symbol in symbols for at in range(start, end, PAGE)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
