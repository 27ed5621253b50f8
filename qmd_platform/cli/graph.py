"""Running the whole Dagster graph of a universe, with progress.

What lives here: what is still open, the workers on it, how far they are. What does not: the workers
(``cli.workers``), what a run does (``assets``).
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.cli import kit
from qmd_platform.cli.graph_progress import Partitions, watching
from qmd_platform.cli.workers import Outcome, Plan, working
from qmd_platform.config import Universe
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import ConfigError
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant, Window, iso, month_of, month_window, months

COVERAGE = "coverage"
"""The line that has the workers count and draw every venue's coverage."""

ACROSS = ("arbitrage", "simulation")
"""What the lines begin with that have them make the tables across venues; the month that follows is the first."""

LOOK_SECONDS = 0.5
"""How often the ledger is asked how far the workers are."""


def run(lake: Lake, universe: Universe, source: Path, env: dict[str, str]) -> list[Outcome]:
    """Run every asset of the universe, side by side; months that are complete are left out. What became of it.

    Args:
        lake: the workers' lake, to see how far they are.
        universe: what is to be there.
        source: the checkout.
        env: the workers' environment, as ``checkout.environment`` makes it.
    """
    now = time.time_ns() // 1_000_000
    if universe.start >= now:
        raise ConfigError(f"{universe.path}: start {iso(universe.start)} is in the future")
    todo = _Todo.of(lake, universe, now)
    outcomes: list[Outcome] = []
    plan = Plan(todo.runs(), at_last=todo.at_last())
    at_work = working(plan, outcomes.append, source=source, env=env, logs=Path(env["DAGSTER_HOME"]))
    with watching(plan.total) as watch, at_work as threads:

        def look() -> None:
            ended = tuple(outcomes)
            watch.look(ended, plan.at_work, list(todo.so_far({outcome.name for outcome in ended if outcome.ok})))

        try:
            while alive := [thread for thread in threads if thread.is_alive()]:
                alive[0].join(LOOK_SECONDS)
                look()
            look()
        except KeyboardInterrupt:
            kit.note("stopping the workers; what is committed stays, and the next run goes on from there")
            raise
    return outcomes


def series_of(universe: Universe, market: Market) -> list[Series]:
    """The candle series the universe keeps of ``market``: its base first, then from short to long."""
    venue = universe.venues[market.venue]
    return [Series.candles(market, step) for step in (venue.base, *sorted((*venue.native, *venue.derived)))]


@dataclass(frozen=True, slots=True)
class _Todo:
    """What was open when the run began, at ``now``."""

    lake: Lake
    universe: Universe
    now: Instant
    since: dict[Market, str]
    """The first month of each market of which something is not settled; at the latest the current one."""

    @classmethod
    def of(cls, lake: Lake, universe: Universe, now: Instant) -> "_Todo":
        """Ask the ledger."""
        return cls(
            lake, universe, now, {market: _first_open(lake, universe, market, now) for market in universe.markets}
        )

    def runs(self) -> dict[str, list[str]]:
        """What each venue's runs are: one a market from its first open month, or one for all when that is now.

        Starting a run costs more than bringing a month up to date, and less than filling several.
        """
        runs: dict[str, list[str]] = {}
        for name, venue in self.universe.venues.items():
            if {self.since[market] for market in venue.markets} == {month_of(self.now)}:
                runs[name] = [f"{name}:* {month_of(self.now)}"]
            else:
                runs[name] = [f"{market} {self.since[market]}" for market in venue.markets]
            if venue.perpetuals:
                runs[name].append(f"{name}:funding {self.universe.first_month}")
                runs[name].append(f"{name}:snapshots {month_of(self.now)}")
        return runs

    def at_last(self) -> list[str]:
        """What is made of all the others."""
        is_across = any(venue.perpetuals for venue in self.universe.venues.values())
        return [*(f"{table} {self.universe.first_month}" for table in ACROSS if is_across), COVERAGE]

    def so_far(self, finished: set[str]) -> Iterator[Partitions]:
        """How many partitions of each market were brought up to date since ``now``, of how many."""
        done = Counter(
            str(state.partition.series.market)
            for state in self.lake.states()
            if state.partition.series.is_candles and state.committed_at >= self.now
        )
        for market in self.universe.markets:
            open_months = months(Window(month_window(self.since[market]).start, self.now))
            total = sum(1 for _ in open_months) * len(series_of(self.universe, market))
            is_finished = not finished.isdisjoint({str(market), f"{market.venue}:*"})
            # Dagster's own records and the checks come after a partition's data: not whole before the run has ended.
            yield str(market), total if is_finished else min(done[str(market)], total - 1), total


def _first_open(lake: Lake, universe: Universe, market: Market, now: Instant) -> str:
    for month, part in months(Window(universe.start, now)):
        if any(to_fetch(part, lake.coverage(series, part)) for series in series_of(universe, market)):
            return month
    return month_of(now)
