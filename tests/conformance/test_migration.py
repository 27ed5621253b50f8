"""A lake of the first release is brought forward, whenever that is interrupted, and nothing of it is lost."""

import random
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.lake.sealing import seal
from tests.conformance import jobs, looks, making, oldlake
from tests.conformance.backends import SQLITE_DISK, Backend
from tests.conformance.conftest import BACKENDS
from tests.conformance.figures import record, tries
from tests.conformance.forks import Nursery


def old_lake(folder: Path) -> Backend:
    """A lake of format 1, untouched."""
    backend = Backend(SQLITE_DISK, folder / "lake").fresh()
    oldlake.unpacked(backend.root)
    return backend


def test_an_old_lake_is_read_sealed_and_read_again(tmp_path: Path):
    backend = old_lake(tmp_path)
    with backend.open() as lake:
        assert oldlake.differences(lake) == []
        assert lake.verify() == []
        before = {state.partition: state.data_version for state in lake.states()}
        sealed = seal(lake, run_id="r", now=making.far_future())
        assert sealed
        assert oldlake.differences(lake) == []
        assert lake.verify() == []
        assert set(before) == {state.partition for state in lake.states()}
    with backend.open() as lake:
        assert seal(lake, run_id="r", now=making.far_future()) == []


@pytest.mark.parametrize("kills", [3, pytest.param(tries(50), marks=pytest.mark.slow)])
def test_a_migration_killed_at_any_instant_is_finished_by_the_next(tmp_path: Path, nursery: Nursery, kills: int):
    rng = random.Random(kills)  # noqa: S311 - repeatable, not secret
    before = time.monotonic()
    nursery.run(jobs.migrate, old_lake(tmp_path))
    longest = time.monotonic() - before
    lost = 0
    for _ in range(kills):
        backend = old_lake(tmp_path)
        nursery.start(jobs.migrate, backend).kill(after=rng.random() * longest)
        (found,) = nursery.run(looks.look_at_old, backend)
        lost += bool(found)
        nursery.run(jobs.migrate, backend)
        (found,) = nursery.run(looks.look_at_old, backend)
        lost += bool(found)
        backend.wipe()
    record("kill storm, migration of an old lake", SQLITE_DISK, trials=kills, lost=lost)
    assert not lost


@pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)
@pytest.mark.parametrize("kills", [3, pytest.param(tries(25), marks=pytest.mark.slow)])
def test_a_move_to_servers_killed_at_any_instant_is_finished_by_the_next(
    tmp_path: Path, backend: Backend, nursery: Nursery, kills: int
):
    """At no instant are there two lakes that can be used, nor one that lacks something."""
    model = old_lake(tmp_path)
    nursery.run(jobs.migrate, model)
    rng = random.Random(kills)  # noqa: S311 - repeatable, not secret
    before = time.monotonic()
    nursery.run(jobs.move, *unmoved(model, backend))
    longest = time.monotonic() - before
    lost = double = 0
    for _ in range(kills):
        here, there = unmoved(model, backend)
        nursery.start(jobs.move, here, there).kill(after=rng.random() * longest)
        said = nursery.run(looks.look_at_both, here, there)
        lost += any(isinstance(one, list) and one for one in said)
        double += said.count([]) > 1
        nursery.run(jobs.move, here, there)
        before_it, after_it = nursery.run(looks.look_at_both, here, there)
        lost += after_it != []
        assert "moved" in before_it
        here.wipe()
    record("kill storm, move to servers", backend.name, trials=kills, lost=lost, double=double)
    assert not lost
    assert not double


def unmoved(model: Backend, backend: Backend) -> tuple[Backend, Backend]:
    """A copy of a lake on this machine, and where it is to be moved."""
    there = replace(backend, root=model.root).fresh()
    shutil.copytree(model.root, there.root)
    return replace(there, name=SQLITE_DISK, postgres=None, files=None), there
