"""What a commit promises: all or nothing, twice is once, the past can be read again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from qmd_platform.errors import LakeError, LedgerError, WrongWorld
from qmd_platform.lake.place import file_system
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Rejected, Write
from qmd_platform.lake.writes import NOT_RECEIVED
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.model.window import Window
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(tmp_path / "lake") as opened:
        yield opened


def test_rows_written_are_read_back_and_counted(lake: Lake):
    written = candles_at([3, 1, 2])
    _, outcome = put(lake, Write(JANUARY, written.to_arrow()))
    assert lake.candles(JANUARY.series).equals(candles_at([1, 2, 3]))
    assert lake.read(JANUARY.series).column_names == ["open_at", "open", "high", "low", "close", "volume"]
    assert (outcome.new, outcome.changed, outcome.unchanged, outcome.rows, outcome.wrote) == (3, 0, 0, 3, True)
    state = lake.state(JANUARY)
    assert (state.version, state.rows, state.data_version) == (1, 3, outcome.data_version)
    assert (state.first, state.last) == (hours(1, 2).start, hours(3, 4).start)
    (file,) = (lake.root / "data" / JANUARY.folder).iterdir()
    assert file.stat().st_size == state.bytes
    assert file.name.startswith("20260101T010000Z-20260101T030000Z.v00000001.")


def test_the_same_write_twice_is_one_commit(lake: Lake):
    write = Write(JANUARY, candles_at([1, 2]).to_arrow(), asked=(hours(0, 4),))
    first, _ = put(lake, write)
    again, outcome = put(lake, write)
    assert again == first
    assert (outcome.new, outcome.changed, outcome.unchanged, outcome.wrote, outcome.version) == (0, 0, 2, False, 1)
    assert len(list((lake.root / "data").rglob("*.parquet"))) == 1
    assert len(lake.ledger.log()) == 1


def test_later_rows_win_and_earlier_commits_stay_readable(lake: Lake):
    first, one = put(lake, Write(JANUARY, candles_at([1, 2], 100.0).to_arrow()))
    second, other = put(lake, Write(JANUARY, candles_at([2, 3], 200.0).to_arrow()))
    third, _ = put(lake, Write(JANUARY, candles_at([3], 300.0).to_arrow(), replace=True))
    assert (other.new, other.changed, other.version) == (1, 1, 2)
    assert other.data_version != one.data_version
    read = {commit: lake.read(JANUARY.series, as_of=commit).column("close").to_pylist() for commit in (1, 2, 3)}
    assert read == {first: [100.0, 100.0], second: [100.0, 200.0, 200.0], third: [300.0]}
    with pytest.raises(LedgerError, match="no commit 4"):
        lake.read(JANUARY.series, as_of=4)


def test_coverage_says_what_is_there_what_is_not_and_why(lake: Lake):
    empty = Run(hours(4, 6), State.VERIFIED_EMPTY, "no trades")
    bad = Rejected(hours(7, 8).start, {"low": float("nan")}, "low is not a number")
    rows = candles_at([1, 2, 5]).to_arrow()
    _, outcome = put(lake, Write(JANUARY, rows, asked=(hours(0, 9),), explained=(empty,), rejected=(bad,)))
    expected = [
        Run(hours(0, 1), State.MISSING, NOT_RECEIVED),
        Run(hours(1, 3), State.PRESENT),
        Run(hours(3, 4), State.MISSING, NOT_RECEIVED),
        Run(hours(4, 5), State.VERIFIED_EMPTY, "no trades"),
        Run(hours(5, 6), State.PRESENT),
        Run(hours(6, 7), State.MISSING, NOT_RECEIVED),
        Run(hours(7, 8), State.QUARANTINED, "low is not a number"),
        Run(hours(8, 9), State.MISSING, NOT_RECEIVED),
    ]
    assert list(outcome.runs) == expected
    assert lake.coverage(JANUARY.series, hours(0, 20)) == expected
    assert lake.coverage(JANUARY.series, hours(9, 20)) == []
    assert str(lake.ledger.rejected(JANUARY)) == str([bad])


def test_asking_again_without_new_rows_changes_only_coverage(lake: Lake):
    nothing = candles_at([]).to_arrow()
    _, before = put(lake, Write(JANUARY, candles_at([0]).to_arrow()))
    _, after = put(lake, Write(JANUARY, nothing, asked=(hours(0, 2),)))
    assert (after.wrote, after.version, after.data_version) == (False, 2, before.data_version)
    assert [run.state for run in after.runs] == [State.PRESENT, State.MISSING]
    assert lake.state(JANUARY).first == hours(0, 1).start


def test_a_row_rejected_for_the_same_reason_again_is_no_news(lake: Lake):
    bad = Rejected(hours(7, 8).start, {"low": float("nan")}, "low is not a number")
    write = Write(JANUARY, candles_at([]).to_arrow(), asked=(hours(7, 8),), rejected=(bad,))
    first, _ = put(lake, write)
    assert put(lake, write)[0] == first


def test_rows_of_one_instant_that_contradict_each_other_are_all_kept_and_are_no_news_when_they_come_again(lake: Lake):
    at, nothing = hours(7, 8), candles_at([]).to_arrow()
    kept = (Rejected(at.start, {"low": 1.0}, "b"), Rejected(at.start, {"low": 2.0}, "b"), Rejected(at.start, {}, "a"))
    _, first = put(lake, Write(JANUARY, nothing, asked=(at,), rejected=kept))
    for again in (kept, kept[::-1], (*kept, *kept)):
        _, outcome = put(lake, Write(JANUARY, nothing, asked=(at,), rejected=again))
        assert (outcome.version, outcome.runs) == (first.version, first.runs)
    assert lake.ledger.rejected(JANUARY) == sorted(kept)
    _, outcome = put(lake, Write(JANUARY, nothing, asked=(at,), rejected=(Rejected(at.start, {"low": 3.0}, "b"),)))
    assert (outcome.version, len(lake.ledger.rejected(JANUARY))) == (first.version + 1, 4)


def test_a_replaced_partition_forgets_the_candles_it_lost(lake: Lake):
    put(lake, Write(JANUARY, candles_at([1, 2, 3]).to_arrow()))
    _, outcome = put(lake, Write(JANUARY, candles_at([2]).to_arrow(), replace=True))
    assert list(outcome.runs) == [Run(hours(2, 3), State.PRESENT)]
    _, outcome = put(lake, Write(JANUARY, candles_at([]).to_arrow(), replace=True))
    assert (outcome.rows, outcome.bytes, outcome.runs, outcome.wrote) == (0, 0, (), True)
    assert lake.verify() == []


def test_a_commit_with_one_bad_write_changes_nothing(lake: Lake):
    good = Write(JANUARY, candles_at([1]).to_arrow())
    bad = Write(FEBRUARY, candles_at([1]).to_arrow())
    with pytest.raises(LakeError, match="outside its month"):
        put(lake, good, bad)
    off_grid = candles_at([1], partition=FEBRUARY)
    off_grid.open_at[0] += 1
    with pytest.raises(LakeError, match="off the grid"):
        put(lake, good, Write(FEBRUARY, off_grid.to_arrow()))
    with pytest.raises(LakeError, match="twice"):
        put(lake, good, good)
    assert (lake.series(), lake.ledger.last_commit(), list((lake.root / "data").iterdir())) == ([], 0, [])


def test_a_key_is_committed_once_whatever_came_in_between(lake: Lake):
    first = Write(JANUARY, candles_at([1], 100.0).to_arrow())
    number, outcome = put(lake, first, idem_key="a")
    put(lake, Write(JANUARY, candles_at([1], 200.0).to_arrow()))
    assert put(lake, first, idem_key="a") == (number, outcome)
    assert lake.candles(JANUARY.series).close.tolist() == [200.0]
    with pytest.raises(LakeError, match="other partitions"):
        put(lake, Write(FEBRUARY, candles_at([]).to_arrow()), idem_key="a")


def test_a_key_counts_even_when_its_commit_changed_nothing(lake: Lake):
    first = Write(JANUARY, candles_at([1], 100.0).to_arrow())
    put(lake, first)
    put(lake, first, idem_key="b")
    put(lake, Write(JANUARY, candles_at([1], 200.0).to_arrow()))
    put(lake, first, idem_key="b")
    assert lake.candles(JANUARY.series).close.tolist() == [200.0]


def test_a_window_may_reach_over_months_and_is_half_open(lake: Lake):
    put(
        lake,
        Write(JANUARY, candles_at([742, 743]).to_arrow()),
        Write(FEBRUARY, candles_at([0, 1], partition=FEBRUARY).to_arrow()),
    )
    window = Window(hours(743, 744).start, hours(1, 2, FEBRUARY).start)
    assert lake.candles(JANUARY.series, window).open_at.tolist() == [window.start, FEBRUARY.window.start]
    assert lake.read(JANUARY.series, Window(0, 1)).num_rows == 0
    assert [state.partition.month for state in lake.states(JANUARY.series)] == ["2026-01", "2026-02"]


def test_instruments_are_replaced_whole(lake: Lake):
    partition = Partition(Series.instruments("binance"))
    blank = {field.name: None if field.nullable else "" for field in arrow_schema(INSTRUMENTS)}
    blank |= {"active": True, "contract_size": 1.0, "lot": 0.1}

    def listed(*symbols: str) -> pa.Table:
        return pa.Table.from_pylist([blank | {"symbol": one} for one in symbols], schema=arrow_schema(INSTRUMENTS))

    put(lake, Write(partition, listed("BTC/USDT", "OLD/USDT"), replace=True))
    _, outcome = put(lake, Write(partition, listed("ETH/USDT", "BTC/USDT"), replace=True))
    assert (outcome.new, outcome.unchanged, outcome.rows, outcome.runs) == (1, 1, 2, ())
    assert lake.read(partition.series).column("symbol").to_pylist() == ["BTC/USDT", "ETH/USDT"]
    assert lake.verify() == []


def test_a_lake_of_one_world_takes_nothing_of_the_other(tmp_path: Path):
    write = Write(JANUARY, candles_at([1]).to_arrow())
    with Lake.open(tmp_path, world="sandbox"):
        pass  # opening claims nothing
    with Lake.open(tmp_path, world="live") as live:
        put(live, write)
    with pytest.raises(WrongWorld, match="holds live data and takes no sandbox data"):
        Lake.open(tmp_path, world="sandbox")
    with Lake.open(tmp_path) as unnamed:
        with pytest.raises(WrongWorld):
            unnamed.claim_world("sandbox")
        unnamed.claim_world("live")


def test_an_opened_lake_notices_that_another_world_came_first(tmp_path: Path):
    with Lake.open(tmp_path, world="sandbox") as early:
        Lake.open(tmp_path).claim_world("live")
        with pytest.raises(WrongWorld):
            put(early, Write(JANUARY, candles_at([1]).to_arrow()))
        assert early.series() == []


def test_a_folder_that_cannot_hold_a_lake_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match=r"cannot keep a lake in .*file"):
        Lake.open(tmp_path / "file" / "lake")


@pytest.mark.parametrize(
    "said", ['{"format": "qmd-lake", "version": 3, "uuid": "x"}', '{"format": "x", "version": 1}', "[]", "{"]
)
def test_a_newer_or_foreign_format_is_refused_and_left_alone(tmp_path: Path, said: str):
    (tmp_path / "FORMAT.json").write_text(said)
    with pytest.raises(LakeError):
        Lake.open(tmp_path)
    assert (tmp_path / "FORMAT.json").read_text() == said
    assert not (tmp_path / "ledger.sqlite").exists()


def test_a_lake_that_lost_its_ledger_is_not_taken_for_an_empty_one(lake: Lake):
    put(lake, Write(JANUARY, candles_at([1]).to_arrow()))
    lake.close()
    for lose in (Path.unlink, Path.touch):  # gone, then cut to nothing
        lose(lake.root / "ledger.sqlite")
        with pytest.raises(LakeError, match=r"ledger\.sqlite is missing"):
            Lake.open(lake.root)


def test_a_network_file_system_is_recognised():
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/root rw\n"
        "30 22 0:50 / /mnt/team rw - nfs4 server:/team rw\n"
        "31 22 0:51 / /mnt/team\\040disk rw - ext4 /dev/sdb rw\n"
    )
    kinds = [file_system(Path(path), mounts) for path in ("/mnt/team/lake", "/mnt/team disk/lake", "/mnt/teams", "/")]
    assert kinds == ["nfs4", "ext4", "ext4", "ext4"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from qmd_platform.errors import QmdError
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
import numpy as np

def write(month, n):
    partition = Partition(Series.parse("binance:BTC/USDT:1m"), month)
    open_at = partition.window.start + np.arange(n) * 60_000
    return [Write(partition, Candles(open_at, *np.random.default_rng(7).random((5, n))).to_arrow())]

lake = Lake.open(Path(sys.argv[1]))
lake.commit(write("2026-01", 1), run_id="r", source="s")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    lake.commit(write("2026-02", int(sys.argv[2])), run_id="r", source="s")
except QmdError as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print([finding.kind for finding in lake.verify()], [state.rows for state in lake.states()])
lake.commit(write("2026-02", int(sys.argv[2])), run_id="r", source="s")
print([state.rows for state in lake.states()])
"""


