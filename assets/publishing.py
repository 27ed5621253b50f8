"""``postgres/<table>`` and ``questdb/<table>``: the lake's tables in serving stores, and whether they are what the lake is.

What lives here: the assets and their checks, what the UI says of a load. What does not: loading and comparing
(``qmd_platform.publish``), when (``sensors.publishing``).

They have no partitions: what a store lacks is known from the versions it was loaded with, so one click loads what has
changed, be it an hour of one market or all there is. Without an address in the settings a run is refused with the name of
the setting. Loads of one store wait for each other where its pool is given a limit; without one they are right all the same.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets import describe
from assets.candles import key_of
from qmd_platform.config import Universe
from qmd_platform.model import tables
from qmd_platform.publish import postgres_sql, questdb_sql
from qmd_platform.publish.port import PLACE
from resources.lake import LakeResource
from resources.stores import StoresResource

if TYPE_CHECKING:
    from qmd_platform.publish.comparing import Comparison
    from qmd_platform.publish.loading import Receipt

GROUP = "publishing"
STORES = {"postgres": "PostgreSQL", "questdb": "QuestDB"}
TYPES = {"postgres": postgres_sql.TYPES, "questdb": questdb_sql.TYPES}
FRESH, ROWS = "fresh", "row_counts"

EXCUSED_S = 2 * 3600
"""What the lake has become so long ago a store need not have yet: it is loaded every hour, and tails write every five minutes."""

LISTED = 50
"""Series and months in the metadata; all are counted."""


class Publishing(dg.Config):
    """What one load is to do."""

    full: bool = Field(default=False, description="Load every month, also those the store says it has.")


def publishing_of(universe: Universe) -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """An asset for each store and table of ``universe``, and the two checks of each."""
    sources = _sources(universe)
    assets = [_asset(store, table, deps) for store in STORES for table, deps in sources.items()]
    checks = [_checks(store, table) for store in STORES for table in sources]
    return assets, checks


def _sources(universe: Universe) -> dict[str, list[dg.AssetKey]]:
    """Every served table of the universe, with the assets it is read from."""
    found: dict[str, list[dg.AssetKey]] = {}
    for venue in universe.venues.values():
        for step in (venue.base, *venue.native, *venue.derived):
            found.setdefault(f"candles_{step.value}", []).append(key_of(venue, step))
    of_funding = [dg.AssetKey([one.venue, "funding_rates"]) for one in universe.venues.values() if one.perpetuals]
    return found | ({"funding_rates": of_funding} if of_funding else {})


def _asset(store: str, table: str, deps: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    spec = tables.table(table)

    @dg.asset(
        key=[store, table],
        group_name=GROUP,
        deps=list(deps),
        description=f"{spec.sentence} The lake's rows in {STORES[store]}, for those who ask there: what has changed since "
        "the last time is loaded, what left the lake leaves the store.",
        kinds={store},
        owners=describe.OWNERS,
        metadata={"dagster/column_schema": _columns(store, spec)},
        pool=f"publish_{store}",
    )
    def published(
        context: dg.AssetExecutionContext,
        config: Publishing,
        lake: LakeResource,
        stores: dg.ResourceParam[StoresResource],
    ) -> dg.MaterializeResult:
        from assets.upkeep import telling  # noqa: PLC0415 - only when it runs
        from qmd_platform.publish.loading import publish  # noqa: PLC0415 - Arrow and SQL, only when it runs

        tell = telling(context, "loaded rows:")
        with lake.open() as opened, stores.open(store) as target:
            (receipt,) = publish(
                opened, target, [table], full=config.full, progress=lambda _, done, total: tell(done, total)
            )
            rows = sum(target.counts(table).values())
        for note in target.notes:
            context.log.warning(note)
        return dg.MaterializeResult(metadata=_told(receipt, rows, target.where))

    return published


def _columns(store: str, spec: tables.Table) -> dg.TableSchema:
    """The columns of the store's table: a series' own behind the venue and the symbol that tell it apart."""
    types = TYPES[store]
    place = [dg.TableColumn(name, types["string"], _OF_PLACE[name], constraints=_FILLED) for name in PLACE]
    own = [
        dg.TableColumn(
            column.name,
            types[column.dtype],
            description=described.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column, described in zip(spec.columns, describe.schema(spec).columns, strict=True)
    ]
    key = f"key ({', '.join((*PLACE, *spec.key))})"
    return dg.TableSchema(columns=[*place, *own], constraints=dg.TableConstraints(other=[key]))


_FILLED = dg.TableColumnConstraints(nullable=False)
_OF_PLACE = {"venue": "the exchange, as `binance`", "symbol": "ccxt's unified symbol, as `BTC/USDT:USDT`"}


def _checks(store: str, table: str) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([store, table])
    specs = [
        dg.AssetCheckSpec(
            FRESH,
            asset=key,
            description="Every month was loaded with the version that the lake has now, or had less than two hours ago.",
        ),
        dg.AssetCheckSpec(
            ROWS,
            asset=key,
            description="Of every series and month it has as many rows as the lake, counted now; where the lake has changed in "
            "the last two hours, as many as it was loaded with.",
        ),
    ]

    @dg.multi_asset_check(specs=specs, name=f"{store}__{table}__checks", pool=f"publish_{store}")
    def compared(lake: LakeResource, stores: dg.ResourceParam[StoresResource]) -> Iterator[dg.AssetCheckResult]:
        from qmd_platform.publish.comparing import compare  # noqa: PLC0415 - Arrow and SQL, only when it runs

        with lake.open() as opened, stores.open(store) as target:
            (found,) = compare(opened, target, [table])
        yield from _verdicts(key, found)

    return compared


def _told(receipt: "Receipt", rows: int, where: str) -> dict[str, Any]:
    return {
        "where": where,
        "months loaded": len(receipt.loaded),
        "months unchanged": receipt.unchanged,
        "rows sent": receipt.sent,
        "rows gone": receipt.gone,
        "dagster/row_count": rows,
        "commit": receipt.commit,
        "seconds": round(receipt.seconds, 3),
        "seconds behind before": round(receipt.behind_ms / 1000, 3),
    }


def _verdicts(key: dg.AssetKey, found: "Comparison") -> Iterator[dg.AssetCheckResult]:
    now = time.time_ns() // 1_000_000
    after = now - EXCUSED_S * 1000
    stale = [one for one in found.differences if one.is_stale]
    late = [one for one in stale if not one.is_recent(after)]
    miscounted = [one for one in found.differences if one.is_miscounted and not one.is_excused(after)]
    since = min((one.since for one in stale if one.since is not None), default=now)
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=FRESH,
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"months": found.partitions, "behind": len(stale), "seconds behind": round((now - since) / 1000, 3)}
        | _listed([str(one.partition) for one in late]),
    )
    counts = [f"{one.partition}: {one.store_rows} of {one.lake_rows}" for one in miscounted]
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=ROWS,
        passed=not miscounted,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"rows in the lake": found.lake_rows, "rows there": found.store_rows} | _listed(counts),
    )


def _listed(texts: Sequence[str]) -> dict[str, Any]:
    return {"which": dg.MetadataValue.md("\n".join(f"- {text}" for text in texts[:LISTED]))} if texts else {}
