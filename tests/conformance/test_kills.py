"""A writer killed at any instant: every batch is there whole or not at all, and all that was acknowledged is (P1-P3).

The numbers of kills here, in ``test_kills_of_upkeep`` and in ``test_migration`` add up to a thousand and a few
where docs/reliability.md is written (``make reliability``), and to a sixth of it elsewhere.
"""

import pytest

from tests.conformance import jobs, looks
from tests.conformance.backends import POSTGRES_DISK, POSTGRES_MINIO, SQLITE_DISK, Backend
from tests.conformance.figures import tries
from tests.conformance.forks import Nursery
from tests.conformance.storms import FEW, SEEDS, Storm, storms

KILLS = {SQLITE_DISK: tries(75), POSTGRES_DISK: tries(25), POSTGRES_MINIO: tries(25)}
"""Of a seed."""


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS)])
def test_a_killed_writer_leaves_a_generation_whole_and_none_is_lost(backend: Backend, nursery: Nursery, seed: int):
    storm = Storm(nursery, backend, jobs.write_generations, looks.look_at_generations, seed)
    kills = KILLS[backend.name] if seed else FEW
    assert list(storms(storm, kills, "kill storm, writers"))
