"""``qmd backfill MARKET...``: fetch what the lake lacks, without Dagster.

What lives here: what is asked for, the progress bars, the exit code. What does not: the table of receipts
(``cli.receipts``), the backfill (``qmd_platform.ingest.candles``), which Dagster's assets call too.
"""

import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, receipts, store
from qmd_platform.cli.durations import seconds
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from qmd_platform.ingest.asking import Asking
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.ingest.shared import Progress

RUN_S = "3300"
"""As ``ingest.asking.Deadlines``, which is not imported for ``--help``; a test compares them."""


@kit.command(
    {
        "qmd backfill binance:BTC/USDT:USDT --start 2026-09-01": "1m candles since September, from Binance.",
        "qmd backfill gate:BTC/USDT gate:ETH/USDT --timeframe 1h --start 2026-01-01 --end 2026-07-01": "Half a year "
        "of hourly candles of two markets.",
        "qmd backfill bitfinex:BTC/USD --start 2026-11-01 --venue-url http://127.0.0.1:8080": "From a sandbox "
        "exchange (`qmd sandbox --port 8080`).",
        "qmd backfill gate:BTC/USDT --start 2026-11-19 --end 2026-11-20 --again": "Has the venue restated a candle of "
        "this day?",
        "qmd backfill okx:BTC/USDT --start 2026-01-01 --recheck --deadline 10m": "What was empty may have been repaired; "
        "ask for ten minutes at most.",
    }
)
@click.argument("markets", nargs=-1, required=True, type=kit.MARKET, metavar="MARKET...")
@kit.timeframe_option("Fetched as such from the venue.", Timeframe.M1)
@kit.start_option("From here.", required=True)
@kit.end_option("Up to here, exclusive (default: now). Candles that are not closed yet are left for later.")
@click.option("--recheck", is_flag=True, help="Ask also for candles that are verified empty, where that is due again.")
@click.option(
    "--again", is_flag=True, help="Read all of the window again, whatever is held, and say what the venue has restated."
)
@click.option(
    "--no-archive", is_flag=True, help="Ask the API only, also for whole months that are in the venue's archive."
)
@click.option(
    "--deadline",
    type=kit.Parsed("seconds", seconds),
    metavar="SECONDS",
    default=RUN_S,
    show_default=True,
    help="Begin nothing new after so long, and end what is under way. What had come is kept.",
)
@kit.venue_url_option
def command(
    *,
    markets: tuple[Market, ...],
    timeframe: Timeframe,
    start: Instant,
    end: Instant | None,
    recheck: bool,
    again: bool,
    no_archive: bool,
    deadline: float,
    venue_url: str | None,
    as_json: bool,
) -> int | None:
    """Fetch the candles the lake lacks, without Dagster.

    What the lake holds is not asked for again, unless you say so. Every month is committed as soon as it is there: stopped
    at any moment, the next run goes on where this one was. Exits with 5 when candles of the window stay missing or could
    not be read again; run it again to ask for them again. Exits with 3 when its deadline came first.
    """
    from qmd_platform.config import venue_url as settled_url
    from qmd_platform.ingest.asking import Asking, Deadlines

    url = settled_url(venue_url)
    now = int(time.time() * 1000)
    window = Window(start, end if end is not None else max(now, start + 1))
    if url is None and start > now:  # a sandbox may have a clock of its own
        raise ConfigError(
            f"--start is in the future: {iso(start)}", hint=f"it is {iso(now)} now, by this machine's clock"
        )
    asking = Asking(
        recheck=recheck,
        again=(window,) if again else (),
        archive=not no_archive,
        deadlines=Deadlines(run_s=deadline),
    )
    asked = tuple(dict.fromkeys(markets))
    began = time.monotonic()
    found = _fetched(asked, timeframe, window, url, asking)
    if as_json:
        kit.emit([receipts.as_document(receipt) for receipt in found])
    else:
        receipts.draw(found, window, time.monotonic() - began)
    whole = receipts.of_window(found, window).is_complete and not any(receipt.failures for receipt in found)
    return None if whole else CoverageError.exit_code


def _fetched(
    markets: Sequence[Market], timeframe: Timeframe, window: Window, url: str | None, asking: "Asking"
) -> "list[Receipt]":
    from qmd_platform.cli import show
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import world
    from qmd_platform.ingest.candles import backfill

    lake = store.lake_to_write()
    lake.check_world(world(url))  # before anything is said to come from there
    what = f"{timeframe.value} candles of {show.counted(len(markets), 'market')}"
    kit.note(f"{what} in {window} from {url or 'the real venues'}")
    with progress("candle") as tell:

        def on_progress(at: "Progress") -> None:
            tell(str(at.market), at.done, at.total)

        return backfill(
            lake,
            markets,
            timeframe,
            window,
            run_id=f"qmd-backfill-{uuid.uuid4()}",
            url=url,
            on_progress=on_progress,
            asking=asking,
        )
