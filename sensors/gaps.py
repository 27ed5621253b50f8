"""The coverage-gap sensor: what the ledger lacks is asked for, and nothing twice.

What lives here: a venue's tick, each decision a line of its log. What does not: what is a gap and which are asked for
first (``qmd_platform.ingest.agenda``), what is in flight (``sensors.flights``), the runs (``sensors.wishes``).

What was asked is in the lake, what is being asked are Dagster's runs; a tick remembers only that there was nothing to do
(``sensors.quiet``). So one that is killed midway loses nothing, and the next one doubles nothing. Dagster starts no
second run under a run key that it has seen, so a key has in it how often runs for the same gap have ended.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from assets.candles import key_of
from assets.partitions import markets_of
from qmd_platform.config import Universe, VenueUniverse, load_universe, open_lake, venue_url, world
from qmd_platform.coverage.agenda import Lacking, agenda
from qmd_platform.coverage.ranges import Range, Verdict
from qmd_platform.ingest.agenda import lacking
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant, Window, iso, months
from sensors.flights import Field
from sensors.quiet import Quiet
from sensors.schedules import UNFINISHED, default_status
from sensors.settings import gap_seconds
from sensors.untold import untold
from sensors.wishes import VENUE_TAG, Wish, fetching, in_vain, making, partitions

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake

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
        minimum_interval_seconds=gap_seconds(),
        default_status=dg.DefaultSensorStatus(default_status().value),
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        slugs = context.instance.get_dynamic_partitions(str(markets_of(venue.venue).name))
        if not slugs:
            return dg.SkipReason(f"no market partitions yet: the universe sensor adds those of {venue.venue}")
        with open_lake() as lake:
            last = Quiet.parse(context.cursor)
            if last is not None and last.holds(lake.ledger.last_commit(), time.time_ns() // 1_000_000):
                return dg.SkipReason(last.why)
            if lake.world not in {None, world(venue_url())}:
                return dg.SkipReason(f"the lake holds {lake.world} data, and the venues are {world(venue_url())}")
            now = time.time_ns() // 1_000_000
            field = _field(venue, universe, slugs, str(job.name), now)
            commit = lake.ledger.last_commit()
            committed = {state.partition: state.committed_at for state in lake.states()}
            return _Tick(context, lake, _as_it_is_now(venue, universe), field, now, commit, committed).result()

    return tick


def _field(venue: VenueUniverse, universe: Universe, slugs: Sequence[str], job: str, now: Instant) -> Field:
    known = [month for month, _ in months(Window(universe.start, max(now, universe.start + 1)))]
    steps = (venue.base, *venue.native, *venue.derived)
    return Field(venue.venue, slugs, known, [key_of(venue, step).path[-1] for step in steps], job)


def _as_it_is_now(venue: VenueUniverse, universe: Universe) -> Universe:
    """The one venue; its markets as the universe file has them now, its timeframes as the assets were made."""
    now = load_universe(universe.path).venues.get(venue.venue)
    markets = now.markets if now else ()
    return replace(universe, venues={venue.venue: replace(venue, markets=markets)})


@dataclass(slots=True)
class _Tick:
    """One look at one venue.

    ``commit`` is the lake's last one, read before anything else; ``committed`` is when each partition in the lake changed
    last; ``busy`` are partitions that are not to be asked for now, and why.
    """

    context: dg.SensorEvaluationContext
    lake: "Lake"
    universe: Universe
    field: Field
    now: Instant
    commit: int
    committed: Mapping[Partition, Instant]
    busy: dict[Partition, str] = dataclass_field(default_factory=dict)
    said: int = 0

    def result(self) -> dg.SensorResult | dg.SkipReason:
        """The runs to start, or why there are none."""
        instance = self.context.instance
        self.busy |= self.field.flights(instance)
        wishes, left = self._chosen()
        unfinished = dg.RunsFilter(statuses=UNFINISHED, tags={VENUE_TAG: self.field.venue})
        room = max(RUNS_AT_ONCE - instance.get_runs_count(unfinished), 0)
        vain = in_vain(instance, wishes[:room], self.committed)
        for wish in wishes[:room]:
            self._say(
                wish.why + (f" (runs for it that ended in vain: {vain[wish.key].ends})" * bool(vain[wish.key].ends))
            )
        for wish in wishes[room:]:
            self._say(f"{wish.why}, but later: {RUNS_AT_ONCE} runs at once are enough")
        for one in left:
            self._say(self._sentence(one))
        if self.said > LINES:
            self.context.log.info("and %d decisions more", self.said - LINES)
        if requests := [wish.request(vain[wish.key].generation) for wish in wishes[:room]]:
            return dg.SensorResult(run_requests=requests)
        why = _summary(wishes, left)
        self.context.log.info("%s", why)
        if wishes or self.busy:
            return dg.SkipReason(why)
        due = [one.due_at for one in left if one.due_at is not None]
        quiet = Quiet(self.commit, min([self.now // GRAIN_MS * GRAIN_MS + GRAIN_MS, *due]), why)
        return dg.SensorResult(skip_reason=why, cursor=quiet.text)

    def _chosen(self) -> tuple[list[Wish], list[Range]]:
        """The runs to start, newest months first, and the ranges that are left."""
        (venue,) = self.universe.venues.values()
        found = lacking(self.lake, self.universe, now=self.now, venue_time=self.now // GRAIN_MS * GRAIN_MS)
        order = self.field.markets
        known = set(order)
        found = [one for one in found if one.series.market in known]
        wishes: list[Wish] = []
        left: list[Range] = []
        for _ in range(ROUNDS):
            wishes, left = self._planned(venue, found)
            leave = {*self.busy, *partitions(wishes)}
            wishes += untold(self.context.instance, self.committed, venue, self.field, leave=leave)
            vain = in_vain(self.context.instance, wishes, self.committed)
            waiting = [wish for wish in wishes if vain[wish.key].due_at > self.now]
            if not waiting:
                break
            for wish in waiting:
                ended = vain[wish.key]
                why = f"{ended.ends} runs for it ended in vain, so not before {iso(ended.due_at)}"
                self.busy |= dict.fromkeys(wish.partitions, why)
            wishes = [wish for wish in wishes if wish not in waiting]
        return wishes, left

    def _planned(self, venue: VenueUniverse, found: Sequence[Lacking]) -> tuple[list[Wish], list[Range]]:
        """What is fetched, then what can be made of candles that are there already."""
        made = {key_of(venue, step).path[-1] for step in venue.derived}
        order, now = self.field.markets, self.now
        to_fetch = [one for one in found if one.series.table not in made]
        fetch = agenda(to_fetch, now=now, budget=BUDGET, in_flight=self.busy, order=order)
        wishes = fetching(venue, fetch.ranges)
        for_later = partitions(wishes)
        to_make = [one for one in found if one.series.table in made]
        make = agenda(to_make, now=now, budget=BUDGET, in_flight={*self.busy, *for_later}, order=order)
        return [*wishes, *making(venue, make.ranges)], [*fetch.left, *make.left]

    def _sentence(self, one: Range) -> str:
        """The range's own, and who is at it."""
        if one.verdict is not Verdict.IN_FLIGHT:
            return one.sentence
        following = "made in the run that is asked for now"
        whys = sorted({self.busy.get(partition, following) for partition in one.partitions})
        return f"{one.where}: {'; '.join(whys)}: {one.what}"

    def _say(self, line: str) -> None:
        self.said += 1
        if self.said <= LINES:
            self.context.log.info("%s", line)


def _summary(wishes: Sequence[Wish], left: Sequence[Range]) -> str:
    """Why no run is started."""
    if wishes:
        return f"{len(wishes)} more runs wait until there is room: {RUNS_AT_ONCE} at once are enough"
    candles = {verdict: sum(one.candles for one in left if one.verdict is verdict) for verdict in Verdict}
    due = min((one.due_at for one in left if one.verdict is Verdict.WAIT and one.due_at is not None), default=0)
    said = {
        Verdict.IN_FLIGHT: "are in the hands of runs",
        Verdict.WAIT: f"wait, the first of them until {iso(due)}",
        Verdict.NEVER: "no API has",
    }
    told = [f"{candles[verdict]:,} {what}" for verdict, what in said.items() if candles[verdict]]
    return (
        f"nothing to ask for now; of the candles that are not there, {', '.join(told)}"
        if told
        else "nothing is missing"
    )
