"""``qmd tardis``, and its ``fetch``: what Tardis recorded, into the lake.

What lives here: the group, what is asked for, what came of it. What does not: its ``exchanges`` and ``show``
(``cli.tardis_shown``), fetching (``ingest.tardis``, ``ingest.tardis_ticker``).
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.durations import duration
from qmd_platform.cli.tardis_shown import exchanges, show
from qmd_platform.errors import CoverageError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.ingest.tardis import Brought
    from qmd_platform.lake.store import Lake

FOLDER = "tardis"
"""Where files are kept, below QMD_HOME."""


@click.group(
    cls=kit.Group,
    examples={
        "qmd tardis fetch kraken:BTC/USD --start 2026-10-01 --end 2026-10-02": "1m candles of a day that Kraken serves no more; "
        "the first of a month needs no key.",
        "qmd tardis fetch binance:BTC/USDT:USDT --type derivative_ticker --start 2026-10-01 --end 2026-10-08 --json": "A week of "
        "predicted funding and open interest.",
        "qmd tardis exchanges": "Which of Tardis's exchanges are ours, and from when until when.",
    },
)
def command() -> None:
    """Bring in what Tardis.dev recorded of the venues.

    Trades become candles; states of contracts become predicted funding and open interest. The key is read from TARDIS_API_KEY. It never overrules a candle that the lake has from the venue. Every command takes
    --json.
    """


command.add_command(exchanges)
command.add_command(show)


@command.command(
    cls=kit.Command,
    examples={
        "qmd tardis fetch kraken:BTC/USD --start 2026-10-01 --end 2026-10-02": "Candles out of the trades of a day, which is "
        "free as the first of a month.",
        "qmd tardis fetch gate:BTC/USDT:USDT --start 2026-01-01 --end 2026-02-01 --machine http://127.0.0.1:8000": "Candles out "
        "of the bars of a tardis-machine, which says when Tardis was not connected.",
        "qmd tardis fetch bybit:BTC/USDT:USDT --type derivative_ticker --every 5m --start 2026-10-01 --end 2026-10-02": "A "
        "state every five minutes.",
    },
)
@click.argument("market", type=kit.MARKET)
@click.option(
    "--type",
    "type_",
    type=click.Choice(["trades", "derivative_ticker"]),
    default="trades",
    show_default=True,
    help="trades become 1m candles, derivative_ticker becomes predicted funding and open interest.",
)
@kit.start_option("From here, by days.", required=True)
@kit.end_option("Up to here, exclusive (default: now). Days that Tardis has not published yet are left for later.")
@click.option(
    "--machine",
    metavar="URL",
    help="Ask this tardis-machine for trade bars instead of files (default: TARDIS_MACHINE_URL, else files).",
)
@click.option(
    "--every",
    type=kit.Parsed("duration", lambda text: duration(text, "--every")),
    default="15m",
    show_default=True,
    help="Keep one state of a contract of each span of this length.",
)
@click.option("--again", is_flag=True, help="Look at a contract's days again, as with another --every.")
@kit.venue_url_option
def fetch(
    *,
    market: Market,
    type_: str,
    start: Instant,
    end: Instant | None,
    machine: str | None,
    every: int,
    again: bool,
    venue_url: str | None,
    as_json: bool,
) -> int | None:
    """Bring a window of one market in: candles out of trades, or a contract's states.

    Files are kept under QMD_HOME and downloaded once; stopped at any moment, the next run goes on where this one was. Exits
    with 5 when a day's file could not be had, with 3 when Tardis refused.
    """
    from qmd_platform.config import venue_url as settled_url
    from qmd_platform.config import world

    url = settled_url(venue_url)
    window = Window(start, end if end is not None else max(kit.now(), start + 1))
    lake = store.lake_to_write()
    lake.check_world(world(url))
    kit.note(f"{type_} of {market} in {window} from {url or 'Tardis.dev'}")
    if type_ == "derivative_ticker":
        brought = _states(lake, market, window, url, every=every, again=again)
    else:
        brought = {"candles_1m": _candles(lake, market, window, url, machine or os.environ.get("TARDIS_MACHINE_URL"))}
    if as_json:
        kit.emit({name: _document(one) for name, one in brought.items()})
    else:
        _draw(brought)
    errors = [one.error for one in brought.values() if one.error is not None]
    if errors:
        raise errors[0]
    return CoverageError.exit_code if any(one.failures for one in brought.values()) else None


def _candles(lake: "Lake", market: Market, window: Window, url: str | None, machine: str | None) -> "Brought":
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import qmd_home
    from qmd_platform.ingest.tardis import candles_of_replay, candles_of_trades

    run_id = kit.run_id("tardis")
    if machine:
        return candles_of_replay(lake, market, window, machine, run_id=run_id, url=url)
    with progress("file", rate=False) as tell:
        return candles_of_trades(
            lake,
            market,
            window,
            qmd_home() / FOLDER,
            run_id=run_id,
            url=url,
            tell=lambda done, of: tell(str(market), done, of),
        )


def _states(
    lake: "Lake", market: Market, window: Window, url: str | None, *, every: int, again: bool
) -> "dict[str, Brought]":
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import qmd_home
    from qmd_platform.ingest.tardis_ticker import states_of_contract

    with progress("file", rate=False) as tell:
        return states_of_contract(
            lake,
            market,
            window,
            qmd_home() / FOLDER,
            run_id=kit.run_id("tardis"),
            url=url,
            every=every,
            again=again,
            tell=lambda done, of: tell(str(market), done, of),
        )


def _document(one: "Brought") -> dict[str, object]:
    from qmd_platform.cli.receipts import as_document

    return {
        "account": asdict(one.account),
        "receipts": [_receipt(receipt) if not receipt.runs else as_document(receipt) for receipt in one.receipts],
        "doubts": [doubt for receipt in one.receipts for doubt in receipt.doubts],
        "failures": list(one.failures),
        "left": [{"start": iso(part.window.start), "end": iso(part.window.end), "why": part.why} for part in one.left],
    }


def _span(window: Window) -> str:
    """A window in words: the days, where it is of whole days."""
    day = Timeframe.D1.step
    if window.start % day or window.end % day:
        return str(window)
    first, last = iso(window.start)[:10], iso(window.end - day)[:10]
    return first if first == last else f"{first} to {last}"


def _receipt(receipt: "Receipt") -> dict[str, object]:
    return {
        "series": str(receipt.partition.series),
        "month": receipt.partition.month,
        "new": receipt.new,
        "rows": receipt.rows,
        "version": receipt.version,
        "requests": receipt.traffic.requests,
        "bytes": receipt.traffic.bytes,
    }


def _draw(brought: "Mapping[str, Brought]") -> None:
    from qmd_platform.cli import show as out

    for name, one in brought.items():
        for receipt in one.receipts:
            more = [
                f"{out.count(number)} {what}"
                for number, what in (
                    (receipt.compared, "compared"),
                    (receipt.disagreements, "otherwise"),
                    (receipt.quarantined, "rejected"),
                )
                if number
            ]
            told = ", ".join([f"{out.counted(receipt.new, 'new row')}", *more])
            out.say(f"{receipt.partition.series} {receipt.partition.month}: {told}")
        counts = {what: number for what, number in asdict(one.account).items() if number}
        rows = counts.pop("rows", 0)
        of = ", ".join(f"{out.count(number)} {what}" for what, number in counts.items())
        out.say(f"{name}: {out.counted(rows, 'row')} came in{f': {of}' if of else ', nothing was needed'}.")
        failures = [why for why in one.failures if one.error is None or why != one.error.message]
        left = [f"left for later: {_span(part.window)}: {part.why}" for part in one.left]
        for line in (*(doubt for receipt in one.receipts for doubt in receipt.doubts), *failures, *left):
            kit.note(f"note: {line}")
