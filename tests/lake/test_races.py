"""Many writers and readers at once: no update is lost, nobody sees half a commit."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmd_platform.errors import Conflict
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.records import Change, Outcome
from qmd_platform.model.candles import Candles
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
    generations = 25

    def write() -> None:
        for price in range(1, generations + 1):
            batch = [Write(part, candles_at([0, 1], price, part).to_arrow()) for part in (JANUARY, FEBRUARY)]
            put(lake, *batch)

    def read() -> list[float]:
        seen = [0.0]
        with Lake.open(tmp_path / "lake") as mine:
            while seen[-1] < generations:
                prices = set(mine.candles(JANUARY.series).close.tolist())
                assert len(prices) <= 1
                seen += prices
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read), pool.submit(read)]
        pool.submit(write).result()
    for reader in readers:
        assert reader.result() == sorted(reader.result())
    lake.close()


def test_threads_that_share_a_lake_lose_nothing(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda hour: put(lake, Write(JANUARY, candles_at([hour]).to_arrow())), range(24)))
        assert len(lake.candles(JANUARY.series)) == 24


def test_a_writer_whose_partition_moved_on_merges_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Another host does not share our merge locks: let one commit between our read and our commit.
    ours, theirs = Lake.open(tmp_path / "lake"), Lake.open(tmp_path / "lake")
    heads = ours.ledger.heads
    turns = [1, 2]

    def late(partitions: list) -> dict:
        known = heads(partitions)
        if turns:
            commit_past_the_locks(theirs, turns.pop(0))
        return known

    monkeypatch.setattr(ours.ledger, "heads", late)
    put(ours, Write(JANUARY, candles_at([0]).to_arrow()))
    assert ours.candles(JANUARY.series).equals(candles_at([0, 1, 2]))
    assert [finding.kind for finding in ours.verify()] == []
    ours.close()


def commit_past_the_locks(lake: Lake, hour: int) -> None:
    """What ``Lake.commit`` does, without its merge locks."""
    from qmd_platform.lake.writes import checked

    write = checked(Write(JANUARY, candles_at([hour]).to_arrow()))
    lake._attempt([write], "r", "s", None)


def test_a_stale_change_is_refused_and_takes_its_whole_batch_with_it(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        put(lake, Write(JANUARY, candles_at([0]).to_arrow()))

        def change(partition, seen: int) -> Change:  # noqa: ANN001 - a Partition
            return Change(Outcome(partition, seen + 1, 0, 0, 0, 0, 0, "", (), wrote=True), seen)

        with pytest.raises(Conflict, match="no longer at version 0"):
            lake.ledger.commit([change(FEBRUARY, 0), change(JANUARY, 0)], run_id="r", source="s")
        assert lake.ledger.last_commit() == 1
        assert lake.state(FEBRUARY) is None
        assert isinstance(lake.candles(JANUARY.series), Candles)
