"""Filling what a read finds lacking by a backfill in Dagster, where ``QMD_DAGSTER_URL`` names its UI.

What lives here: launching the backfill of the partitions over GraphQL, and waiting for its end. What does not: a fill in
this process (``reader.filling``), the assets (``assets``).
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from qmd_platform.errors import DagsterError, OutOfTime
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import months
from qmd_platform.reader.filling import Errand, deadlines, derived_from

LAUNCH = """mutation Launch($asked: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $asked) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }"""
STATUS = """query Status($id: String!) { partitionBackfillOrError(backfillId: $id) {
  __typename ... on PartitionBackfill { status error { message } } ... on Error { message } } }"""

GOOD = frozenset({"COMPLETED_SUCCESS", "COMPLETED"})
BAD = frozenset({"COMPLETED_FAILED", "FAILED", "CANCELED"})
"""Dagster's words for a backfill that has ended (``BulkActionStatus``, dagster-graphql 1.13)."""

REQUEST_S = 10.0
POLL_S = 0.5
"""Seconds between two looks; what a run takes to start is several times as much."""

PATIENCE = 10
"""Looks in a row that may fail: a UI that restarts is no reason to forget the backfill."""

TITLE = "qmd read"

under_way: dict[str, str] = {}
"""Backfills that this process has launched and not seen ended, by what they are of: nobody launches one of them twice."""
_LAUNCHING = threading.Lock()


def fill(errand: Errand, url: str, seconds: float | None) -> list[str]:
    """Have Dagster backfill the months of ``errand``, and wait until it has.

    One of the same months that this process has launched before, and that goes on still, is waited for instead.

    Args:
        errand: what.
        url: the UI's address.
        seconds: how long to wait; None for as long as a backfill here may take. One that is not waited for any more goes on.

    Returns:
        what failed, in words: nothing, since a failed backfill raises.

    Raises:
        DagsterError: the UI cannot be reached or refuses, or the backfill failed or was cancelled.
        OutOfTime: the time was over.
    """
    ends_at = time.monotonic() + deadlines(seconds).run_s
    asked = _asked(errand)
    key = json.dumps([url, asked])
    if not _LAUNCHING.acquire(timeout=_left(errand, ends_at)):
        raise _late(errand)
    try:
        number = _going_on(url, under_way.get(key), errand, ends_at) or _launched(asked, url, errand, ends_at)
        under_way[key] = number
    finally:
        _LAUNCHING.release()
    status = _ended(number, url, errand, ends_at)
    under_way.pop(key, None)
    if (word := status.get("status")) in GOOD:
        return []
    why = (status.get("error") or {}).get("message") or f"see its runs at {url}"
    raise DagsterError(f"Dagster's backfill {number} of {errand} ended as {word}: {why}")


def _ended(number: str, url: str, errand: Errand, ends_at: float) -> dict[str, Any]:
    """What is said of the backfill when it has ended."""
    failed = 0
    while True:
        try:
            status = _status(number, url, errand, ends_at)
            failed = 0
        except DagsterError as error:
            failed += 1
            if failed > PATIENCE or isinstance(error.__cause__, ValueError):
                raise
            status = {}
        if status.get("status") in GOOD | BAD:
            return status
        time.sleep(min(POLL_S, _left(errand, ends_at)))


def _going_on(url: str, number: str | None, errand: Errand, ends_at: float) -> str | None:
    """``number``, if that backfill goes on; what it has not seen when it ended, a new one is to fill."""
    if number is None:
        return None
    try:
        said = _status(number, url, errand, ends_at)
    except DagsterError as error:
        if not isinstance(error.__cause__, ValueError):
            raise
        return None
    return None if said.get("status") in GOOD | BAD else number


def _status(number: str, url: str, errand: Errand, ends_at: float) -> dict[str, Any]:
    return _answer(url, STATUS, {"id": number}, errand, ends_at)


def _asked(errand: Errand) -> dict[str, object]:
    """What is launched for ``errand``: assets and partitions."""
    series = errand.series
    base = derived_from(series, errand.home) if series.is_candles else None
    tables = [series.table] if base is None else [Series.candles(series.market, base).table, series.table]
    return {
        "assetSelection": [{"path": [series.venue, table]} for table in tables],
        "partitionNames": [Partition(series, month).key for month, _ in months(errand.window)],
        "title": TITLE,
    }


def _launched(asked: Mapping[str, object], url: str, errand: Errand, ends_at: float) -> str:
    told = _answer(url, LAUNCH, {"asked": asked}, errand, ends_at)
    return str(told["backfillId"])


def _left(errand: Errand, ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise _late(errand)
    return min(left, REQUEST_S)


def _late(errand: Errand) -> OutOfTime:
    said = f"Dagster's backfill of {errand} is still under way"
    return OutOfTime(errand.series.venue, said, hint="read again later")


def _answer(url: str, query: str, variables: Mapping[str, object], errand: Errand, ends_at: float) -> dict[str, Any]:
    """What GraphQL answers; DagsterError when it cannot be asked, or refuses (``__cause__``: a ValueError)."""
    hint = "is QMD_DAGSTER_URL the address of the UI (`qmd dev`), as http://127.0.0.1:3000?"
    seconds = _left(errand, ends_at)
    try:
        answer = requests.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=seconds)
        answer.raise_for_status()
    except requests.RequestException as error:
        if isinstance(error, requests.Timeout) and seconds < REQUEST_S:  # ours was the end that came first
            raise OutOfTime(errand.series.venue, f"Dagster's UI at {url} has not answered yet", hint=hint) from error
        raise DagsterError(f"Dagster's UI at {url} does not answer: {error}", hint=hint) from error
    try:
        said = answer.json()
        found: dict[str, Any]
        (found,) = said["data"].values()
        refusal = found.get("message")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DagsterError(
            f"{url} does not answer as Dagster's UI does: {answer.text[:200]}", hint=hint
        ) from ValueError(str(error))
    if refusal is not None:
        hint = "the market must be in Dagster's universe, and the month not before its start"
        raise DagsterError(f"Dagster refuses the backfill: {refusal}", hint=hint) from ValueError(refusal)
    return found
