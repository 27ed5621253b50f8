"""What a careful user writes by hand: ccxt's fetch_ohlcv page by page, one pandas frame a market, as Parquet.

What lives here: the peer, as a program of its own. Usage: plain_ccxt.py URL START END OUT SYMBOL...
"""

import asyncio
import sys
from pathlib import Path

import ccxt.async_support as ccxt
import pandas as pd

PAGE = 1000 * 60_000
TOGETHER = 8


async def main(url: str, start: int, end: int, out: Path, symbols: list[str]) -> None:
    """Fetch and store every market."""
    exchange = ccxt.binance({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["spot"]}}})
    exchange.urls["api"] = {
        name: url + "/" + address.split("/", 3)[3] if isinstance(address, str) else address
        for name, address in exchange.urls["api"].items()
    }
    gate = asyncio.Semaphore(TOGETHER)

    async def page(symbol: str, at: int) -> list[list[float]]:
        async with gate:
            return list(
                await exchange.fetch_ohlcv(
                    symbol, "1m", since=at, limit=1000, params={"until": min(at + PAGE, end) - 1}
                )
            )

    await exchange.load_markets()
    for symbol in symbols:
        pages = await asyncio.gather(*(page(symbol, at) for at in range(start, end, PAGE)))
        rows = [row for one in pages for row in one]
        frame = pd.DataFrame(rows, columns=["open_at", "open", "high", "low", "close", "volume"])
        frame["open_at"] = pd.to_datetime(frame["open_at"], unit="ms", utc=True)
        frame.to_parquet(out / f"{symbol.replace('/', '-')}.parquet")
    await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:]))
