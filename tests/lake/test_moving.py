"""A lake moved to a team's servers and back: nothing is lost, wherever it is stopped."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake.moving import Moved, to_postgres, to_sqlite
from qmd_platform.lake.records import Records
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.journal import Entry
from tests.conformance.figures import tries
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put
from tests.servers import fresh_schema

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(postgres: str) -> str:
    return fresh_schema(postgres)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a lake with two months, one of them written twice."""
    return filled(tmp_path / "lake")


def filled(root: Path) -> Path:
    with Lake.open(root, world="live") as lake:
        write(lake, [0, 1, 2])
        put(lake, Write(FEBRUARY, candles_at([5], partition=FEBRUARY).to_arrow()))
        write(lake, [2, 3], price=7.0)
    return root


def write(lake: Lake, steps: list[int], price: float = 100.0) -> int:
    rows = candles_at(steps, price).to_arrow()
    return put(lake, Write(JANUARY, rows, (hours(steps[0], steps[-1] + 1),)))[0]


def content(lake: Lake) -> dict[str, object]:
    """What a reader sees, of now and of the past; proven sound first."""
    assert [finding for finding in lake.verify() if finding.is_damage] == []
    return {
        "lake": lake.place.lake,
        "world": lake.world,
        "states": lake.states(),
        "coverage": lake.coverage(JANUARY.series, JANUARY.window),
        "past": [lake.candles(JANUARY.series, as_of=n).close.tolist() for n in range(lake.ledger.last_commit() + 1)],
        "log": lake.ledger.log(),
    }


def held(root: Path, url: str | None = None, files: str | None = None) -> dict[str, object]:
    with Lake.open(root, postgres=url, files=files) as lake:
        return content(lake)


def silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def test_a_moved_ledger_has_everything_and_the_old_one_is_refused(root: Path, url: str):
    expected = held(root)
    moved = to_postgres(root, url, None, silent)
    assert (moved.commit, moved.files, moved.now) == (3, 0, True)
    assert held(root, url) == expected
    with pytest.raises(LedgerError, match="was moved to"):
        Lake.open(root)


def test_a_lake_of_a_team_carries_on(root: Path, url: str):
    to_postgres(root, url, None, silent)
    with Lake.open(root, postgres=url) as lake:
        assert write(lake, [9]) == 4
        assert content(lake)["past"][-1] == [100.0, 100.0, 7.0, 7.0, 100.0, 100.0]


def test_moving_again_says_that_it_was_done(root: Path, url: str):
    first = to_postgres(root, url, None, silent)
    # One row more: where the files are was noted after the rows had been counted.
    assert to_postgres(root, url, None, silent) == Moved(first.ledger, 3, first.rows + 1, 0, 0, 0, now=False)


def test_what_was_moved_can_be_moved_back(root: Path, url: str):
    to_postgres(root, url, None, silent)
    with Lake.open(root, postgres=url) as lake:
        write(lake, [9])
    expected = held(root, url)
    assert to_sqlite(root, url, None, silent).commit == 4
    assert held(root) == expected
    with pytest.raises(LedgerError, match="was moved to"):
        Lake.open(root, postgres=url)


def test_a_process_that_had_the_old_lake_open_loses_nothing(root: Path, url: str):
    with Lake.open(root) as early:
        to_postgres(root, url, None, silent)
        with pytest.raises(LedgerError, match="was moved to"):
            write(early, [9])
    with Lake.open(root, postgres=url) as lake:
        assert write(lake, [9]) == 4
    held(root, url)


@pytest.mark.minio
def test_a_commit_that_was_decided_and_not_completed_goes_along(root: Path, url: str, files_url: str):
    stop_after_the_record(root)
    moved = to_postgres(root, url, files_url, silent)
    assert moved.commit == 4
    assert held(root, url, files_url)["past"][-1] == [100.0, 100.0, 7.0, 7.0, 100.0, 100.0]


