"""The ledger's SQLite file: raced for, forked with, its log kept in bounds, refused when it is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Verdict
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.sqlite_connections import LOG_BYTES
from qmd_platform.model.series import Partition, Series

ROOT = Path(__file__).parents[2]
PARTITION = Partition(Series.parse("binance:BTC/USDT:1m"), "2026-01")
OTHER = Partition(PARTITION.series, "2026-02")


def opened(folder: Path) -> Ledger:
    return Ledger.open(folder / "ledger.sqlite", folder / "commit.lock")


def commit(ledger: Ledger) -> int:
    return ledger.commit([], run_id="r", source="s")


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_was(tmp_path: Path):
    content = b"not a database, but as long as one would be" * 100
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(LedgerError, match="cannot be used"):
        opened(tmp_path)
    assert (tmp_path / "ledger.sqlite").read_bytes() == content


def test_processes_that_open_a_new_ledger_at_once_all_get_it(tmp_path: Path):
    program = """
import sys
from pathlib import Path
from qmd_platform.ledger.ledger import Ledger
sys.stdin.readline()
folder = Path(sys.argv[1])
ledger = Ledger.open(folder / "ledger.sqlite", folder / "commit.lock")
ledger.commit([], run_id="r", source="s")
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    for process in started:
        process.communicate("go\n")
    assert [process.returncode for process in started] == [0] * 4
    assert opened(tmp_path).last_commit() == 4


def test_alembic_is_imported_only_to_migrate(tmp_path: Path):
    opened(tmp_path)
    program = f"""
import sys
from pathlib import Path
from qmd_platform.ledger.ledger import Ledger
folder = Path({str(tmp_path)!r})
Ledger.open(folder / "ledger.sqlite", folder / "commit.lock").commit([], run_id="r", source="s")
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_a_process_that_wrote_leaves_the_log_to_close_and_readers_never_touch_it(tmp_path: Path):
    ledger, log = opened(tmp_path), tmp_path / "ledger.sqlite-wal"
    commit(ledger)
    size = log.stat().st_size
    assert size > 0
    assert opened(tmp_path).last_commit() == 1
    assert log.stat().st_size == size
    ledger.close()
    assert not log.exists() or not log.stat().st_size
    assert commit(ledger) == 2
    ledger.close()


def test_a_grown_log_is_moved_into_the_database_while_it_is_open(tmp_path: Path):
    ledger = opened(tmp_path)
    verdicts = [
        Verdict(PARTITION, str(n), "error", True, 0, "x" * 10_000, "", 0, 1) for n in range(LOG_BYTES // 10_000)
    ]
    ledger.record_verdicts(verdicts)
    before = (tmp_path / "ledger.sqlite").stat().st_size
    assert before > LOG_BYTES
    little = [Verdict(OTHER, "0", "error", True, 0, "[]", "", 0, 1)]
    ledger.record_verdicts(little)
    log = (tmp_path / "ledger.sqlite-wal").stat().st_size
    ledger.record_verdicts(little)
    assert (tmp_path / "ledger.sqlite-wal").stat().st_size == log  # begun anew inside the old file
    assert len(ledger.verdicts()) == len(verdicts) + 1
    ledger.close()


def test_a_forked_child_may_write_and_so_may_its_parent(tmp_path: Path):
    ledger = opened(tmp_path)
    commit(ledger)
    for _ in range(3):
        child = os.fork()
        if not child:
            code = 1
            try:
                commit(ledger)
                code = 0
            finally:
                os._exit(code)
        commit(ledger)
        assert os.waitpid(child, 0)[1] == 0
    assert ledger.last_commit() == 7
    ledger.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at open files in /proc")
def test_a_forked_child_inherits_no_open_database(tmp_path: Path):
    ledger = opened(tmp_path)
    commit(ledger)
    child = os.fork()
    if not child:
        code = 1
        try:
            mine = str(tmp_path.resolve())  # other tests of this process may have ledgers of their own open
            code = sum(str(link.resolve()).startswith(mine) for link in Path("/proc/self/fd").iterdir())
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    ledger.close()


def test_a_lock_is_given_up_by_a_process_that_dies(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    database.migrate()
    child = os.fork()
    if not child:
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO \"commit\" VALUES (1, 0, 'r', 's', '', NULL)")
            os._exit(0)
    os.waitpid(child, 0)
    ledger = Ledger(database)
    assert ledger.last_commit() == 0
    assert commit(ledger) == 1
    ledger.close()
