"""Many processes at once: no update is lost, versions have an order, nobody sees half a commit (P1, P3, P4)."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from qmd_platform.lake.store import Write
from tests.conformance import looks, making, racers
from tests.conformance.backends import Backend
from tests.conformance.figures import is_patient, record
from tests.conformance.forks import Nursery
from tests.conformance.history import Operation, broken
from tests.conformance.storms import Job

WRITERS = [4, *([pytest.param(8, marks=pytest.mark.slow)] if is_patient() else [])]
EACH = 5
"""Commits of every writer."""

BAD = ("torn", "lost", "doubled", "coverage", "damaged")

START_S = 0.2
"""Until the children of a race begin. The first race to make the lake as well."""


@pytest.mark.parametrize(
    "job", [racers.write_rows, racers.write_rows_elsewhere], ids=["one machine", "several machines"]
)
@pytest.mark.parametrize("writers", WRITERS)
def test_writers_of_one_partition_lose_nothing(backend: Backend, nursery: Nursery, writers: int, job: Job):
    rows, start = EACH * writers, time.monotonic() + START_S
    reader = nursery.start(racers.read_versions, backend, start, 0)
    children = [nursery.start(job, backend, start, 0, list(range(number, rows, writers))) for number in range(writers)]
    writes = [one for child in children for one in operations(child.rest())]
    reads = operations(reader.kill())
    assert broken(writes, reads) == []
    (found,) = nursery.run(looks.tell_rows, backend, 0)
    assert found == {"rows": list(range(rows)), "coverage": 0, "damaged": 0}
    counts = {"trials": writers, "acked": len(writes), "lost": 0, "reads": len(reads)}
    record("race, writers of one partition", backend.name, **counts)


@pytest.mark.parametrize("writers", WRITERS)
def test_writers_of_different_partitions_lose_nothing(backend: Backend, nursery: Nursery, writers: int):
    rows, start, parts = EACH * writers, time.monotonic() + START_S, len(making.GENERATION)
    steps = [list(range(number, rows, writers)) for number in range(writers)]
    children = [
        nursery.start(racers.write_rows, backend, start, number % parts, mine) for number, mine in enumerate(steps)
    ]
    told = [operations(child.rest()) for child in children]
    for part in range(parts):
        assert broken([one for mine in told[part::parts] for one in mine]) == []
        (found,) = nursery.run(looks.tell_rows, backend, part)
        assert found == {"rows": sorted(chain(*steps[part::parts])), "coverage": 0, "damaged": 0}
    counts = {"trials": writers, "acked": sum(map(len, told)), "lost": 0}
    record("race, writers of different partitions", backend.name, **counts)


@pytest.mark.parametrize("writers", WRITERS)
def test_nobody_sees_half_of_a_batch(backend: Backend, nursery: Nursery, writers: int):
    """Writers of the same rows of three partitions, readers, sealing, vacuum and pins, all at once."""
    start = time.monotonic() + START_S
    readers = [nursery.start(racers.read_generations, backend, start) for _ in range(2)]
    keeper = nursery.start(racers.seal_and_vacuum, backend, start)
    pinner = nursery.start(racers.pin_and_read, backend, start)
    numbers = [list(range(number, EACH * writers + 1, writers)) for number in range(1, writers + 1)]
    children = [nursery.start(racers.race_generations, backend, start, mine) for mine in numbers]
    writes = [one for child in children for one in operations(child.rest())]
    assert broken(writes) == []
    sights = [sight for reader in readers for sight in reader.kill()]
    pins, rounds = pinner.kill(), keeper.kill()
    assert all(pins)
    assert sights
    (found,) = nursery.run(looks.look_at_the_end_of_a_race, backend)
    bad = {name: sum(sight.get(name, 0) for sight in [*sights, found]) for name in BAD}
    counts = {"trials": writers, "acked": len(writes), "reads": len(sights), "pins": len(pins), "vacuums": len(rounds)}
    record("race, readers beside writers, sealing, vacuum, pins", backend.name, **counts, **bad)
    assert not any(bad.values())


@pytest.mark.parametrize("writers", WRITERS)
def test_a_batch_made_by_all_under_one_key_is_made_once(backend: Backend, nursery: Nursery, writers: int):
    start = time.monotonic() + START_S
    children = [nursery.start(racers.write_same_key, backend, start, number) for number in range(writers)]
    said = [child.rest() for child in children]
    assert said == [[1, 2, 3]] * writers
    (found,) = nursery.run(looks.look_at_generations, backend, 3, {})
    assert (found["generation"], found["verified"]) == (3, 1)
    assert not any(found[name] for name in BAD)
    record("race, the same keys", backend.name, trials=writers, acked=3 * writers, lost=0, double=0)


def test_threads_that_share_a_lake_lose_nothing(backend: Backend):
    partition = next(iter(making.GENERATION))

    def write(step: int) -> None:
        rows = making.level([making.steps_of(partition, step, step + 1).start], 1.0).to_arrow()
        lake.commit([Write(partition, rows)], run_id="r", source="s")

    with backend.open() as lake:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(24)))
        assert len(lake.candles(partition.series)) == 24
        assert lake.verify() == []


def operations(said: list[list[float]]) -> list[Operation]:
    """What children said, as operations."""
    return [Operation(start, end, int(version)) for start, end, version in said]
