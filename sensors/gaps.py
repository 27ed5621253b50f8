"""The coverage-gap sensor: what the ledger lacks is asked for, and nothing twice.

What lives here: a venue's tick, each decision a line of its log. What does not: what is a gap and which are asked for
first (``qmd_platform.ingest.agenda``), what is in flight (``sensors.flights``), the runs (``sensors.wishes``).

A tick remembers nothing. What was asked is in the lake, what is being asked are Dagster's runs; so a tick that is killed
midway loses nothing, and the next one doubles nothing. Dagster starts no second run under a run key that it has seen, so
a key has in it how often runs for the same gap have ended and left it as it was.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.candles import key_of
from assets.partitions import markets_of
from qmd_platform.config import Universe, VenueUniverse, load_universe, open_lake, venue_url, world
from qmd_platform.coverage.agenda import Lacking, agenda
from qmd_platform.coverage.ranges import Range, Verdict
from qmd_platform.ingest.agenda import lacking
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.window import Instant, Window, iso, months
from sensors.flights import Field, Flights
from sensors.schedules import UNFINISHED, default_status
from sensors.untold import untold
from sensors.wishes import VENUE_TAG, Wish, fetching, in_vain, making, partitions

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake

EVERY_SECONDS = 30
BUDGET = 1_000
"""Requests that one tick may cause at its venue."""

RUNS_AT_ONCE = 4
"""Unfinished runs of one venue's gaps. More would wait in the queue while newer gaps open."""

GRAIN_MS = 300_000
"""The newest candles become a gap this often, so that no run is started for a single one."""

LINES = 200
"""Decisions that a tick's log lists; all are counted."""

ROUNDS = 5
"""How often an agenda is made again without what has to wait. What then still waits is left for the next tick."""


