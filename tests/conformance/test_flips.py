"""One bit flips, or a file is cut, anywhere in a lake: what is read is right, or the damage is named.

A flip may hit bytes that mean nothing. Readers of the present are never served anything wrong; where the past is wrong,
or a part of the ledger that no reader needed, verify says so.
"""

import os
import random
import shutil
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from qmd_platform.errors import QmdError
from qmd_platform.lake.store import Lake
from qmd_platform.model.evidence import Answered
from qmd_platform.model.spans import State
from qmd_platform.model.window import Window
from tests.conformance.backends import SQLITE_DISK
from tests.conformance.figures import record, tries
from tests.conformance.shim import in_memory
from tests.conformance.shimmed import HOURS, MINUTES, batch, commit, holds, write

LEDGER = "ledger.sqlite"
LOG = "ledger.sqlite-wal"
COMMITS = 8
PAGES = {2: "inner index pages", 5: "inner table pages", 10: "index pages", 13: "table pages"}


def fill(root: Path) -> Lake:
    """A lake of two series with some history."""
    lake = Lake.open(root)
    for number in range(COMMITS // 2):
        commit(lake, batch(number + 1.0, 10 * number))
        asked = write(MINUTES, "2026-02", 1000 + 7 * number, 0.5, 7)
        hole = Window(asked.asked[0].end, asked.asked[0].end + 7 * 60_000)
        answers = tuple(Answered(one, number, "candles", 64 * str(number), 7) for one in (*asked.asked, hole))
        asked = replace(asked, asked=(*asked.asked, hole), evidence=answers)
        commit(lake, [asked, write(HOURS, "2026-02", 300, number, 3)])
    return lake


@pytest.fixture(scope="module")
def sea() -> Iterator[Path]:
    """A folder for many short-lived lakes that are links to one; nothing in it has to be durable."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def closed(sea: Path) -> Path:
    """Everything is in the ledger's file."""
    root = sea / "closed"
    fill(root).close()
    assert not (root / LOG).exists()
    return root


@pytest.fixture(scope="module")
def killed(sea: Path) -> Path:
    """The commits are in the ledger's log, as a killed writer leaves them; nothing of SQLite's index of it is left."""
    root = sea / "killed"
    fill(root).ledger.database.let_go()
    (root / "ledger.sqlite-shm").unlink()
    assert (root / LOG).stat().st_size
    return root


def past(lake: Lake) -> object:
    """What was known after some of the commits, and what the whole lake is asked for."""
    asked = lake.attempts(MINUTES), lake.evidence(MINUTES)
    return (
        asked,
        lake.ledger.in_state(*State),
        [
            (held.candles.open_at.tobytes(), held.candles.close.tobytes(), held.runs)
            for series in (MINUTES, HOURS)
            for held in [lake.held(series, as_of=number) for number in (1, 2, COMMITS - 1)]
        ],
    )


@dataclass
class Damages:
    """Copies of a lake, each damaged in one place, looked at one by one."""

    sound: Path
    room: Path
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with Lake.open(self._copy()) as lake:
            assert lake.verify() == []
            self._now, self._past = holds(lake), past(lake)

    def damage(self, path: str, change: Callable[[bytes], bytes | None], where: str) -> None:
        """Look at a lake whose file ``path`` was changed (None: removed)."""
        root = self._copy()
        data = change((self.sound / path).read_bytes())
        (root / path).unlink()
        if data is not None:
            (root / path).write_bytes(data)
        self.counts["trials"] += 1
        try:
            self.wrong += [f"{path}, {where}: {problem}" for problem in self._problems(root)]
        except Exception as error:  # noqa: BLE001 - any error that is no refusal is what this looks for
            self.wrong.append(f"{path}, {where}: not a refusal: {error!r}")

    def flip(self, path: str, at: int, bit: int, where: str) -> None:
        """Look at a lake with one bit of a file flipped."""

        def flipped(data: bytes) -> bytes:
            return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

        self.damage(path, flipped, f"{where}, bit {bit} of byte {at}")

    def _problems(self, root: Path) -> Iterator[str]:
        try:
            lake = Lake.open(root)
        except QmdError:
            self.counts["refused"] += 1
            return
        with lake:
            refused, now = _asked(lambda: holds(lake))
            if not refused and now != self._now:
                yield "readers are served something else"
            refused_past, then = _asked(lambda: past(lake))
            found = _found(lake)
            self.counts["refused" if refused else "served right"] += 1
            self.counts["found by verify"] += found
            if refused and not found:
                yield "readers are refused, and verify finds nothing"
            if not found and not refused_past and then != self._past:
                yield "the past is something else, and verify finds nothing"

    def _copy(self) -> Path:
        """A copy whose big files are the same ones; nothing writes into those."""
        root = self.room / "lake"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.sound, root, copy_function=os.link)
        for file in root.glob("ledger.sqlite*"):
            file.unlink()
            shutil.copyfile(self.sound / file.name, file)
        return root


