"""One of a crew of workers on one lake (``tests.coordination.crew``).

What lives here: its errand, HOME POSTGRES_URL VENUE_URL MARKET TIMEFRAME START END LEASE_SECONDS, a backfill; it says its
receipts, one JSON line. What does not: what is expected of it (``test_races``).
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qmd_platform.cli.receipts import as_document
from qmd_platform.config import open_lake, postgres_url
from qmd_platform.coordination.opening import Settings, opened
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.coordination.crew import say, serve


@contextmanager
def prepared(home: str, postgres: str, url: str, *question: str) -> Iterator[Callable[[], None]]:
    """The errand on an open lake."""
    os.environ |= {"QMD_HOME": home, "QMD_POSTGRES_URL": postgres}
    market, timeframe, start, end, lease_s = question
    settings = Settings(lease_s=float(lease_s))
    with open_lake() as lake, opened(lake.root, lake.place.lake, settings, postgres=postgres_url()) as coordination:

        def errand() -> None:
            receipts = backfill(
                lake,
                [Market.parse(market)],
                Timeframe(timeframe),
                Window(int(start), int(end)),
                run_id=f"racer-{os.getpid()}",
                url=url,
                asking=Asking(archive=False),
                coordination=coordination,
            )
            say(json.dumps([as_document(receipt) for receipt in receipts]))

        yield errand


if __name__ == "__main__":
    serve(prepared)
