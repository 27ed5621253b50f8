"""Sealing, vacuum and pins killed at any instant beside a growing tail: no row, no pin is lost, nothing is left (P1-P3, P12)."""

import pytest

from tests.conformance import jobs, looks
from tests.conformance.backends import POSTGRES_DISK, POSTGRES_MINIO, SQLITE_DISK, Backend
from tests.conformance.figures import tries
from tests.conformance.forks import Nursery
from tests.conformance.storms import FEW, SEEDS, Storm, storms

KILLS = {SQLITE_DISK: tries(62), POSTGRES_DISK: tries(19), POSTGRES_MINIO: tries(19)}
"""Of a seed."""


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS)])
def test_killed_sealing_vacuum_and_pinning_lose_nothing(backend: Backend, nursery: Nursery, seed: int):
    storm = Storm(nursery, backend, jobs.keep_house, looks.look_at_tails, seed)
    kills = KILLS[backend.name] if seed else FEW
    for survived in storms(storm, kills, "kill storm, tails sealed, vacuumed, pinned"):
        nursery.run(jobs.tidy_up, survived.backend)
