"""Many writers and readers at once: no update is lost, nobody sees half a commit."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from qmd_platform.errors import Conflict
from qmd_platform.lake.blobs import LocalBlobs
from qmd_platform.lake.place import Place
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Change, Head, Outcome
from qmd_platform.model.series import Partition
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from qmd_platform.lake.store import Lake, Write
from tests.lake.making import candles_at, JANUARY, put
first, count, step = map(int, sys.argv[2:])
sys.stdin.readline()
with Lake.open(Path(sys.argv[1])) as lake:
    for hour in range(first, first + count * step, step):
        put(lake, Write(JANUARY, candles_at([hour]).to_arrow()))
"""


def race(lake: Path, writers: int, rows: int) -> None:
    """``writers`` processes, each committing ``rows`` rows of its own, one by one, to one partition."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(lake), str(number), str(rows), str(writers)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for program in programs:
        program.communicate("go\n")
    assert [program.returncode for program in programs] == [0] * writers


@pytest.mark.parametrize(("writers", "rows"), [(4, 12), pytest.param(8, 80, marks=pytest.mark.slow)])
def test_racing_writers_of_one_partition_lose_nothing(tmp_path: Path, writers: int, rows: int):
    # They also race to create the lake.
    race(tmp_path / "lake", writers, rows)
    with Lake.open(tmp_path / "lake") as lake:
        assert lake.candles(JANUARY.series).equals(candles_at(list(range(writers * rows))))
        assert lake.state(JANUARY).version == writers * rows
        assert [run.window for run in lake.coverage(JANUARY.series, JANUARY.window)] == [hours(0, writers * rows)]
        assert lake.verify() == []


def test_a_reader_sees_all_of_a_commit_or_nothing(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    is_over = Event()

    def write() -> None:
        try:
            for price in range(1, 26):
                put(lake, *(Write(part, candles_at([0, 1], price, part).to_arrow()) for part in (JANUARY, FEBRUARY)))
        finally:
            is_over.set()

    def read() -> list[float]:
        seen: list[float] = []
        with Lake.open(tmp_path / "lake") as mine:
            while not is_over.is_set() or not seen:
                prices = mine.candles(JANUARY.series).close.tolist()
                assert prices in ([], prices[:1] * 4)
                seen += prices[:1]
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read), pool.submit(read)]
        pool.submit(write).result()
        assert all(reader.result() == sorted(reader.result()) for reader in readers)
    assert set(lake.candles(JANUARY.series).close.tolist()) == {25.0}
    lake.close()


def test_threads_that_share_a_lake_lose_nothing(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda hour: put(lake, Write(JANUARY, candles_at([hour]).to_arrow())), range(24)))
        assert len(lake.candles(JANUARY.series)) == 24


class OtherHost(Place):
    """The same lake, as seen by a machine that does not share our merge locks."""

    def stripe(self, partition: str) -> Path:
        return self.root / "locks" / "other.lock"


def test_a_writer_whose_partition_moved_on_merges_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = OtherHost.prepared(tmp_path / "lake")
    ours, theirs = (
        Lake.open(place.root),
        Lake(place, Ledger.open(place.ledger, place.commit_lock), LocalBlobs(place.data)),
    )
    heads = ours.ledger.heads
    turns = [1, 2]

    def slow(partitions: list[Partition]) -> dict[Partition, Head]:
        """Between our read and our commit they commit, twice."""
        known = heads(partitions)
        if turns:
            put(theirs, Write(JANUARY, candles_at([turns.pop()]).to_arrow()))
        return known

    monkeypatch.setattr(ours.ledger, "heads", slow)
    put(ours, Write(JANUARY, candles_at([0]).to_arrow()))
    assert ours.candles(JANUARY.series).equals(candles_at([0, 1, 2]))
    assert ours.verify() == []
    ours.close()
    theirs.close()


def test_a_stale_change_is_refused_and_takes_its_whole_batch_with_it(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        put(lake, Write(JANUARY, candles_at([0]).to_arrow()))

        def change(partition: Partition, seen: int) -> Change:
            return Change(Outcome(partition, seen + 1, 0, 0, 0, 0, 0, "", (), wrote=True), seen)

        with pytest.raises(Conflict, match="no longer at version 0"):
            lake.ledger.commit([change(FEBRUARY, 0), change(JANUARY, 0)], run_id="r", source="s")
        assert lake.ledger.last_commit() == 1
        assert lake.state(FEBRUARY) is None
