"""``qmd backfill MARKET...``: fetch what the lake lacks, without Dagster.

What lives here: the progress bars, the table of receipts, the exit code. What does not: the backfill
(``qmd_platform.ingest.candles``), which Dagster's assets call too.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from qmd_platform.coverage.summary import Summary
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.ingest.shared import Progress


@kit.command(
    {
        "qmd backfill binance:BTC/USDT:USDT --start 2026-09-01": "1m candles since September, from Binance.",
        "qmd backfill gate:BTC/USDT gate:ETH/USDT --timeframe 1h --start 2026-01-01 --end 2026-07-01": "Half a year "
        "of hourly candles of two markets.",
        "qmd backfill bitfinex:BTC/USD --start 2026-11-01 --venue-url http://127.0.0.1:8080": "From a sandbox "
        "exchange (`qmd sandbox --port 8080`).",
    }
)
@click.argument("markets", nargs=-1, required=True, type=kit.MARKET, metavar="MARKET...")
@kit.timeframe_option("Fetched as such from the venue.", Timeframe.M1)
@kit.start_option("From here.", required=True)
@kit.end_option("Up to here, exclusive (default: now). Candles that are not closed yet are left for later.")
@kit.venue_url_option
def command(
    *,
    markets: tuple[Market, ...],
    timeframe: Timeframe,
    start: Instant,
    end: Instant | None,
    venue_url: str | None,
    as_json: bool,
) -> int | None:
    """Fetch the candles the lake lacks, without Dagster.

    What the lake holds is not asked for again. Every month is committed as soon as it is there: stopped at any moment, the next run goes on where this one
    was. Exits with 5 when candles of the window stay missing; run it again to ask for them again.
    """
    from qmd_platform.config import venue_url as settled_url

    url = settled_url(venue_url)
    now = int(time.time() * 1000)
    window = Window(start, end if end is not None else max(now, start + 1))
    if url is None and start > now:  # a sandbox may have a clock of its own
        raise ConfigError(
            f"--start is in the future: {iso(start)}", hint=f"it is {iso(now)} now, by this machine's clock"
        )
    asked = tuple(dict.fromkeys(markets))
    began = time.monotonic()
    receipts = _fetched(asked, timeframe, window, url)
    if as_json:
        kit.emit([as_document(receipt) for receipt in receipts])
    else:
        _draw(receipts, window, time.monotonic() - began)
    whole = _of_window(receipts, window).is_complete and not any(receipt.failures for receipt in receipts)
    return None if whole else CoverageError.exit_code


def _of_window(receipts: "Sequence[Receipt]", window: Window) -> "Summary":
    """The candles asked for by state; a receipt's own summary is of all its month."""
    from qmd_platform.coverage.summary import Summary, summarised
    from qmd_platform.model.spans import clipped

    parts = (summarised(clipped(one.runs, window), one.partition.series.timeframe.step) for one in receipts)
    return sum(parts, Summary())


def _fetched(markets: Sequence[Market], timeframe: Timeframe, window: Window, url: str | None) -> "list[Receipt]":
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
        )


def as_document(receipt: "Receipt") -> dict[str, object]:
    """The receipt for JSON; times in ISO, without the runs (``qmd coverage`` lists them)."""
    return {
        "series": str(receipt.partition.series),
        "month": receipt.partition.month,
        **asdict(receipt.summary),
        "new": receipt.new,
        "changed": receipt.changed,
        "unchanged": receipt.unchanged,
        "rejected": receipt.quarantined,
        "duplicates": receipt.duplicates,
        "refused": receipt.refused,
        "rows": receipt.rows,
        "stored_bytes": receipt.stored_bytes,
        "version": receipt.version,
        "data_version": receipt.data_version,
        "requests": receipt.traffic.requests,
        "bytes": receipt.traffic.bytes,
        "retries": receipt.traffic.retries,
        "seconds": round(receipt.seconds, 3),
        "failures": list(receipt.failures),
    }


def _draw(receipts: "Sequence[Receipt]", window: Window, took: float) -> None:
    from qmd_platform.cli import show

    if not receipts:
        show.say("No candle of this window is closed yet: nothing to fetch.")
        return
    summary = _of_window(receipts, window)
    if not any(receipt.traffic.requests for receipt in receipts) and summary.is_complete:
        show.say(f"Nothing to fetch: all {show.count(summary.present)} candles are held.")
        return
    names = ("expected", "present", "empty", "missing", "new", "changed", "requests", "fetched", "on disk", "time")
    columns: list[show.Column] = [("series", "left"), ("month", "left"), *((name, "right") for name in names)]
    show.table(
        columns,
        [_row(receipt) for receipt in receipts],
        total=_total(receipts, took),
        spare=("changed", "fetched", "empty", "on disk"),
    )
    failures = [failure for receipt in receipts for failure in receipt.failures]
    for failure in failures[:10]:
        kit.note(f"failed: {failure}")
    if not summary.is_complete or failures:
        absent = show.counted(summary.missing + summary.quarantined, "candle")
        kit.note(
            f"missing of what was asked for: {absent}. `qmd coverage SERIES` says why; run this again to ask for them again."
        )


def _row(receipt: "Receipt") -> list[str]:
    from qmd_platform.cli import show

    return [
        str(receipt.partition.series),
        receipt.partition.month,
        show.count(receipt.summary.expected),
        show.count(receipt.summary.present),
        show.count(receipt.summary.verified_empty),
        show.missing(receipt.summary),
        show.count(receipt.new),
        show.count(receipt.changed),
        show.count(receipt.traffic.requests),
        show.size(receipt.traffic.bytes),
        show.size(receipt.stored_bytes),
        show.seconds(receipt.seconds),
    ]


def _total(receipts: "Sequence[Receipt]", took: float) -> list[str]:
    from qmd_platform.cli import show
    from qmd_platform.coverage.summary import Summary

    summary = sum((receipt.summary for receipt in receipts), Summary())
    return [
        "total",
        "",
        show.count(summary.expected),
        show.count(summary.present),
        show.count(summary.verified_empty),
        show.missing(summary),
        show.count(sum(receipt.new for receipt in receipts)),
        show.count(sum(receipt.changed for receipt in receipts)),
        show.count(sum(receipt.traffic.requests for receipt in receipts)),
        show.size(sum(receipt.traffic.bytes for receipt in receipts)),
        show.size(sum(receipt.stored_bytes for receipt in receipts)),
        show.seconds(took),
    ]
