"""``[venue, "candles_1m"]`` and its longer siblings, partitioned by market and month.

What lives here: the asset factories. What does not: fetching and rolling up (``qmd_platform.ingest``), what the
UI says of a run (``receipts``).

A venue's base timeframe, and those its universe entry calls native, are fetched; all others are rolled up from
the base. One run covers a range of partitions, because starting a run costs more than filling a month.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import dagster as dg
from pydantic import Field

from assets import checks, describe, receipts
from assets.partitions import asked, market_months
from qmd_platform.config import VenueUniverse
from qmd_platform.model.tables import CANDLES, INSTRUMENTS
from qmd_platform.model.timeframe import Timeframe
from resources.lake import LakeResource
from resources.venues import VenuesResource

if TYPE_CHECKING:
    from qmd_platform.ingest.asking import Asking


class Fetching(dg.Config):
    """What one run is to ask for besides what the lake lacks, and how long it may take."""

    tail: int = Field(default=0, ge=0, description="Closed candles before the newest gap that are read again.")
    recheck: bool = Field(default=False, description="Ask again for verified absences whose next look is due.")
    patient: bool = Field(
        default=False, description="Leave what was asked for in vain until it is due again; for runs nobody started."
    )
    archive: bool = Field(
        default=True, description="Take closed months from the venue's archive where that is cheaper."
    )
    request_s: float = Field(default=15, gt=0, description="Seconds for one request; then it is tried again.")
    partition_s: float = Field(default=600, gt=0, description="Seconds for one market and month.")
    run_s: float = Field(default=3300, gt=0, description="Seconds for all; what came in time is kept.")

    def asking(self) -> "Asking":
        """The same, as the library says it."""
        from qmd_platform.ingest.asking import Asking, Deadlines  # noqa: PLC0415 - only when it runs

        deadlines = Deadlines(self.request_s, self.partition_s, self.run_s)
        return Asking(
            tail=self.tail,
            recheck=self.recheck,
            patient=self.patient,
            archive=self.archive,
            deadlines=deadlines,
        )


def run_config(venue: str, tables: Sequence[str], **fetching: object) -> dict[str, Any]:
    """A run's configuration that gives ``fetching`` (fields of ``Fetching``) to every one of ``tables``."""
    return {"ops": {f"{venue}__{table}": {"config": fetching} for table in tables}}


def candles_of(venue: VenueUniverse, first_month: str) -> list[dg.AssetsDefinition]:
    """Every candle asset of one venue."""
    partitions = market_months(venue.venue, first_month)
    return [
        _fetched(venue, venue.base, partitions, native=False),
        *(_fetched(venue, timeframe, partitions, native=True) for timeframe in venue.native),
        *(_rolled_up(venue, timeframe, partitions) for timeframe in venue.derived),
    ]


def key_of(venue: VenueUniverse, timeframe: Timeframe) -> dg.AssetKey:
    """The asset's key; also the lake's table name."""
    return dg.AssetKey([venue.venue, f"candles_{timeframe.value}"])


def _fetched(
    venue: VenueUniverse, timeframe: Timeframe, partitions: dg.MultiPartitionsDefinition, *, native: bool
) -> dg.AssetsDefinition:
    """Candles asked of the venue."""
    deps = [dg.AssetKey([venue.venue, INSTRUMENTS.name])]
    shorter = venue.base if native else None

    @dg.asset(
        **_common(venue, timeframe, partitions, checks.of(fetched=True, native=native)),
        deps=[*deps, key_of(venue, venue.base)] if native else deps,
        description=f"{timeframe.value} candles fetched from {venue.venue}: only what the lake lacks. {CANDLES.sentence}",
        kinds={"ccxt", "parquet"},
        metadata={"dagster/column_schema": describe.schema(CANDLES)},
        pool=venue.venue,
    )
    def fetched(
        context: dg.AssetExecutionContext, config: Fetching, lake: LakeResource, venues: VenuesResource
    ) -> Iterator[receipts.Told]:
        from qmd_platform.ingest.absorbed import fill_heard  # noqa: PLC0415 - ccxt and Arrow, only when it runs

        with lake.open() as opened:
            filled = fill_heard(
                opened, asked(context), run_id=context.run.run_id, url=venues.server(), asking=config.asking()
            )
            yield from receipts.reported(context, opened, filled, shorter=shorter)

    return fetched


def _rolled_up(
    venue: VenueUniverse, timeframe: Timeframe, partitions: dg.MultiPartitionsDefinition
) -> dg.AssetsDefinition:
    """Candles made from the base candles in the lake."""
    base = key_of(venue, venue.base)

    @dg.asset(
        **_common(venue, timeframe, partitions, checks.of(fetched=False, native=False)),
        deps=[base],
        description=f"{timeframe.value} candles rolled up from {venue.base.value} where that is whole. {CANDLES.sentence}",
        kinds={"numpy", "parquet"},
        metadata={
            "dagster/column_schema": describe.schema(CANDLES),
            "dagster/column_lineage": describe.rolled_up_from(base),
        },
    )
    def rolled_up(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[receipts.Told]:
        from qmd_platform.ingest.partitions import derive  # noqa: PLC0415 - Arrow, only when it runs

        with lake.open() as opened:
            derived = derive(opened, asked(context), base=venue.base, run_id=context.run.run_id)
            yield from receipts.reported(context, opened, derived)

    return rolled_up


class _Common(TypedDict):
    """What every candle asset says of itself."""

    key: dg.AssetKey
    group_name: str
    owners: list[str]
    partitions_def: dg.MultiPartitionsDefinition
    backfill_policy: dg.BackfillPolicy
    check_specs: list[dg.AssetCheckSpec]
    tags: dict[str, str]


def _common(
    venue: VenueUniverse,
    timeframe: Timeframe,
    partitions: dg.MultiPartitionsDefinition,
    of_asset: Sequence[checks.Check],
) -> _Common:
    key = key_of(venue, timeframe)
    return {
        "key": key,
        "group_name": venue.venue,
        "owners": describe.OWNERS,
        "partitions_def": partitions,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "check_specs": checks.specs(key, of_asset, partitions),
        "tags": {"timeframe": timeframe.value},
    }
