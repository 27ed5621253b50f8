"""Receipts of a backfill, for people and for programs.

What lives here: the table, its total, the lines below it, the JSON document. What does not: fetching
(``qmd_platform.ingest``), the exit code (``cli.backfill``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qmd_platform.cli import kit
from qmd_platform.model.window import Window

if TYPE_CHECKING:
    from qmd_platform.coverage.summary import Summary
    from qmd_platform.ingest.receipt import Receipt

FAILURES_SHOWN = 10


def of_window(receipts: "Sequence[Receipt]", window: Window) -> "Summary":
    """The candles asked for by state; a receipt's own summary is of all its month."""
    from qmd_platform.coverage.summary import Summary, summarised
    from qmd_platform.model.spans import clipped

    parts = (summarised(clipped(one.runs, window), one.partition.series.timeframe.step) for one in receipts)
    return sum(parts, Summary())


def as_document(receipt: "Receipt") -> dict[str, object]:
    """The receipt for JSON; times in ISO, without the runs (``qmd coverage`` lists them)."""
    return {
        "series": str(receipt.partition.series),
        "month": receipt.partition.month,
        **asdict(receipt.summary),
        "new": receipt.new,
        "changed": receipt.changed,
        "unchanged": receipt.unchanged,
        "reread": receipt.reread,
        "vanished": receipt.vanished,
        "compared": receipt.compared,
        "disagreements": receipt.disagreements,
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


def draw(receipts: "Sequence[Receipt]", window: Window, took: float) -> None:
    """A row for each receipt, the total, and in words what was read again, compared, or failed."""
    from qmd_platform.cli import show

    if not receipts:
        show.say("No candle of this window is closed yet: nothing to fetch.")
        return
    summary = of_window(receipts, window)
    failures = [failure for receipt in receipts for failure in receipt.failures]
    if not any(receipt.traffic.requests for receipt in receipts) and summary.is_complete and not failures:
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
    _tell_of_checks(receipts)
    for failure in failures[:FAILURES_SHOWN]:
        kit.note(f"failed: {failure}")
    if len(failures) > FAILURES_SHOWN:
        kit.note(f"and {show.count(len(failures) - FAILURES_SHOWN)} more; --json has all of them")
    if not summary.is_complete:
        absent = show.counted(summary.missing + summary.quarantined, "candle")
        kit.note(
            f"missing of what was asked for: {absent}. `qmd coverage SERIES` says why; run this again to ask for them again."
        )


def _tell_of_checks(receipts: "Sequence[Receipt]") -> None:
    """What came of reading candles again, and of asking two sources for the same ones."""
    from qmd_platform.cli import show

    reread, vanished = sum(one.reread for one in receipts), sum(one.vanished for one in receipts)
    if reread or vanished:
        changed = sum(_restated(one) for one in receipts)
        show.say(
            f"Read again: {show.counted(reread, 'candle')}, {show.count(changed)} restated "
            f"(`qmd revisions SERIES` has both values), {show.count(reread - changed)} as before."
        )
    if vanished:
        show.say(f"Left out by the venue now: {show.counted(vanished, 'candle')}. They stay.")
    if compared := sum(one.compared for one in receipts):
        differ = sum(one.disagreements for one in receipts)
        show.say(
            f"Of the archive's candles {show.count(compared)} were compared with the API: {show.count(differ)} differ."
        )


def _restated(receipt: "Receipt") -> int:
    """Of the candles that were read again, those that are others now; what two sources differ in is not meant."""
    return min(max(receipt.changed - receipt.disagreements, 0), receipt.reread)


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
