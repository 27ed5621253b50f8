"""What venues say of their perpetuals now, appended to the lake: predicted rates and open interest.

What lives here: one look at one venue, and its commit. What does not: asking (``venues.snapshot_asking``), rows
(``ingest.snapshot_rows``), open interest of the past (``ingest.open_interest``).

Nobody serves past predictions, so what is not captured is lost for ever, and a table of them begins at its first capture.
Rows are of the venue's own clock: the same answer once more changes nothing.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qmd_platform.config import world
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import ConfigError, VenueDown, choices
from qmd_platform.ingest.instruments import instruments
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import coordinated
from qmd_platform.ingest.snapshot_rows import by_month, open_interest_rows, prediction_rows, read_months
from qmd_platform.lake.buffers import or_nan
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST
from qmd_platform.venues import facts, snapshot_asking
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.snapshot_asking import Snapshot

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination

NAMES = (FUNDING_PREDICTIONS.name, OPEN_INTEREST.name)
"""The tables that are captured."""


def tells_open_interest(venue: str) -> bool:
    """Whether ``venue`` says the open interest of all its contracts as it is now."""
    return facts.snapshots_of(venue).has_open_interest


def capture(
    lake: Lake,
    venue: str,
    markets: Sequence[Market],
    *,
    run_id: str,
    url: str | None = None,
    only: Sequence[str] = NAMES,
    coordination: "Coordination | None" = None,
) -> list[Receipt]:
    """Keep what ``venue`` says of its perpetuals now; one commit.

    Args:
        lake: where to.
        venue: who is asked.
        markets: perpetuals of the venue; what it says of others is passed over.
        run_id: who did it.
        url: a server that answers for all venues (a sandbox) instead of the real ones.
        only: names of the tables to be kept. Binance tells open interest over time only (``ingest.open_interest``).
        coordination: budgets shared with other workers; None for those of the lake.

    Returns:
        one receipt a table and month that rows are of. Markets that the venue says nothing of are in its failures,
        and so is what could not be had beside the predictions.

    Raises:
        VenueDown: it could not be asked, or its answer has none of the markets.
        UnknownMarket, Refused, Banned: the venue will not answer.
        WrongWorld: the lake holds the other world's data.
    """
    for name in only:
        if name not in NAMES:
            raise ConfigError(f"{name!r} is not captured", hint=choices(name, NAMES))
    lake.check_world(world(url))
    look = _Look(lake, venue, tuple(dict.fromkeys(markets)), run_id, url)
    with coordinated(lake, coordination) as shared:
        return look.kept(asyncio.run(look.asked(shared)), only)


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer, what it took, and when it was asked for (seconds of a clock that only runs forward)."""

    snapshot: Snapshot
    traffic: Traffic
    began: float


@dataclass(frozen=True, slots=True)
class _Look:
    """What one call of ``capture`` is about."""

    lake: Lake
    venue: str
    markets: tuple[Market, ...]
    run_id: str
    url: str | None

    async def asked(self, shared: "Coordination") -> _Seen:
        began, traffic, held = time.monotonic(), Traffic(), instruments(self.lake, self.venue)
        async with client(
            self.venue,
            venue_url=self.url,
            instruments=[held[one.symbol] for one in self.markets if one.symbol in held],
            spending=shared.budgets(self.venue, self.url),
        ) as venue:
            return _Seen(await snapshot_asking.snapshot(venue, self.markets, traffic), traffic, began)

    def kept(self, seen: _Seen, only: Sequence[str]) -> list[Receipt]:
        silent = [one for one in self.markets if one not in seen.snapshot.states]
        if len(silent) == len(self.markets):
            raise VenueDown(self.venue, f"its answer has none of the {len(silent)} markets that were asked about")
        self.lake.claim_world(world(self.url))
        makers = {FUNDING_PREDICTIONS.name: self._predictions, OPEN_INTEREST.name: open_interest_rows}
        at = {FUNDING_PREDICTIONS.name: "seen_at", OPEN_INTEREST.name: "counted_at"}
        writes = [
            Write(Partition(Series(name, self.venue), month), rows)
            for name in only
            for month, rows in by_month([makers[name](seen.snapshot)], tables.table(name), at[name]).items()
        ]
        if not writes and seen.snapshot.failures:
            raise seen.snapshot.failures[0]
        if not writes:
            return []
        source = f"{world(self.url)}:{self.venue}"
        _, outcomes = self.lake.commit(writes, run_id=self.run_id, source=source)
        spent = time.monotonic() - seen.began
        receipts = [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows), spent) for one in outcomes]
        why = (
            *(f"{self.venue} says nothing of {one.symbol}" for one in silent),
            *map(str, seen.snapshot.failures),
        )
        return [replace(receipts[0], traffic=seen.traffic, failures=why), *receipts[1:]]

    def _predictions(self, seen: Snapshot) -> pa.Table:
        """What accrues does so over an interval: better the one settlements prove than the one the venue states of all."""
        is_accrued = facts.snapshots_of(self.venue).is_accrued
        return prediction_rows(seen, proven_hours(self.lake, seen.states) if is_accrued else {})


def proven_hours(lake: Lake, markets: Mapping[Market, object]) -> dict[Market, float]:
    """The length of the newest interval that settlements in the lake prove, of each market that has one."""
    found = {}
    for market in markets:
        series = Series.funding(market)
        newest = max((one.partition.month for one in lake.states(series)), default="")
        hours = or_nan(read_months(lake, series, {newest}), "interval_hours")
        known = np.flatnonzero(np.isfinite(hours))
        if len(known):
            found[market] = float(hours[known[-1]])
    return found
