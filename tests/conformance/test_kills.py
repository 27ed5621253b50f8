"""Whatever is killed, at whatever instant: every batch is there whole or not at all, and all that was acknowledged is.

P1, P2 and P3. The numbers of kills here and in ``test_migration`` add up to a thousand.
"""

import pytest

from tests.conformance import jobs, looks
from tests.conformance.backends import POSTGRES_DISK, POSTGRES_MINIO, SQLITE_DISK, Backend
from tests.conformance.figures import record
from tests.conformance.forks import Nursery
from tests.conformance.storms import Storm

FEW = 4
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]
"""Seed 0 is a drizzle for everybody's test run; each other one is a storm."""

WRITERS = {SQLITE_DISK: 75, POSTGRES_DISK: 25, POSTGRES_MINIO: 25}
KEEPERS = {SQLITE_DISK: 62, POSTGRES_DISK: 19, POSTGRES_MINIO: 19}
"""Kills a storm."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_writer_leaves_a_generation_whole_and_none_is_lost(backend: Backend, nursery: Nursery, seed: int):
    storm = Storm(nursery, backend, jobs.write_generations, looks.look_at_generations, seed)
    survives(storm, WRITERS[backend.name] if seed else FEW, "kill storm, writers")


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_sealing_vacuum_and_pinning_lose_nothing(backend: Backend, nursery: Nursery, seed: int):
    storm = Storm(nursery, backend, jobs.keep_house, looks.look_at_tails, seed)
    survives(storm, KEEPERS[backend.name] if seed else FEW, "kill storm, tails sealed, vacuumed, pinned")
    nursery.run(jobs.tidy_up, backend)


def survives(storm: Storm, kills: int, name: str) -> None:
    """Nothing is amiss after so many kills, and the ledger made from the files alone says the same."""
    tally = storm.rage(kills)
    (before,) = storm.nursery.run(looks.tell_contents, storm.backend)
    copy = storm.backend.without_ledger()
    storm.nursery.run(jobs.make_ledger, copy)
    (after,) = storm.nursery.run(looks.tell_contents, copy)
    record(name, storm.backend.name, **tally, rebuilt=1)
    assert tally["trials"] == kills
    assert not any(count for name, count in tally.items() if name not in {"trials", "acked"}), tally
    assert after == before
