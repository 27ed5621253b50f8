"""How wrong predicted rates were, made of what the lake holds: predictions beside the settlements they were about.

What lives here: the rows of a month and their commit, and their sum at each lead. What does not: what counts as the
prediction of a lead (``funding.predictions``), capturing (``ingest.snapshots``). Nothing here sends a request.

A row is of one settlement and of a prediction seen before it, so nothing that comes later changes it.
"""

import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.funding.predictions import LeadError, Predictions, at_leads, prediction_errors, summed_up
from qmd_platform.ingest.columnar import Values, columnar, joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.snapshot_rows import predictions, read_months
from qmd_platform.lake.buffers import column, or_nan
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, PREDICTION_ERROR
from qmd_platform.model.window import month_of, month_window

TRIES = 5


def derive_prediction_error(
    lake: Lake, venue: str, markets: Sequence[Market], months: Sequence[str], *, run_id: str
) -> list[Receipt]:
    """Make the errors of a venue's predictions in these months, of what the lake holds; one commit a month.

    Running it again on the same data changes nothing.

    Args:
        lake: with the perpetuals' funding, and with predictions.
        venue: whose.
        markets: perpetuals of the venue.
        months: of settlements, as ``2026-11``; each is made whole.
        run_id: who did it.

    Returns:
        one receipt a month, in the order given.

    Raises:
        Conflict: others made them first, many times in a row.
    """
    return [_made(lake, venue, tuple(dict.fromkeys(markets)), month, run_id) for month in dict.fromkeys(months)]


def _made(lake: Lake, venue: str, markets: Sequence[Market], month: str, run_id: str) -> Receipt:
    partition, began = Partition(Series(PREDICTION_ERROR.name, venue), month), time.monotonic()
    for _ in range(TRIES):
        # The version before what the rows are made of, or newer ones could be overwritten with older.
        seen = lake.ledger.heads([partition])[partition].version
        rows = _rows(lake, venue, markets, month, lake.ledger.resolved(None))
        write = Write(partition, rows, replace=True, seen=seen)
        try:
            _, (outcome,) = lake.commit([write], run_id=run_id, source=f"derived:{venue}")
        except Outdated:
            continue
        return Receipt.of_commit(
            outcome, Summary(expected=outcome.rows, present=outcome.rows), time.monotonic() - began
        )
    raise Conflict(f"{TRIES} times in a row {partition} was made by somebody else first", hint="run it again")


def _rows(lake: Lake, venue: str, markets: Sequence[Market], month: str, commit: int) -> pa.Table:
    before = month_of(
        month_window(month).start - 1
    )  # the first settlements of a month were predicted in the one before
    told = predictions(read_months(lake, Series(FUNDING_PREDICTIONS.name, venue), {before, month}, as_of=commit))
    known = [(market, told[str(market)]) for market in markets if str(market) in told]
    return joined(PREDICTION_ERROR, [_of_market(lake, mine, market, month, commit) for market, mine in known])


def _of_market(lake: Lake, told: Predictions, market: Market, month: str, commit: int) -> pa.Table:
    settled = read_months(lake, Series.funding(market), {month}, as_of=commit)
    at, hours = column(settled, "settled_at"), or_nan(settled, "interval_hours")
    paid = Settlements.of(at, column(settled, "rate"))
    errors, leads = at_leads(prediction_errors(told, paid))
    values: dict[str, Values] = {
        "market": [str(market)] * len(errors),
        "settled_at": errors.settled_at,
        "lead_hours": leads,
        "seen_at": errors.seen_at,
        "hours_ahead": errors.hours_ahead,
        "predicted_rate": errors.predicted,
        "rate": errors.settled,
        "error": errors.error,
        "interval_hours": hours[np.searchsorted(at, errors.settled_at)] if len(errors) else np.empty(0),
        "available_at": errors.settled_at + DELAY_MS,
    }
    return columnar(PREDICTION_ERROR, values)


def of_each_lead(lake: Lake, venue: str, months: Sequence[str]) -> list[LeadError]:
    """How wrong the venue's predictions were in these months at each lead, the longest first."""
    rows = read_months(lake, Series(PREDICTION_ERROR.name, venue), set(months))
    return summed_up(column(rows, "error"), column(rows, "lead_hours"))
