"""The storm: parts of a running platform are killed in random order, then it is left alone.

What lives here: killing, looking, counting. What does not: the platform (``world``), how long (the test).
"""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import dagster as dg

from qmd_platform.model.series import Partition
from tests.recovery.world import World, wait_for

VICTIMS = {"worker": 12, "inner code server": 1, "code server": 1, "daemon": 2, "sandbox": 1, "webserver": 1}
"""Who is killed, and how often compared with the others that live. Sensor ticks die with the inner code server and the
daemon. Programs take seconds to start: were they killed more often than the workers, there would be no workers to kill."""

PAUSE_SECONDS = (2.0, 8.0)
"""Between two kills, where there is time."""

AWAY_SECONDS = (1.0, 10.0)
"""For how long a killed exchange stays away: everything else is started again by the platform."""

CRASHED = ("exit code -9", "is gone")
"""What the log of a run says whose process was killed."""


@dataclass
class Storm:
    """Kills in ``world`` what ``seed`` draws."""

    world: World
    seed: int
    pause: tuple[float, float] = PAUSE_SECONDS
    tally: Counter[str] = field(default_factory=Counter)

    def rage(self, seconds: float) -> None:
        """Kill for so long. The exchange is there again at the end."""
        rng = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        until = time.monotonic() + seconds
        back_at = 0.0
        while time.monotonic() < until:
            time.sleep(rng.uniform(*self.pause))
            if back_at and time.monotonic() > back_at:
                self.world.start_sandbox()
                back_at = 0.0
            living = [victim for victim in VICTIMS if self.world.pids(victim)]
            if not living:
                continue
            (victim,) = rng.choices(living, [VICTIMS[victim] for victim in living])
            killed = self.world.kill(victim)
            self.tally[f"{victim}s"] += killed
            self.tally["trials"] += killed
            if victim == "sandbox" and killed:
                back_at = time.monotonic() + rng.uniform(*AWAY_SECONDS)
            if not rng.randrange(6):
                self._lose_something(rng)
        if back_at:
            self.world.start_sandbox()

    def _lose_something(self, rng: random.Random) -> None:
        """Open a gap, so that there is always something to do."""
        with self.world.lake() as lake:
            held = [
                state.partition
                for state in lake.states()
                if state.partition.series.table == "candles_1m" and state.rows
            ]
        if held:
            self.world.lose(rng.choice(held))
            self.tally["months lost"] += 1

    def calm(self, seconds: float) -> None:
        """Wait until all has healed, and look whether it really has. AssertionError when it has not."""
        self.tally["seconds to heal"] = round(self.world.heal(seconds))
        healed_at = time.time()
        assert self.world.differences() == []
        with self.world.lake() as lake:
            assert not [finding for finding in lake.verify() if finding.is_damage]
        self._count_runs(healed_at)

    def _count_runs(self, until: float) -> None:
        """Of the runs made before ``until``: a schedule may have made one since."""
        with self.world.instance() as instance:
            slots = [
                slot.run_id
                for key in instance.event_log_storage.get_concurrency_keys()
                for slot in instance.event_log_storage.get_concurrency_info(key).claimed_slots
            ]
            records = instance.get_run_records()
        runs = [one.dagster_run for one in records if one.create_timestamp.timestamp() < until]
        assert {run.run_id for run in runs}.isdisjoint(slots)
        assert all(run.is_finished for run in runs)
        first = [run for run in runs if run.parent_run_id is None and "dagster/run_key" in run.tags]
        assert len({(run.tags.get("dagster/sensor_name"), run.tags["dagster/run_key"]) for run in first}) == len(first)
        self.tally["runs"] = len(runs)
        self.tally["runs failed"] = sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs)
        self.tally["runs started again"] = sum(run.parent_run_id is not None for run in runs)


def first_run(world: World) -> None:
    """Wait until the platform has begun to fill its lake."""

    def is_there() -> bool:
        return bool(world.pids("worker"))

    wait_for(is_there, 120, lambda: "no run was started")


def partitions_of(world: World) -> list[Partition]:
    """What the lake will hold at the end."""
    return world.partitions()
