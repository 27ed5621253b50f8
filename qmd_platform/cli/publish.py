"""``qmd publish STORE``: the lake's rows to PostgreSQL or QuestDB, or whether they are there.

What lives here: the options, progress, the tables shown. What does not: loading and comparing (``qmd_platform.publish``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.durations import duration
from qmd_platform.model.window import iso

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.publish.comparing import Comparison
    from qmd_platform.publish.loading import Receipt
    from qmd_platform.publish.port import Store

NAMED = 20
"""Series and months listed that differ; all are counted."""

BEHIND = 5
"""Exit code: the store is not what the lake is."""


@kit.command(
    {
        "qmd publish postgres": "What has changed since the last time, to QMD_PUBLISH_POSTGRES_URL.",
        "qmd publish questdb --table candles_1m --table funding_rates": "Only these, to QMD_PUBLISH_QUESTDB_URL.",
        "qmd publish postgres --check": "Compare versions and count rows; exit code 5 if the store is behind.",
        "qmd publish postgres --check --within 2h": "The same, for a lake that is written all the time: what changed less than two hours "
        "ago need not be there yet.",
        "qmd publish questdb --full": "Load everything again: the store was changed by hand, or lost rows.",
    }
)
@click.argument("to", metavar="STORE", type=click.Choice(["postgres", "questdb"]))
@click.option(
    "--table", "tables", multiple=True, metavar="TABLE", help="Only this table; may be given again. Else all."
)
@click.option("--check", is_flag=True, help="Load nothing: compare versions, and count the rows of the store.")
@click.option(
    "--within",
    type=kit.Parsed("duration", lambda text: duration(text, "--within")),
    metavar="DURATION",
    help="With --check: the store may lack what changed in the lake so recently.",
)
@click.option("--full", is_flag=True, help="Load every month, also those the store says it has.")
def command(
    *, to: str, tables: tuple[str, ...], check: bool, within: int | None, full: bool, as_json: bool
) -> int | None:
    """Serve the lake's candles and funding from PostgreSQL or QuestDB.

    Only what has changed since the store was loaded is sent: restated rows take the place of the old ones, rows that left the
    lake leave the store. May be stopped at any instant and run again. The address is in QMD_PUBLISH_POSTGRES_URL
    (postgresql://user:password@host/database) or QMD_PUBLISH_QUESTDB_URL (http://user:password@host:9000).
    """
    import os

    from qmd_platform.errors import ConfigError
    from qmd_platform.publish.opening import opened

    if check and full:
        raise ConfigError("--check and --full exclude each other", hint="load with --full, then --check")
    if within is not None and not check:
        raise ConfigError("--within goes with --check", hint="loading leaves nothing out")
    lake = store.lake_to_read()
    serving = opened(to, os.environ)
    try:
        if check:
            return _check(lake, serving, tables or None, within, as_json=as_json)
        _load(lake, serving, tables or None, full=full, as_json=as_json)
    finally:
        serving.close()
    return None


def _load(lake: "Lake", serving: "Store", tables: Sequence[str] | None, *, full: bool, as_json: bool) -> None:
    from qmd_platform.cli.progress import progress
    from qmd_platform.publish.loading import publish

    with progress("row") as tell:
        receipts = publish(lake, serving, tables, full=full, progress=tell)
    for note in serving.notes:
        kit.note(note)
    if as_json:
        kit.emit([_document(one) for one in receipts])
        return
    from qmd_platform.cli import show

    rows = [
        [
            one.table,
            show.count(len(one.loaded)),
            show.count(one.unchanged),
            show.count(one.sent),
            show.count(one.gone),
            show.count(one.rows),
            f"{one.seconds:.1f}",
        ]
        for one in receipts
    ]
    heads = ("months loaded", "unchanged", "rows sent", "rows gone", "rows by its books", "seconds")
    if rows:
        show.table([("table", "left"), *((head, "right") for head in heads)], rows)
        show.say(
            f"{show.plain(serving.where)} was loaded with these as the lake had them after commit {receipts[0].commit}."
        )
    else:
        show.say("The lake has no candles and no funding yet.")


def _check(
    lake: "Lake", serving: "Store", tables: Sequence[str] | None, within: int | None, *, as_json: bool
) -> int | None:
    from dataclasses import replace

    from qmd_platform.publish.comparing import compare

    found = compare(lake, serving, tables)
    if within is not None:
        after, all_of_them = kit.now() - within, sum(len(one.differences) for one in found)
        found = [
            replace(one, differences=tuple(d for d in one.differences if not d.is_excused(after))) for one in found
        ]
        if excused := all_of_them - sum(len(one.differences) for one in found):
            kit.note(f"{excused} more changed in the lake only a moment ago, and the store may lack that")
    if as_json:
        kit.emit([_compared(one) for one in found])
    else:
        _draw(found, serving)
    return BEHIND if any(one.differences for one in found) else None


def _draw(found: "Sequence[Comparison]", serving: "Store") -> None:
    from qmd_platform.cli import show

    rows = [
        [
            one.table,
            show.count(one.lake_rows),
            show.count(one.store_rows),
            show.count(sum(difference.is_stale for difference in one.differences)),
            show.count(sum(difference.is_miscounted for difference in one.differences)),
        ]
        for one in found
    ]
    heads = ("rows in the lake", "rows there", "months of another version", "months with other counts")
    if rows:
        show.table([("table", "left"), *((head, "right") for head in heads)], rows)
    differing = [difference for one in found for difference in one.differences]
    for one in differing[:NAMED]:
        version = "another version" if one.is_stale else "the lake's version"
        show.say(f"{show.plain(str(one.partition))}: {version}, {one.store_rows} of {one.lake_rows} rows")
    if len(differing) > NAMED:
        show.say(f"and {len(differing) - NAMED} more; --json has all")
    where = show.plain(serving.where)
    if not differing:
        show.say(f"{where} is what the lake is.")
    elif any(one.is_spoilt for one in differing):
        show.say(f"{where} was changed by somebody else: `qmd publish {serving.name} --full` loads all again.")
    else:
        show.say(f"{where} is behind the lake: `qmd publish {serving.name}` loads what has changed.")


def _document(one: "Receipt") -> dict[str, object]:
    return {
        "table": one.table,
        "loaded": [str(partition) for partition in one.loaded],
        "unchanged": one.unchanged,
        "sent": one.sent,
        "gone": one.gone,
        "rows": one.rows,
        "commit": one.commit,
        "seconds": round(one.seconds, 3),
        "behind_seconds": round(one.behind_ms / 1000, 3),
    }


def _compared(one: "Comparison") -> dict[str, object]:
    return {
        "table": one.table,
        "lake_rows": one.lake_rows,
        "store_rows": one.store_rows,
        "differences": [
            {
                "partition": str(difference.partition),
                "lake_version": difference.lake_version,
                "store_version": difference.store_version,
                "lake_rows": difference.lake_rows,
                "store_rows": difference.store_rows,
                "loaded_rows": difference.loaded_rows,
                "since": None if difference.since is None else iso(difference.since),
            }
            for difference in one.differences
        ],
    }
