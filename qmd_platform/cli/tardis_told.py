"""What came of ``qmd tardis fetch``, for people and for programs.

What lives here: lines, notes and the JSON document. What does not: fetching (``ingest.tardis``), the exit code (``cli.tardis``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from qmd_platform.cli import kit
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, iso

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.ingest.tardis import Brought
    from qmd_platform.model.spans import Run

SHOWN = 10
"""Failures that are told in words; all are in the JSON document."""


def as_document(one: "Brought") -> dict[str, object]:
    """What came of one table."""
    from qmd_platform.cli import receipts

    return {
        "account": asdict(one.account),
        "receipts": [
            _receipt(receipt) if not receipt.runs else receipts.as_document(receipt) for receipt in one.receipts
        ],
        "doubts": [doubt for receipt in one.receipts for doubt in receipt.doubts],
        "failures": list(one.failures),
        "left": [{**_ends(part.window), "why": part.why} for part in one.left],
        "lacking": [{**_ends(run.window), "state": run.state.value, "why": run.cause} for run in one.lacking],
    }


def _ends(window: Window) -> dict[str, str]:
    return {"start": iso(window.start), "end": iso(window.end)}


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


def draw(brought: "Mapping[str, Brought]", market: Market) -> None:
    """What each table gained, the account of every row, what is not there and why."""
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
        _account(name, one)
        for cause, runs in _by_cause(one.lacking).items():
            minutes = sum(run.window.steps(MINUTE) for run in runs)
            out.say(f"{name}: {out.counted(minutes, 'minute')} without a candle: {out.plain(cause)}")
        _notes(one)
        if one.lacking and not _is_asked_for(market):
            kit.note(f"note: {market} is not in the universe, so nothing asks the venue for these minutes by itself")


def _account(name: str, one: "Brought") -> None:
    from qmd_platform.cli import show as out

    counts = {what: number for what, number in asdict(one.account).items() if number}
    rows = counts.pop("rows", 0)
    of = ": " + ", ".join(f"{out.count(number)} {what}" for what, number in counts.items()) if counts else ""
    is_idle = not (rows or one.receipts or one.failures or one.left or one.lacking)
    out.say(f"{name}: {out.counted(rows, 'row')} came in{', nothing was needed' if is_idle else of}.")


def _by_cause(lacking: "Sequence[Run]") -> "dict[str, list[Run]]":
    """Runs by why; those of rows that are refused together, as each is told on its own."""
    from qmd_platform.ingest.tardis_lacking import NOT_WHOLE

    found: dict[str, list[Run]] = {}
    for run in lacking:
        found.setdefault(NOT_WHOLE if run.cause.startswith(NOT_WHOLE) else run.cause, []).append(run)
    return found


def _notes(one: "Brought") -> None:
    from qmd_platform.cli import show as out

    failures = [why for why in one.failures if one.error is None or why != one.error.message]
    more = len(failures) - SHOWN
    lines = [doubt for receipt in one.receipts for doubt in receipt.doubts] + failures[:SHOWN]
    lines += [f"and {out.count(more)} more; --json has all of them"] if more > 0 else []
    for line in (*lines, *(f"left for later: {_span(part.window)}: {part.why}" for part in one.left)):
        kit.note(f"note: {line}")


def _is_asked_for(market: Market) -> bool:
    from qmd_platform.config import load_universe

    return market in load_universe().markets


def _span(window: Window) -> str:
    """A window in words: the days, where it is of whole days."""
    day = Timeframe.D1.step
    if window.start % day or window.end % day:
        return str(window)
    first, last = iso(window.start)[:10], iso(window.end - day)[:10]
    return first if first == last else f"{first} to {last}"
