"""``lake/seal``, ``lake/verify``, ``lake/vacuum``: the lake's upkeep, each with what it did.

What lives here: the assets. What does not: the work (``qmd_platform.lake``), when it is done (``sensors.maintenance``),
what the UI says of it (``upkeep``).

They are assets and not bare jobs because the UI keeps an asset's numbers and draws them over time: how the lake grows,
how many files a day leaves, what a vacuum frees. They share a pool with room for one run.
"""

import time
from typing import TypedDict

import dagster as dg
from pydantic import Field

from assets import describe, upkeep
from resources.lake import LakeResource

POOL = "lake"
SEAL, VERIFY, VACUUM = (dg.AssetKey([POOL, name]) for name in ("seal", "verify", "vacuum"))

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


class VacuumConfig(dg.Config):
    """What one vacuum is to do."""

    dry_run: bool = Field(default=False, description="Only say what would be removed.")


class _Common(TypedDict):
    """What every upkeep asset says of itself."""

    group_name: str
    kinds: set[str]
    owners: list[str]
    pool: str


_COMMON: _Common = {"group_name": "lake", "kinds": {"parquet"}, "owners": describe.OWNERS, "pool": POOL}


@dg.asset(
    key=SEAL,
    **_COMMON,
    tags={"upkeep": "seal"},
    description="Merges the files of every month that has ended into one, and brings files of an older layout up to date. "
    "No row changes, and no version: only where the rows lie. Reading gets faster.",
)
def seal(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """``qmd_platform.lake.sealing.seal``, told to the UI."""
    from qmd_platform.lake import sealing  # noqa: PLC0415 - Arrow and SQL, only when it runs

    with lake.open() as opened:
        done = sealing.seal(opened, run_id=context.run.run_id, now=_now(), progress=upkeep.telling(context, "sealed"))
        return dg.MaterializeResult(metadata=upkeep.of_seal(opened, done))


@dg.asset(
    key=VERIFY,
    **_COMMON,
    tags={"upkeep": "verify"},
    description="Proves that the lake is what its ledger says: reads and hashes every live file and counts rows and "
    "coverage again. Changes nothing. Fails when a file is damaged; files that no commit names are only counted.",
)
def verify(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """``Lake.verify``, told to the UI; dg.Failure when something is damaged."""
    with lake.open() as opened:
        findings = opened.verify(upkeep.telling(context, "verified"))
        metadata = upkeep.of_verify(opened, findings)
    if damaged := [finding for finding in findings if finding.is_damage]:
        # A failed step keeps no metadata of its asset: the observation does.
        context.log_event(dg.AssetObservation(VERIFY, metadata=metadata))
        raise upkeep.damage(damaged, metadata)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=VACUUM,
    **_COMMON,
    tags={"upkeep": "vacuum"},
    description="Removes the files that nothing reaches any more: neither the present state, nor a pin, nor the states "
    "of the days that are kept (resource `lake`, `keep_days`, 7); and files that a stopped writer left. A file goes at "
    "the earliest `grace_hours` (24) after it was found to be of no use.",
)
def vacuum(context: dg.AssetExecutionContext, lake: LakeResource, config: VacuumConfig) -> dg.MaterializeResult:
    """``qmd_platform.lake.vacuum.vacuum``, told to the UI."""
    from qmd_platform.lake import vacuum as vacuuming  # noqa: PLC0415 - Arrow and SQL, only when it runs

    with lake.open() as opened:
        done = vacuuming.vacuum(
            opened,
            run_id=context.run.run_id,
            now=_now(),
            keep_ms=round(lake.keep_days * DAY_MS),
            grace_ms=round(lake.grace_hours * HOUR_MS),
            dry_run=config.dry_run,
            progress=upkeep.telling(context, "deleted"),
        )
        metadata = upkeep.of_vacuum(opened, done)
    return dg.MaterializeResult(metadata=metadata | {"dry run": config.dry_run})


def _now() -> int:
    return time.time_ns() // 1_000_000


ASSETS = [seal, verify, vacuum]