@pytest.mark.parametrize(
    ("rows", "says", "left"),
    [(5000, "LakeError cannot write", "[]"), (1, "LedgerError commit 2 is decided", "['orphan']")],
)
def test_a_disk_that_is_full_fails_the_commit_and_nothing_else(tmp_path: Path, rows: int, says: str, left: str):
    # No file may grow beyond 4 kB for a while: the segment hits that, or, if it is small, the ledger's log.
    program = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(rows)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    failure, then, later = done.stdout.splitlines()
    assert failure.startswith(says)
    assert (then, later) == (f"{left} [1]", f"[1, {rows}]")


def test_what_a_commit_was_for_is_kept(lake: Lake):
    put(lake, Write(JANUARY, candles_at([1, 2]).to_arrow()))
    lake.commit([Write(JANUARY, candles_at([2, 3], 9.0).to_arrow())], run_id="run-2", source="sandbox:binance")
    last, first = lake.ledger.log(JANUARY.series)
    assert (last.run_id, last.source, last.new, last.changed) == ("run-2", "sandbox:binance", 1, 1)
    assert (first.new, first.partitions) == (2, 1)
    assert lake.ledger.log(Series.instruments("gate")) == []
    (file,) = (path for path in (lake.root / "data").rglob("*.parquet") if ".v00000002." in path.name)
    notes = json.loads(pa.parquet.read_metadata(file).metadata[b"qmd"])
    assert (notes["run_id"], notes["partition"], notes["version"]) == ("run-2", JANUARY.folder, 2)


def test_writing_reading_and_verifying_import_no_pandas(tmp_path: Path):
    program = f"""
import sys
from pathlib import Path
from qmd_platform.lake.store import Lake, Write
from tests.lake.making import JANUARY, candles_at, put
with Lake.open(Path({str(tmp_path)!r})) as lake:
    put(lake, Write(JANUARY, candles_at([2, 1]).to_arrow()))
    put(lake, Write(JANUARY, candles_at([3]).to_arrow()))
    print(lake.read(JANUARY.series).num_rows, lake.verify(), "pandas" in sys.modules)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "3 [] False\n"
