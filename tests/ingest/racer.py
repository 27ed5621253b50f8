"""One worker of many on one lake: ``python -m tests.ingest.racer URL MARKET TIMEFRAME START END LEASE_SECONDS``.

What lives here: one backfill of the lake in QMD_HOME, begun when told to; says its receipts, one JSON line. What does not:
what is expected of it (``test_races``).
"""

import json
import os
import sys

from qmd_platform.cli.receipts import as_document
from qmd_platform.config import open_lake, postgres_url
from qmd_platform.coordination.opening import Settings, opened
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

if __name__ == "__main__":
    url, market, timeframe, start, end, lease_s = sys.argv[1:]
    with (
        open_lake() as lake,
        opened(lake.root, lake.place.lake, Settings(lease_s=float(lease_s)), postgres=postgres_url()) as coordination,
    ):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
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
        sys.stdout.write(json.dumps([as_document(receipt) for receipt in receipts]) + "\n")
        sys.stdout.write("done\n")
        sys.stdout.flush()
        sys.stdin.read()