@pytest.mark.minio
def test_a_commit_that_is_decided_while_the_lake_is_moved_stops_the_move(root: Path, url: str, files_url: str):
    turns = iter([root])

    def meanwhile(what: str, done: int, total: int) -> None:
        if what == "files":
            for one in turns:
                stop_after_the_record(one)

    with pytest.raises(LedgerError, match="waits to be completed"):
        to_postgres(root, url, files_url, meanwhile)
    assert to_postgres(root, url, files_url, silent).commit == 4
    assert held(root, url, files_url)["past"][-1] == [100.0, 100.0, 7.0, 7.0, 100.0, 100.0]


def stop_after_the_record(root: Path) -> None:
    """Stop a writer between its commit's record and the commit."""
    keep = Records.keep

    def and_stop(self: Records, entry: Entry) -> None:
        keep(self, entry)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched, Lake.open(root) as lake:
        patched.setattr(Records, "keep", and_stop)
        with pytest.raises(KeyboardInterrupt):
            write(lake, [9])


@pytest.mark.minio
def test_the_files_go_with_the_ledger_and_come_back_with_it(root: Path, url: str, files_url: str, tmp_path: Path):
    expected = held(root)
    moved = to_postgres(root, url, files_url, silent)
    assert moved.files == moved.copied == 6  # three data files, three records
    assert held(root, url, files_url) == expected
    elsewhere = tmp_path / "another machine"
    assert held(elsewhere, url, files_url) == expected
    with Lake.open(elsewhere, postgres=url, files=files_url) as lake:
        write(lake, [9])
    expected = held(elsewhere, url, files_url)
    assert to_sqlite(root, url, files_url, silent).copied == 2
    assert held(root) == expected


@pytest.mark.minio
def test_files_may_follow_a_ledger_that_was_moved_before(root: Path, url: str, files_url: str):
    expected = held(root)
    to_postgres(root, url, None, silent)
    assert to_postgres(root, url, files_url, silent).copied == 6
    assert held(root, url, files_url) == expected


@pytest.mark.minio
def test_a_damaged_file_stops_the_move_before_the_switch(root: Path, url: str, files_url: str):
    with Lake.open(root) as lake:
        path = root / "data" / lake.ledger.segments()[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(LakeError, match="not those that were committed") as refused:
        to_postgres(root, url, files_url, silent)
    assert "nothing was moved" in refused.value.hint
    path.write_bytes(content)
    expected = held(root)
    to_postgres(root, url, files_url, silent)
    assert held(root, url, files_url) == expected


@pytest.mark.minio
@pytest.mark.parametrize("trials", [3, pytest.param(tries(20), marks=pytest.mark.slow)])
def test_killed_at_random_instants_and_run_again_nothing_is_lost(
    tmp_path: Path, postgres: str, files_url: str, trials: int
):
    begin = time.monotonic()
    to_postgres(filled(tmp_path / "rehearsal"), fresh_schema(postgres), f"{files_url}/rehearsal", silent)
    long = time.monotonic() - begin
    killed = 0
    for trial, wait in enumerate(np.random.default_rng(trials).uniform(0, long, trials)):
        root, url, files = filled(tmp_path / str(trial)), fresh_schema(postgres), f"{files_url}/{trial}"
        expected = held(root)
        killed += killed_mover(root, url, files, wait)
        if not is_moved(root):
            assert held(root) == expected
        to_postgres(root, url, files, silent)
        assert held(root, url, files) == expected
    assert killed


MOVER = """
import sys
from pathlib import Path
from qmd_platform.lake.moving import to_postgres
from tests.conformance.figures import tries
import obstore.store, psycopg2
print("ready", flush=True)
to_postgres(Path(sys.argv[1]), *sys.argv[2:], lambda what, done, total: None)
"""


def killed_mover(root: Path, url: str, files: str, wait: float) -> bool:
    """Move the lake in a process that is killed after ``wait`` seconds; whether it was not done by then."""
    # Not forked: an object store cannot be used by a child of a process that has used one.
    command = [sys.executable, "-c", MOVER, str(root), url, files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "ready\n"
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        process.kill()
    assert process.returncode in {0, -signal.SIGKILL}
    return process.returncode != 0


def is_moved(root: Path) -> bool:
    try:
        Lake.open(root).close()
    except LedgerError:
        return True
    return False
