"""docs/reliability.md, made from what the tests counted: ``python -m tests.conformance.report FOLDER`` (``make reliability``).

What lives here: the promises in words, and the figures' tables. What does not: the counting (``figures``), which tests are
run (the Makefile).
"""

import json
import os
import platform
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

BACKENDS = ("sqlite+disk", "postgres+disk", "postgres+minio")
BAD = ("lost", "torn", "double", "damaged")
ALIASES = {"doubled": "double"}

Figures = Mapping[tuple[str, str], Counter[str]]
"""Counts by name and backend."""


@dataclass(frozen=True)
class Promise:
    """What is promised, where it is tested, and what its figures' names begin with."""

    number: str
    says: str
    tests: tuple[str, ...]
    names: tuple[str, ...] = ()


PROMISES = (
    Promise(
        "P1",
        "No torn partition: a reader sees one version of a series or the next, never a mix.",
        ("test_kills", "test_races"),
        ("kill storm, writers", "race, readers"),
    ),
    Promise(
        "P2",
        "What was acknowledged is there after a killed process, a killed server and a power loss.",
        ("test_kills", "test_servers", "test_power_loss", "test_loop_image"),
        ("kill -9 of", "power loss"),
    ),
    Promise(
        "P3",
        "A write to several partitions happens whole or not at all.",
        ("test_kills", "test_kills_of_upkeep", "test_races"),
        ("kill storm, tails",),
    ),
    Promise(
        "P4",
        "No update is lost, however many write at once, to the same partition or not; versions have one order.",
        ("test_races", "test_swap", "test_history"),
        ("race, writers",),
    ),
    Promise(
        "P5, P6",
        "The same upserts in any order, any number of times, give the same content: of two rows for one candle the one "
        "of higher (source rank, time fetched) stays, then the later commit's.",
        ("test_replays", "test_model"),
        ("the same upserts", "model, "),
    ),
    Promise(
        "P7",
        "A snapshot (a commit, a time, a pin) says the same for as long as it is pinned or young; later it is refused, "
        "never guessed.",
        ("test_snapshots", "test_model"),
        ("snapshots",),
    ),
    Promise("P8", "Every float64 comes back with the bits it had.", ("test_exactness",), ("bit-exact",)),
    Promise(
        "P9",
        "Coverage is what a scan of the rows finds, after every operation.",
        ("test_model", "test_kills", "test_races"),
    ),
    Promise(
        "P10",
        "A changed byte is found and named, never served; the other partitions stay readable.",
        ("test_flips",),
        ("flipped", "truncated"),
    ),
    Promise(
        "P11",
        "The ledger can be made again from the files alone, with all its history; a lake of the first release is "
        "brought forward, wherever that is interrupted.",
        ("test_rebuild", "test_migration"),
        ("rebuilt", "kill storm, migration", "kill storm, ledger"),
    ),
    Promise(
        "P12",
        "Disk use is bounded: vacuum removes what nobody can reach, and nothing else.",
        ("test_space", "test_kills_of_upkeep"),
        ("overwritten",),
    ),
    Promise(
        "P13",
        "No space, a failing or read-only disk, too many open files, a clock that jumps back: the operation fails with a "
        "clear message and the lake is as before.",
        ("test_faults",),
        ("fault", "clock"),
    ),
    Promise(
        "P14",
        "Whatever is killed of the running platform, all of it goes on by itself, and what the exchange has is in the lake.",
        ("recovery/test_storm", "recovery/test_kills", "recovery/test_postgres"),
        ("storm of kills", "recovery, "),
    ),
)

INTRO = """\
# Reliability

What the lake promises, how each promise is tested, and what the tests counted. `make reliability` runs them all and
writes this page; every number below is from one such run (P14's is a later one). A promise without a figure of its own
is tested without one.

The tests are one suite, run over three backends: the ledger in SQLite with files on disk, the ledger in PostgreSQL
with files on disk, the ledger in PostgreSQL with files on an S3-compatible store (MinIO). Servers are really started,
processes really killed (`kill -9`), at instants drawn from seeds.

| column | counts |
|---|---|
| trials | how often it was tried: kills, crash states, faults, values |
| acknowledged | commits that were reported as done |
| lost | acknowledged commits that were not there afterwards |
| torn | readings that mixed two states |
| double | rows that were there twice, or batches made twice |
| damaged | files or ledger entries that were not what was committed |
| besides | `coverage`: readings whose coverage was not what the rows say; `pins`: pinned snapshots that changed; \
`verified`: looks in which the ledger was compared with all records; `rebuilt`: ledgers made again from the files \
alone and compared; `reads`, `vacuums`: made meanwhile |

Where a cell is empty the test does not count it; 0 is counted.
"""