def gap_sensor(venue: VenueUniverse, job: Job, universe: Universe) -> dg.SensorDefinition:
    """The sensor of one venue; ``job`` fills all its candle tables."""

    @dg.sensor(
        name=f"{venue.venue}_gaps",
        job=job,
        description=f"Asks {venue.venue} for the candles that the lake lacks: newest first, the fewest ranges, nothing "
        "twice. Each decision is in the tick's log.",
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus(default_status().value),
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        slugs = context.instance.get_dynamic_partitions(str(markets_of(venue.venue).name))
        if not slugs:
            return dg.SkipReason(f"no market partitions yet: the universe sensor adds those of {venue.venue}")
        with open_lake() as lake:
            if lake.world not in {None, world(venue_url())}:
                return dg.SkipReason(f"the lake holds {lake.world} data, and the venues are {world(venue_url())}")
            return _Tick(context, lake, _as_it_is_now(venue, universe), slugs, str(job.name)).result()

    return tick


def _as_it_is_now(venue: VenueUniverse, universe: Universe) -> Universe:
    """The one venue; its markets as the universe file has them now, its timeframes as the assets were made."""
    now = load_universe(universe.path).venues.get(venue.venue)
    markets = now.markets if now else ()
    return replace(universe, venues={venue.venue: replace(venue, markets=markets)})


@dataclass(slots=True)
class _Tick:
    """One look at one venue."""

    context: dg.SensorEvaluationContext
    lake: "Lake"
    universe: Universe
    slugs: Sequence[str]
    job: str
    said: int = 0

    def result(self) -> dg.SensorResult | dg.SkipReason:
        """The runs to start, or why there are none."""
        now = time.time_ns() // 1_000_000
        instance = self.context.instance
        field = self._field(now)
        flights = field.flights(instance)
        wishes, left = self._chosen(field, flights, now)
        unfinished = dg.RunsFilter(statuses=UNFINISHED, tags={VENUE_TAG: field.venue})
        room = max(RUNS_AT_ONCE - instance.get_runs_count(unfinished), 0)
        vain = in_vain(instance, wishes[:room])
        for wish in wishes[:room]:
            self._say(wish.why + (f" (again: {vain[wish.key].ends} runs ended in vain)" if vain[wish.key].ends else ""))
        for wish in wishes[room:]:
            self._say(f"{wish.why}, but later: {RUNS_AT_ONCE} runs of {field.venue}'s gaps are enough at once")
        for one in left:
            self._say(_sentence(one, flights))
        if self.said > LINES:
            self.context.log.info("and %d decisions more", self.said - LINES)
        if requests := [wish.request(vain[wish.key].ends) for wish in wishes[:room]]:
            return dg.SensorResult(run_requests=requests)
        return dg.SkipReason(_summary(wishes, left))

    def _field(self, now: Instant) -> Field:
        (venue,) = self.universe.venues.values()
        steps = (venue.base, *venue.native, *venue.derived)
        known = [month for month, _ in months(Window(self.universe.start, max(now, self.universe.start + 1)))]
        return Field(venue.venue, self.slugs, known, [key_of(venue, step).path[-1] for step in steps], self.job)

    def _chosen(self, field: Field, flights: Flights, now: Instant) -> tuple[list[Wish], list[Range]]:
        """The runs to start, newest months first, and the ranges that are left."""
        (venue,) = self.universe.venues.values()
        order = [Market.from_slug(slug) for slug in self.slugs]
        found = lacking(self.lake, self.universe, now=now, venue_time=now // GRAIN_MS * GRAIN_MS)
        found = [one for one in found if one.series.market in order]
        busy = set(flights)
        wishes: list[Wish] = []
        left: list[Range] = []
        for _ in range(ROUNDS):
            wishes, left = _planned(venue, found, order, busy, now)
            seen = busy | partitions(wishes)
            wishes += untold(self.context.instance, self.lake, venue, field.tables, order, field.months, leave=seen)
            vain = in_vain(self.context.instance, wishes)
            waiting = [wish for wish in wishes if vain[wish.key].due_at > now]
            if not waiting:
                break
            for wish in waiting:
                ended = vain[wish.key]
                self._say(f"{wish.why}, but not before {iso(ended.due_at)}: {ended.ends} runs ended in vain")
            wishes = [wish for wish in wishes if wish not in waiting]
            busy |= partitions(waiting)
        return wishes, left

    def _say(self, line: str) -> None:
        self.said += 1
        if self.said <= LINES:
            self.context.log.info("%s", line)


def _planned(
    venue: VenueUniverse, found: Sequence[Lacking], order: Sequence[Market], busy: set[Partition], now: Instant
) -> tuple[list[Wish], list[Range]]:
    """What is fetched, then what can be made of candles that are there already."""
    made = {key_of(venue, step).path[-1] for step in venue.derived}
    to_fetch = [one for one in found if one.series.table not in made]
    fetch = agenda(to_fetch, now=now, budget=BUDGET, in_flight=busy, order=order)
    wishes = fetching(venue, fetch.ranges)
    to_make = [one for one in found if one.series.table in made]
    make = agenda(to_make, now=now, budget=BUDGET, in_flight=busy | partitions(wishes), order=order)
    return [*wishes, *making(venue, make.ranges)], [*fetch.left, *make.left]


def _sentence(one: Range, flights: Flights) -> str:
    """The range's own, and who is at it."""
    if one.verdict is not Verdict.IN_FLIGHT:
        return one.sentence
    at_it = sorted({flights[partition] for partition in one.partitions if partition in flights})
    return f"{one.sentence} ({', '.join(at_it) or 'one that is asked for now'})"


def _summary(wishes: Sequence[Wish], left: Sequence[Range]) -> str:
    """Why no run is started."""
    if wishes:
        return f"{len(wishes)} more runs wait until there is room: {RUNS_AT_ONCE} are enough at once"
    candles = {verdict: sum(one.candles for one in left if one.verdict is verdict) for verdict in Verdict}
    due = min((one.due_at for one in left if one.verdict is Verdict.WAIT and one.due_at is not None), default=None)
    said = {
        Verdict.IN_FLIGHT: "that runs are at",
        Verdict.WAIT: f"that are not asked again before {iso(due)}" if due is not None else "that wait",
        Verdict.NEVER: "that no API has",
    }
    told = [f"{candles[verdict]:,} {what}" for verdict, what in said.items() if candles[verdict]]
    return (
        f"nothing to ask for now; of the candles that are not there {', '.join(told)}" if told else "nothing is missing"
    )