def _asked(question: Callable[[], object]) -> tuple[bool, object]:
    """Whether it was refused, and else the answer."""
    try:
        return False, question()
    except QmdError:
        return True, None


def _found(lake: Lake) -> bool:
    try:
        return any(found.is_damage for found in lake.verify())
    except QmdError:
        return True


def regions(ledger: bytes) -> dict[str, list[range]]:
    """The bytes of a SQLite file that mean something, by what they are."""
    size = struct.unpack_from(">H", ledger, 16)[0]
    found: dict[str, list[range]] = {"the header": [range(100)]}
    for page in range(0, len(ledger), size):
        head = page + 100 * (page == 0)
        kind = PAGES.get(ledger[head])
        if kind is None:
            continue
        cells, content = struct.unpack_from(">HH", ledger, head + 3)
        pointers = head + (12 if ledger[head] < 10 else 8)
        found.setdefault(f"headers of {kind}", []).append(range(head, pointers + 2 * cells))
        found.setdefault(f"rows of {kind}", []).append(range(page + content, page + size))
    return found


def drawn(rng: random.Random, places: Sequence[range], many: int) -> list[int]:
    """``many`` bytes of these."""
    return [rng.choice(range(part.start, part.stop)) for part in rng.choices([one for one in places if one], k=many)]


few_and_many = pytest.mark.parametrize(
    "many", [1, pytest.param(tries(15), marks=[pytest.mark.slow, pytest.mark.timeout(600)])], ids=["few", "many"]
)


@few_and_many
def test_a_flipped_bit_anywhere_in_the_ledger_is_served_to_nobody(sea: Path, closed: Path, many: int):
    damages, rng = Damages(closed, sea / "copy"), random.Random(many)  # noqa: S311 - draws what is tried
    for region, places in regions((closed / LEDGER).read_bytes()).items():
        for at in drawn(rng, places, many):
            damages.flip(LEDGER, at, rng.randrange(8), region)
    record("flipped bits in the ledger", SQLITE_DISK, **damages.counts)
    assert damages.wrong == []
    assert damages.counts["refused"] + damages.counts["found by verify"]


@few_and_many
def test_a_flipped_bit_in_the_ledgers_log_costs_no_commit(sea: Path, killed: Path, many: int):
    damages, rng = Damages(killed, sea / "copy"), random.Random(many)  # noqa: S311 - draws what is tried
    size = (killed / LOG).stat().st_size
    for at in drawn(rng, [range(size)], 3 * many):
        damages.flip(LOG, at, rng.randrange(8), "log")
    record("flipped bits in the ledger's log", SQLITE_DISK, **damages.counts)
    assert damages.wrong == []


@few_and_many
def test_a_flipped_bit_in_any_file_is_found(sea: Path, closed: Path, many: int):
    damages, rng = Damages(closed, sea / "copy"), random.Random(many)  # noqa: S311 - draws what is tried
    for path in files(closed)[:: max(1, 8 // many)]:
        for at in drawn(rng, [range((closed / path).stat().st_size)], max(1, many // 8)):
            damages.flip(path, at, rng.randrange(8), "file")
    record("flipped bits in data files and records", SQLITE_DISK, **damages.counts)
    assert damages.wrong == []
    assert damages.counts["found by verify"]


@few_and_many
def test_a_file_cut_short_or_gone_is_found(sea: Path, closed: Path, killed: Path, many: int):
    rng, counts = random.Random(many), Counter[str]()  # noqa: S311 - draws what is tried
    for sound in (closed, killed):
        damages = Damages(sound, sea / "copy")
        for path in [*files(sound)[:: max(3, 40 // many)], *(one.name for one in sound.glob("ledger.sqlite*"))]:
            size = (sound / path).stat().st_size
            for length in (
                {0, rng.randrange(size)} if many == 1 else {0, 1, rng.randrange(size), size // 8192 * 4096, size - 1}
            ):
                damages.damage(path, lambda data, length=length: data[:length], f"cut to {length} of {size}")
            damages.damage(path, lambda data: None, "gone")
        counts.update(damages.counts)
        assert damages.wrong == []
    record("truncated files", SQLITE_DISK, **counts)


def files(root: Path) -> list[str]:
    """Every file that is written once: segments, commit records, the format."""
    found = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return sorted(path for path in found if not path.startswith(("ledger.", "locks/")))
