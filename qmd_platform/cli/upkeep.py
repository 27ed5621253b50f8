"""The doctor's look at a lake that is there: where it is, can it be made again, what upkeep is due.

What lives here: the checks. What does not: proving the data (``qmd verify``), doing what is due (``qmd seal``,
``qmd vacuum``).
"""

from collections.abc import Callable, Iterator

from qmd_platform import config
from qmd_platform.cli import kit, show
from qmd_platform.cli.check import Check, failed
from qmd_platform.errors import LedgerError, QmdError
from qmd_platform.lake.sealing import due
from qmd_platform.lake.store import Lake
from qmd_platform.lake.vacuum import GRACE_MS, KEEP_MS


def checks(lake: Lake) -> Iterator[Check]:
    """Ledger, files, commit records, pins, what is due."""
    yield Check("ledger", "ok", _ledger(lake))
    yield Check("files", "ok", config.files_url() or str(lake.place.data))
    for name, check in _LOOKS.items():
        try:
            yield check(lake)
        except QmdError as error:
            yield failed(name, error)


def _ledger(lake: Lake) -> str:
    kind = "SQLite" if config.postgres_url() is None else "PostgreSQL"
    return f"{kind}, {lake.ledger.database.where}, {show.counted(lake.ledger.last_commit(), 'commit')}"


def _records(lake: Lake) -> Check:
    """Could the ledger be made again? There must be a record of every commit since the last checkpoint."""
    last, checkpoints = lake.ledger.last_commit(), lake.records.checkpoints()
    start = max((number for number in checkpoints if number <= last), default=0)
    absent = sorted(set(range(start + 1, last + 1)) - set(lake.records.commits()))
    if absent:
        said = f"{show.counted(len(absent), 'commit')} without a record, the first is {absent[0]}"
        todo = "put the folder log back from a backup, or `qmd verify --repair` keeps the whole ledger instead"
        return Check("records", "warn", said, todo, LedgerError.exit_code)
    if not last:
        return Check("records", "ok", "no commits yet")
    since = f"checkpoint at commit {start}, and " if start else ""
    return Check("records", "ok", f"{since}a record of every commit: `qmd rebuild` can make the ledger again")


def _pins(lake: Lake) -> Check:
    pins, now = lake.ledger.pins(), kit.now()
    over = sum(pin.until is not None and pin.until <= now for pin in pins)
    expired = f", {over} of them over" if over else ""
    return Check("pins", "ok", f"{show.counted(len(pins), 'pin')}{expired}")


def _sealing(lake: Lake) -> Check:
    partitions = due(lake, now=kit.now())
    if not partitions:
        return Check("sealing", "ok", "nothing is due")
    said = f"{show.counted(len(partitions), 'partition')} of ended months in several files or of an older layout"
    return Check("sealing", "ok", said, "`qmd seal`, or the schedule lake_seal in `qmd dev`")


def _vacuum(lake: Lake) -> Check:
    found = lake.ledger.reclaim(now=kit.now(), keep_ms=KEEP_MS, grace_ms=GRACE_MS, dry_run=True)
    size = show.size(sum(segment.bytes for segment in (*found.trashed, *found.gone)))
    if not found.trashed and not found.gone:
        return Check("vacuum", "ok", "nothing is due")
    said = f"{show.counted(len(found.trashed) + len(found.gone), 'old file')} nothing needs any more, {size}"
    return Check("vacuum", "ok", said, "`qmd vacuum`, or the schedule lake_vacuum in `qmd dev`")


_LOOKS: dict[str, Callable[[Lake], Check]] = {
    "records": _records,
    "pins": _pins,
    "sealing": _sealing,
    "vacuum": _vacuum,
}
