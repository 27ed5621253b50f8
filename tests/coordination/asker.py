"""One of a crew of workers (``tests.coordination.crew``): asks a server in Gate's place for pages until the time is over.

An errand is URL and SECONDS; it says how many answers it got, and which refusals.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qmd_platform.coordination.opening import Coordination
from qmd_platform.errors import VenueError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument
from tests.coordination.crew import say, serve
from tests.coordination.stores import Somewhere

AT_ONCE = 4
WINDOW = Window(1_700_000_040_000, 1_700_000_040_000 + 3 * 60_000)
RECORD = {"id": "BTC_USDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True, "type": "spot"}
INSTRUMENT = Instrument(
    "BTC/USDT", "BTC_USDT", "spot", "BTC", "USDT", "", True, 1.0, None, None, None, json.dumps(RECORD)
)


async def asked(coordination: Coordination, url: str, seconds: float) -> Counter[str]:
    """What came of asking until the time was over."""
    outcomes: Counter[str] = Counter()
    spending = coordination.budgets("gate", url)
    async with client("gate", venue_url=url, instruments=[INSTRUMENT], spending=spending) as venue:
        end = time.monotonic() + seconds

        async def work() -> None:
            while time.monotonic() < end or not outcomes:
                try:
                    await venue.page(Market("gate", "BTC/USDT"), Timeframe.M1, WINDOW)
                except VenueError as error:
                    outcomes[type(error).__name__] += 1
                    return
                outcomes["pages"] += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return outcomes


@contextmanager
def prepared(where: str, url: str, seconds: str) -> Iterator[Callable[[], None]]:
    """The errand on an open store."""
    with Somewhere.parse(where).opened() as coordination:
        yield lambda: say(json.dumps(asyncio.run(asked(coordination, url, float(seconds)))))


if __name__ == "__main__":
    serve(prepared)
