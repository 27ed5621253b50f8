"""The composition root: every asset, check, sensor, schedule and resource, listed by hand.

What lives here: the list. What does not: anything that decides or computes. The only module of the library that
imports Dagster.
"""

import warnings
from collections.abc import Sequence

import dagster as dg

from assets import lake as lake_assets
from assets.arbitrage import arbitrage_of
from assets.basis import basis_of
from assets.candles import candles_of
from assets.coverage import coverage_of
from assets.funding import funding_of
from assets.instruments import instruments_of
from assets.opportunities import opportunities_of
from assets.publishing import publishing_of
from assets.reference import reference_of
from assets.rereading import rereading_of
from assets.simulation import simulation_of
from assets.snapshots import snapshots_of
from assets.tardis import tardis_history
from qmd_platform.config import Universe, VenueUniverse, load_universe
from resources.lake import LakeResource
from resources.stores import StoresResource
from resources.venues import VenuesResource
from sensors.arbitrage import arbitrage_job, arbitrage_schedule
from sensors.coverage import coverage_job, coverage_schedule
from sensors.funding import funding_job, funding_schedule
from sensors.gaps import gap_sensor
from sensors.maintenance import pool_sensor, upkeep_jobs, upkeep_schedules
from sensors.publishing import publishing_jobs, publishing_schedules
from sensors.rereading import rereading_job, rereading_schedules
from sensors.schedules import candles_job, instruments_job, instruments_schedule, tail_schedule
from sensors.simulation import simulation_job, simulation_schedule
from sensors.snapshots import snapshots_job, snapshots_schedule
from sensors.universe import universe_sensor

OF_PERPETUALS = ((funding_job, funding_schedule), (snapshots_job, snapshots_schedule))
"""What is made for each venue that has perpetuals: a job, and the schedule that runs it."""


def build_definitions(universe: Universe) -> dg.Definitions:
    """The whole code location for ``universe``."""
    venues = list(universe.venues.values())
    jobs = {venue.venue: candles_job(venue) for venue in venues}
    of_funding = [(venue, job(venue), look) for venue in venues if venue.perpetuals for job, look in OF_PERPETUALS]
    instruments = instruments_job(universe)
    coverage, upkeep = coverage_job(universe), upkeep_jobs()
    pairs = [(arbitrage_job(), arbitrage_schedule), (simulation_job(), simulation_schedule)]
    across = pairs if of_funding else []
    publishing, published, of_published = publishing_jobs(), *publishing_of(universe)
    rereading = {venue.venue: rereading_job(venue.venue) for venue in venues}
    return dg.Definitions(
        assets=[*_assets(universe, venues), *published],
        asset_checks=of_published,
        jobs=[
            *(*jobs.values(), *(job for _, job, _ in of_funding), *(job for job, _ in across)),
            *(instruments, coverage, *rereading.values(), *publishing, *upkeep),
        ],
        schedules=[
            *(tail_schedule(venue, jobs[venue.venue], universe.first_month) for venue in venues),
            *(schedule(venue, job, universe.first_month) for venue, job, schedule in of_funding),
            *(schedule(job, universe.first_month) for job, schedule in across),
            instruments_schedule(instruments),
            coverage_schedule(coverage),
            *(schedule for name, job in rereading.items() for schedule in rereading_schedules(name, job)),
            *publishing_schedules(publishing),
            *upkeep_schedules(upkeep),
        ],
        sensors=[
            universe_sensor(universe),
            *(gap_sensor(venue, jobs[venue.venue], universe) for venue in venues),
            pool_sensor(),
        ],
        resources={"lake": LakeResource(), "venues": VenuesResource(), "stores": StoresResource()},
        # A step process of its own costs seconds and gains nothing: the work is I/O inside one asset.
        executor=dg.in_process_executor,
    )


def _assets(universe: Universe, venues: Sequence[VenueUniverse]) -> list[dg.AssetsDefinition]:
    return [
        *(instruments_of(venue.venue) for venue in venues),
        *(asset for venue in venues for asset in candles_of(venue, universe.first_month)),
        *(funding_of(venue, universe.first_month) for venue in venues if venue.perpetuals),
        *(asset for venue in venues for asset in snapshots_of(venue, universe)),
        *(asset for venue in venues for asset in reference_of(venue, universe.first_month)),
        *arbitrage_of(universe),
        *basis_of(universe),
        *opportunities_of(universe),
        *simulation_of(universe),
        *(coverage_of(venue, universe) for venue in venues),
        *(rereading_of(venue) for venue in venues),
        tardis_history,
        *lake_assets.ASSETS,
    ]


warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

defs = build_definitions(load_universe())
