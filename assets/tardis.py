"""``tardis/history``: what Tardis recorded of one market, fetched with a click.

What lives here: the asset, what a run takes, its numbers. What does not: fetching (``qmd_platform.ingest.tardis``,
``qmd_platform.ingest.tardis_ticker``), the same from a shell (``qmd tardis fetch``).

It has no partitions and no schedule: what a venue does not serve any more is looked for when a person needs it. The rows go into
the venue's own tables, and the gap sensors tell Dagster of months that are whole now. The key is read from TARDIS_API_KEY, and is
in no configuration, which the UI shows.
"""

import os
import time
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets import describe
from qmd_platform.config import qmd_home
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant, iso
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.tardis import Brought
    from qmd_platform.lake.store import Lake

KEY = dg.AssetKey(["tardis", "history"])
FETCHED = "fetched"
TRADES, STATES = "trades", "derivative_ticker"

LISTED = 50
"""Days in the metadata; all are counted."""


class Recorded(dg.Config):
    """What one run brings in."""

    market: str = Field(description="As venue:symbol, such as kraken:BTC/USD or okx:BTC/USDT:USDT.")
    start: str = Field(description="From here, by days: a date or a time in UTC.")
    end: str = Field(default="", description="Up to here, exclusive; empty for now.")
    type: str = Field(
        default=TRADES,
        pattern=f"^({TRADES}|{STATES})$",
        description=f"{TRADES} become 1m candles, {STATES} becomes predicted funding and open interest.",
    )
    machine: str = Field(
        default="",
        description="A tardis-machine to ask for candles instead of files; empty for TARDIS_MACHINE_URL, else files.",
    )
    every_minutes: int = Field(default=15, ge=1, description="One state of a contract is kept of so many minutes.")
    again: bool = Field(default=False, description="Look at a contract's days again, as with other minutes.")

    @property
    def window(self) -> Window:
        """What is asked for; ConfigError where it is no time."""
        start = instant(self.start)
        return Window(start, instant(self.end) if self.end else max(time.time_ns() // 1_000_000, start + 1))


@dg.asset(
    key=KEY,
    group_name="tardis",
    owners=describe.OWNERS,
    kinds={"parquet"},
    description="What Tardis.dev recorded of a market, into the lake: trades as 1m candles, states of a contract as predicted funding "
    "and open interest. It never overrules what the lake has from the venue. The first day of each month needs no key; other days "
    "need TARDIS_API_KEY in the settings.",
    check_specs=[
        dg.AssetCheckSpec(
            FETCHED,
            asset=KEY,
            description="Every day that was asked for and is published could be had, and no row was refused.",
        )
    ],
    pool="tardis",
)
def tardis_history(
    context: dg.AssetExecutionContext, config: Recorded, lake: LakeResource, venues: VenuesResource
) -> dg.MaterializeResult:
    """One market and window of Tardis's record, into the lake."""
    with lake.open() as opened:
        brought = _brought(context, config, opened, lake.home, venues.server())
    for one in brought.values():
        if one.error is not None:  # what came before it is kept; the run is not taken for a whole one
            raise one.error
    return dg.MaterializeResult(metadata=_told(config, brought), check_results=[_verdict(brought)])


def _brought(
    context: dg.AssetExecutionContext, config: Recorded, lake: "Lake", home: str, url: str | None
) -> "dict[str, Brought]":
    # Arrow and a venue's client, only when it runs.
    from pathlib import Path  # noqa: PLC0415 - as above

    from assets.upkeep import telling  # noqa: PLC0415 - as above
    from qmd_platform.ingest.tardis import candles_of_replay, candles_of_trades  # noqa: PLC0415 - as above
    from qmd_platform.ingest.tardis_ticker import states_of_contract  # noqa: PLC0415 - as above
    from qmd_platform.venues.tardis.downloads import FOLDER  # noqa: PLC0415 - as above

    market, window, run_id = Market.parse(config.market), config.window, context.run.run_id
    root = (Path(home) if home else qmd_home()) / FOLDER
    tell = telling(context, "files:")
    if config.type == STATES:
        if config.machine:
            raise ConfigError(f"of a machine only candles are made, no {STATES}", hint="leave machine empty")
        every = config.every_minutes * MINUTE
        return states_of_contract(
            lake, market, window, root, run_id=run_id, url=url, every=every, again=config.again, tell=tell
        )
    if machine := config.machine or os.environ.get("TARDIS_MACHINE_URL", ""):
        return {"candles_1m": candles_of_replay(lake, market, window, machine, run_id=run_id, url=url)}
    return {"candles_1m": candles_of_trades(lake, market, window, root, run_id=run_id, url=url, tell=tell)}


def _told(config: Recorded, brought: "dict[str, Brought]") -> dict[str, Any]:
    said: dict[str, Any] = {"market": config.market, "window": str(config.window)}
    for table, one in brought.items():
        account = one.account
        said |= {
            f"{table}: rows that came in": account.rows,
            f"{table}: used": account.used,
            f"{table}: new rows": sum(receipt.new for receipt in one.receipts),
            f"{table}: told otherwise": sum(receipt.disagreements for receipt in one.receipts),
        }
        if config.type == TRADES:
            said[f"{table}: minutes without a candle"] = sum(run.window.steps(MINUTE) for run in one.lacking)
    left = [
        f"{iso(part.window.start)} to {iso(part.window.end)}: {part.why}"
        for one in brought.values()
        for part in one.left
    ]
    return said | {"left for later": len(left)} | _listed(sorted(set(left)))


def _verdict(brought: "dict[str, Brought]") -> dg.AssetCheckResult:
    failures = sorted({why for one in brought.values() for why in one.failures})
    return dg.AssetCheckResult(
        check_name=FETCHED,
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"days not had, minutes not whole": len(failures)} | _listed(failures),
    )


def _listed(texts: list[str]) -> dict[str, Any]:
    return {"which": dg.MetadataValue.md("\n".join(f"- {text}" for text in texts[:LISTED]))} if texts else {}
