"""Kill storms: a child is killed at a random instant of its work, another one looks at what is left, again and again.

What lives here: the storm, its tally, and what must hold at its end. What does not: the work (``jobs``), the looking
(``looks``), how many (the tests).
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.conformance import jobs, looks
from tests.conformance.backends import Backend
from tests.conformance.figures import is_patient, record
from tests.conformance.forks import Nursery

Job = Callable[..., None]

SEEDS = range(1, 5 if is_patient() else 2)
"""Four, each with its own instants; one where a sixth will do."""

FEW = 4
"""Kills of a drizzle, for everybody's test run."""


A_LAKE = 20
"""Kills, then the storm goes on over a new lake: what has to be looked at grows with every commit."""


@dataclass
class Storm:
    """Kills ``worker`` and has ``looker`` look. ``tally`` counts what was acknowledged, and what the lookers found."""

    nursery: Nursery
    backend: Backend
    worker: Job
    looker: Job
    seed: int
    acked: int = 0
    pins: dict[str, int] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)

    def rage(self, kills: int) -> Counter[str]:
        """So many kills, each at an instant drawn from the seed; the tally so far."""
        rng = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        longest = self._time_of_work(rng)
        for _ in range(kills - 1):
            child = self.nursery.start(self.worker, self.backend, self.acked, rng.getrandbits(32))
            if rng.random() < 0.8:  # not while it opens the lake, this time
                child.hear()
            self._look_after(child.kill(after=rng.random() * 1.5 * longest))
        return self.tally

    def _time_of_work(self, rng: random.Random) -> float:
        """How long the worker takes for four things, seconds. It is killed after them."""
        child = self.nursery.start(self.worker, self.backend, self.acked, rng.getrandbits(32))
        child.hear()
        before = time.monotonic()
        said = [child.hear() for _ in range(4)]
        took = time.monotonic() - before
        self._look_after([*said, *child.kill()])
        return took

    def _look_after(self, said: list[Any]) -> None:
        """Take in what a killed child had said, and look at what it left."""
        self.tally["trials"] += 1
        for one in said:
            self._note(one)
        (found,) = self.nursery.run(self.looker, self.backend, self.acked, self.pins, self.tally["trials"])
        self.acked = found.pop("generation")
        self.tally.update(found)

    def _note(self, said: Any) -> None:
        match said:
            case int():
                self.acked = said
                self.tally["acked"] += 1
            case ["pin", name, number]:
                self.pins[name] = number
            case ["drop", name]:
                self.pins.pop(name, None)
            case _:
                assert said == jobs.OPENED

    def rebuild(self) -> None:
        """AssertionError unless the ledger made from the files alone says the same as the one that is there."""
        (before,) = self.nursery.run(looks.tell_contents, self.backend)
        copy = self.backend.without_ledger()
        self.nursery.run(jobs.make_ledger, copy)
        (after,) = self.nursery.run(looks.tell_contents, copy)
        self.tally["rebuilt"] += 1
        assert after == before


def storms(storm: Storm, kills: int, name: str) -> Iterator[Storm]:
    """As many storms like ``storm`` as ``kills`` take, each on a lake of its own, each survived; counted at the end."""
    tally = Counter[str]()
    for start in range(0, kills, A_LAKE):
        one = replace(storm, backend=storm.backend.fresh(), seed=1000 * storm.seed + start, pins={}, tally=Counter())
        one.rage(min(A_LAKE, kills - start))
        one.rebuild()
        assert not any(count for what, count in one.tally.items() if what not in GOOD), one.tally
        yield one
        tally.update(one.tally)
    assert tally["trials"] == kills
    record(name, storm.backend.name, **tally)


GOOD = ("trials", "acked", "rebuilt", "verified")
"""Counts that are not failures."""