LIMITS = """\
## What is not promised

- A SQLite ledger on NFS or SMB: their locks and syncs cannot be trusted. Such a folder is refused.
- Surviving the loss of the disk. A backup is `qmd backup`; files never change, so copying them is safe at any time.
- Disks that lie about fsync. What they acknowledge and lose, the lake acknowledged and loses too; `qmd verify` says so.
- The order of writers by wall-clock time. Commits have an order; two machines' clocks do not. `fetched_at` decides
  between two rows for one candle, so give it from the source where the source has a time.
- Reading a snapshot that is neither pinned nor younger than the time kept (7 days unless set otherwise).
- That a commit whose acknowledgement never came did not happen. It happened whole or not at all; making it again
  under the same key, or with the same rows, does no harm.

## How to run it

```bash
make reliability                              # all of it, with the servers, and this page written anew
QMD_RELIABILITY_LONG=1 make reliability       # the same, more patiently: every fault at every call
make test                                     # a small part, on SQLite and disk, with all other tests
.venv/bin/python -m pytest tests/conformance  # all of it, no page
```

PostgreSQL and MinIO are needed for the second and third backend, root for the power loss on a real file system; what
is not there is skipped by pytest and missing from the tables. `.ci/run` installs both, skips nothing, and tries a
sixth of the kills and of the time.
"""


def read(folder: Path) -> Figures:
    """The counts of all lines in the folder's files, added up."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            said = json.loads(line)
            key = said.pop("name"), said.pop("backend")
            counts = {ALIASES.get(name, name): int(value) for name, value in said.items()}
            found.setdefault(key, Counter()).update(counts)
    return found


def page(figures: Figures) -> str:
    """The whole page."""
    parts = [INTRO, _summary(figures), *(_promise(promise, figures) for promise in PROMISES), *_others(figures), LIMITS]
    return "\n".join(parts)


def kills(figures: Figures) -> int:
    """How many processes were killed in all storms."""
    return sum(counts["trials"] for (name, _), counts in figures.items() if name.startswith("kill storm"))


def heading(promise: Promise) -> str:
    """The line above a promise's figures."""
    return f"## {promise.number}. {promise.says}"


def _summary(figures: Figures) -> str:
    total: Counter[str] = sum(figures.values(), Counter())
    bad = ", ".join(f"{total[name]:,} {name}" for name in BAD)
    return (
        f"In all: {kills(figures):,} processes killed in storms, {total['acked']:,} commits acknowledged; {bad}.\n\n"
        f"Measured on {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}.\n"
    )


def _promise(promise: Promise, figures: Figures) -> str:
    mine = [key for key in figures if promise.names and key[0].startswith(promise.names)]
    tests = ", ".join(f"`{name}`" for name in promise.tests)
    return "\n".join([heading(promise), "", f"Tests: {tests}.", "", *_table(mine, figures)])


def _others(figures: Figures) -> list[str]:
    named = tuple(name for promise in PROMISES for name in promise.names)
    rest = [key for key in figures if not key[0].startswith(named)]
    return ["\n".join(["## Also counted", "", *_table(rest, figures)])] if rest else []


def _table(keys: Iterable[tuple[str, str]], figures: Figures) -> list[str]:
    rows = [_row(name, backend, figures[name, backend]) for name, backend in sorted(keys, key=_order)]
    if not rows:
        return []
    head = ["| what | backend | trials | acknowledged | lost | torn | double | damaged | besides |"]
    return [*head, "|---|---|---:|---:|---:|---:|---:|---:|---|", *rows, ""]


def _row(name: str, backend: str, counts: Counter[str]) -> str:
    columns = ("trials", "acked", *BAD)
    cells = [f"{counts[column]:,}" if column in counts else "" for column in columns]
    besides = ", ".join(f"{column} {value:,}" for column, value in sorted(counts.items()) if column not in columns)
    return f"| {name} | {backend} | {' | '.join(cells)} | {besides} |"


def _order(key: tuple[str, str]) -> tuple[str, int]:
    return key[0], BACKENDS.index(key[1]) if key[1] in BACKENDS else len(BACKENDS)


def main() -> None:
    """Write the page from the folder named on the command line."""
    figures = read(Path(sys.argv[1]))
    if not figures:
        sys.exit(f"no figures in {sys.argv[1]}: did the tests run?")
    PAGE.write_text(page(figures), "utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(Path.cwd())}: {kills(figures)} kills\n")


if __name__ == "__main__":
    main()
