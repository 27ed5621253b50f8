"""What this room looks with can see: a torn, lost or doubled batch is counted, a child that fails is heard."""

import json
import signal
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake, Write
from tests.conformance import checks, figures, jobs, making, report
from tests.conformance.backends import SQLITE_DISK, Backend
from tests.conformance.forks import ChildFailed, Emit, Nursery


@pytest.fixture
def here(tmp_path: Path) -> Backend:
    """A lake on this machine."""
    return Backend(SQLITE_DISK, tmp_path / "lake")


def put(lake: Lake, *writes: Write) -> None:
    lake.commit(writes, run_id="r", source="s")


def test_half_a_generation_is_torn(here: Backend):
    with here.open() as lake:
        put(lake, *making.generation(1))
        assert checks.generations(lake, 1) == checks.Sight(generation=1, torn=False, lost=False, doubled=0, coverage=0)
        put(lake, *making.generation(2)[:2])
        assert checks.generations(lake, 1)["torn"]


def test_a_cause_of_another_generation_than_its_rows_is_torn(here: Backend):
    with here.open() as lake:
        put(lake, *making.generation(1))
        second = making.generation(2)[0]
        put(lake, Write(second.partition, second.rows.slice(0, 0), second.asked, second.explained))
        assert checks.generations(lake, 1)["torn"]
        assert not checks.generations(lake, 1, with_causes=False)["torn"]


def test_a_generation_that_was_acknowledged_and_is_not_there_is_lost(here: Backend):
    with here.open() as lake:
        put(lake, *making.generation(1))
        assert checks.generations(lake, 2)["lost"]


def test_rows_beside_a_generations_own_are_doubled(here: Backend):
    with here.open() as lake:
        put(lake, *making.generation(1))
        partition = next(iter(making.GENERATION))
        put(lake, Write(partition, making.level([making.steps_of(partition, 3, 4).start], 1.0).to_arrow()))
        assert checks.generations(lake, 1)["doubled"]


def test_a_tail_that_is_not_whole_is_torn_and_one_that_is_gone_is_lost(here: Backend):
    with here.open() as lake:
        put(lake, *making.tail(1))
        put(lake, *making.tail(2))
        assert checks.tails(lake, 2) == checks.Sight(generation=2, torn=0, lost=False, doubled=0, coverage=0)
        assert checks.tails(lake, 3)["lost"]
        put(lake, making.tail(3)[0])
        assert checks.tails(lake, 2)["torn"]


def fail(emit: Emit, backend: Backend) -> None:
    emit("so far")
    raise ValueError("no further")


def test_a_child_that_fails_is_heard(here: Backend, nursery: Nursery):
    child = nursery.start(fail, here)
    assert child.hear() == "so far"
    with pytest.raises(ChildFailed, match="no further"):
        child.rest()


def test_a_killed_childs_words_are_heard_and_no_others(here: Backend, nursery: Nursery):
    child = nursery.start(jobs.write_generations, here, 0, 1)
    assert [child.hear() for _ in range(3)] == [jobs.OPENED, 1, 2]
    said = child.kill()
    assert said == list(range(3, 3 + len(said)))
    assert child.end() == -signal.SIGKILL


def test_lines_of_the_same_name_are_added_up_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(figures.FOLDER, str(tmp_path))
    for _ in range(2):
        figures.record("kill storm, writers", SQLITE_DISK, trials=500, acked=1000, lost=0, doubled=1, reads=3)
    figures.record("something new", "elsewhere", trials=7)
    found = report.read(tmp_path)
    assert report.kills(found) == 1000
    page = report.page(found)
    assert "| kill storm, writers | sqlite+disk | 1,000 | 2,000 | 0 |  | 2 |  | reads 6 |" in page
    assert "| something new | elsewhere | 7 |" in page.partition("## Also counted")[2]
    assert "1,000 processes killed in storms, 2,000 commits acknowledged; 0 lost, 0 torn, 2 double" in page
    assert json.loads(next(tmp_path.glob("*.jsonl")).read_text().splitlines()[0])["trials"] == 500


def test_the_page_makes_every_promise_and_its_tests_are_there():
    page = report.PAGE.read_text("utf-8")
    assert [promise.number for promise in report.PROMISES if report.heading(promise) not in page] == []
    assert report.LIMITS in page
    named = {test for promise in report.PROMISES for test in promise.tests}
    here = Path(__file__).parent
    there = [name for name in named if (here / f"{name}.py").exists() or (here.parent / f"{name}.py").exists()]
    assert sorted(named) == sorted(there)
