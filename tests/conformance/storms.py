"""Kill storms: a child is killed at a random instant of its work, another one looks at what is left, again and again.

What lives here: the storm, its tally, and what must hold at its end. What does not: the work and the looking (``jobs``), how many (the tests).
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.conformance import jobs, looks
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.forks import Nursery

Job = Callable[..., None]

FEW = 4
"""Kills of a drizzle, for everybody's test run."""


@dataclass
class Storm:
    """Kills ``worker`` and has ``looker`` look, on one lake. ``tally`` counts what the lookers found."""

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
        for _ in range(kills):
            child = self.nursery.start(self.worker, self.backend, self.acked, rng.getrandbits(32))
            if rng.random() < 0.8:  # not while it opens the lake, this time
                child.hear()
            self._note(child.kill(after=rng.random() * longest))
            self._look()
            self.tally["trials"] += 1
        return self.tally

    def _time_of_work(self, rng: random.Random) -> float:
        """How long the worker takes for four things, seconds; the lake is not empty any more."""
        child = self.nursery.start(self.worker, self.backend, self.acked, rng.getrandbits(32))
        child.hear()
        before = time.monotonic()
        said = [child.hear() for _ in range(4)]
        took = time.monotonic() - before
        self._note([*said, *child.kill()])
        self._look()
        return took

    def _note(self, said: list[Any]) -> None:
        for one in said:
            match one:
                case int():
                    self.acked = one
                    self.tally["acked"] += 1
                case ["pin", name, number]:
                    self.pins[name] = number
                case ["drop", name]:
                    self.pins.pop(name, None)
                case _:
                    assert one == jobs.OPENED

    def _look(self) -> None:
        (found,) = self.nursery.run(self.looker, self.backend, self.acked, self.pins)
        assert self.acked <= found["generation"] + found["lost"]
        self.acked = found.pop("generation")
        self.tally.update(found)


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
