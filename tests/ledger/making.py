"""Changes made by hand, shared by this room's tests."""

from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Change, Outcome, Segment
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window

BITCOIN = Partition(Series.parse("binance:BTC/USDT:1m"), "2026-01")
ETHER = Partition(Series.parse("binance:ETH/USDT:1m"), "2026-01")
MINUTE = 60_000


def window(first: int, last: int) -> Window:
    """Minutes ``first`` to ``last`` (exclusive) of January."""
    start = BITCOIN.window.start
    return Window(start + first * MINUTE, start + last * MINUTE)


def path_of(partition: Partition, version: int) -> str:
    """The one file of a version."""
    return f"{partition.folder}/{version}.parquet"


def change(partition: Partition, seen: int, rows: int = 1, runs: tuple[Run, ...] = ()) -> Change:
    """The next version of a partition after ``seen``: one new file for the one before."""
    version = seen + 1
    segment = Segment(partition, path_of(partition, version), rows, 10 * rows, "hash", version, 0, rows * MINUTE)
    outcome = Outcome(partition, version, rows, rows, 0, 0, 10 * rows, f"data{version}", runs, wrote=True)
    removed = (path_of(partition, seen),) if seen else ()
    return Change(outcome, seen, (segment,), removed, first=0, last=rows * MINUTE)


def commit(ledger: Ledger, *changes: Change, idem_key: str | None = None) -> int:
    """Commit ``changes``; the commit's id."""
    return ledger.commit(changes, run_id="r", source="s", idem_key=idem_key)
