"""``qmd tardis``, and its ``fetch``: what Tardis recorded, into the lake.

What lives here: the group, what is asked for. What does not: what came of it in words (``cli.tardis_told``), its ``exchanges`` and
``show`` (``cli.tardis_shown``), fetching (``ingest.tardis``, ``ingest.tardis_ticker``).
"""

import os
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store, tardis_told
from qmd_platform.cli.durations import duration
from qmd_platform.cli.tardis_shown import exchanges, show
from qmd_platform.errors import ConfigError, CoverageError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window

if TYPE_CHECKING:
    from qmd_platform.ingest.tardis import Brought
    from qmd_platform.lake.store import Lake

STATES = "derivative_ticker"


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
    type=click.Choice(["trades", STATES]),
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

    Files are kept under QMD_HOME and downloaded once; stopped at any moment, the next run goes on where this one was. Minutes
    without a candle are counted and told. Exits with 5 when a day's file could not be had or a row is refused, so that its
    minute is not whole, with 3 when Tardis refused.
    """
    from qmd_platform.config import venue_url as settled_url
    from qmd_platform.config import world

    url = settled_url(venue_url)
    window = Window(start, end if end is not None else max(kit.now(), start + 1))
    lake = store.lake_to_write()
    lake.check_world(world(url))
    if type_ == STATES and machine:
        raise ConfigError(
            f"of a machine only candles are made, no {STATES}", hint="without --machine files are asked for"
        )
    replays = (machine or os.environ.get("TARDIS_MACHINE_URL")) if type_ != STATES else None
    kit.note(f"{type_} of {market} in {window} from {replays or url or 'Tardis.dev'}")
    if type_ == STATES:
        brought = _states(lake, market, window, url, every=every, again=again)
    else:
        brought = {"candles_1m": _candles(lake, market, window, url, replays)}
    if as_json:
        kit.emit({name: tardis_told.as_document(one) for name, one in brought.items()})
    else:
        tardis_told.draw(brought, market)
    errors = [one.error for one in brought.values() if one.error is not None]
    if errors:
        raise errors[0]
    return CoverageError.exit_code if any(one.failures for one in brought.values()) else None


def _candles(lake: "Lake", market: Market, window: Window, url: str | None, machine: str | None) -> "Brought":
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import qmd_home
    from qmd_platform.ingest.tardis import candles_of_replay, candles_of_trades
    from qmd_platform.venues.tardis.downloads import FOLDER

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
    from qmd_platform.venues.tardis.downloads import FOLDER

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
