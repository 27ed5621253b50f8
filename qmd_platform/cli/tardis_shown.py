"""``qmd tardis exchanges`` and ``show``: what Tardis has, and what a file of it is.

What lives here: the two commands. What does not: the group (``cli.tardis``), the API and the reading of files
(``venues.tardis``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qmd_platform.cli import kit
from qmd_platform.model.window import iso

if TYPE_CHECKING:
    from qmd_platform.venues.tardis.api import Details

Rows = list[dict[str, Any]]
REFUSALS_SHOWN = 10
"""Refusals that are told in words; all are in the JSON document."""


@click.command(
    cls=kit.Command,
    examples={
        "qmd tardis exchanges": "What Tardis has of our venues.",
        "qmd tardis exchanges okex-swap": "Of one of them: its data sets, and when its recording was incomplete.",
    },
)
@click.argument("exchange", required=False)
@kit.venue_url_option
def exchanges(*, exchange: str | None, venue_url: str | None, as_json: bool) -> None:
    """List Tardis's exchanges that are ours, or what it has of one."""
    import asyncio

    from qmd_platform.config import venue_url as settled_url

    rows = asyncio.run(_asked(exchange, settled_url(venue_url)))
    if as_json:
        kit.emit(rows)
    else:
        _draw(rows)


async def _asked(exchange: str | None, url: str | None) -> Rows:
    from qmd_platform.venues.tardis import api
    from qmd_platform.venues.tardis.exchanges import EXCHANGES
    from qmd_platform.venues.tardis.exchanges import exchange as known
    from qmd_platform.venues.tardis.wire import Wire

    wanted = None if exchange is None else known(exchange)
    async with Wire(url=url) as wire:
        if wanted is not None:
            return _datasets(await api.details(wire, wanted.id))
        listed = {one.id: one for one in await api.exchanges(wire)}
    rows: Rows = []
    for one in EXCHANGES.values():
        there = listed.get(one.id)
        since = there.available_since if there else None
        about = {"exchange": one.id, "venue": one.venue, "kind": one.kind, "amounts": one.amount}
        rows.append({**about, "since": since and since.date().isoformat(), "recorded": bool(there and there.enabled)})
    return rows


def _datasets(details: "Details") -> Rows:
    symbols = () if details.datasets is None else details.datasets.symbols
    until = iso(details.exported_until)[:10] if details.datasets else None
    return [
        *(
            {
                "data set": one.id,
                "from": one.available_since.date().isoformat(),
                "to": one.available_to.date().isoformat() if one.available_to else until,
                "what": " ".join(one.data_types),
            }
            for one in symbols
        ),
        *(
            {
                "data set": None,
                "from": iso(one.window.start),
                "to": iso(one.window.end),
                "what": f"incident: {one.details}",
            }
            for one in details.incident_reports
        ),
    ]


@click.command(
    cls=kit.Command,
    examples={
        "qmd tardis show BTC-USD.csv.gz": "Is the file whole, what is in it, and what do its columns mean?",
        "qmd tardis show BTC-USD.csv.gz --rows 0 --json": "The same without rows, for a program.",
    },
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(0, 1000), default=5, show_default=True, help="Print so many rows.")
def show(*, file: Path, rows: int, as_json: bool) -> int | None:
    """Read a CSV file of Tardis's to its end, check every row, and show what it is.

    Exits with 3 when it is not what its type promises, with 5 when trades in it are refused.
    """
    from qmd_platform.errors import ConfigError, CoverageError

    if not file.is_file():
        raise ConfigError(
            f"there is no file {file}", hint="files that were fetched are in the folder tardis of QMD_HOME"
        )
    document = _document(file, rows)
    code = CoverageError.exit_code if document["refused"] else None
    if as_json:
        kit.emit(document)
        return code
    from qmd_platform.cli import show as out

    named = " or ".join(document["types"]) or "empty, Tardis heard nothing on that day"
    span = f", {document['first']} to {document['last']}" if document["rows"] else ""
    again = f", {out.count(document['duplicates'])} of them came before" if document["duplicates"] else ""
    out.say(f"{file}: {named}, {out.counted(document['rows'], 'row')}{span}{again}")
    _draw(document["columns"])
    _draw(document["shown"])
    for why in document["not whole"][:REFUSALS_SHOWN]:
        kit.note(f"note: {why}")
    if code:
        kit.note(f"note: {out.counted(document['refused'], 'row')} refused; no candle is made of their minutes")
    return code


def _document(file: Path, rows: int) -> dict[str, Any]:
    from qmd_platform.config import qmd_home
    from qmd_platform.errors import ArchiveDamaged
    from qmd_platform.venues.tardis.downloads import FOLDER

    try:
        return _read(file, rows)
    except ArchiveDamaged as error:
        if not file.resolve().is_relative_to((qmd_home() / FOLDER).resolve()):
            error.hint = None  # it says to delete the file, which is right only of one that is downloaded again
        raise


def _read(file: Path, rows: int) -> dict[str, Any]:
    from qmd_platform.ingest.tardis_lacking import refusals
    from qmd_platform.venues.tardis import reading
    from qmd_platform.venues.tardis.bars import Bars

    kinds = reading.types_of(file)
    count, first, last = 0, 0, 0
    shown: Rows = []
    bars = Bars()
    bars.begins(str(file))
    for batch in reading.batches(file, kinds[0]) if kinds else ():
        shown += batch.slice(0, max(rows - len(shown), 0)).to_pylist()
        local = reading.whole(batch, "local_timestamp")
        count += len(local)
        first, last = first or int(local[0]), int(local[-1])
        if kinds[0].name == "trades":
            bars.add(batch)
    return {
        "file": str(file),
        "types": [one.name for one in kinds],
        "rows": count,
        "first": iso(first // 1000) if count else None,
        "last": iso(last // 1000) if count else None,
        "duplicates": bars.duplicates,
        "refused": bars.refused,
        "not whole": list(refusals(bars.broken)),
        "columns": [
            {"column": one.name, "type": one.dtype, "unit": one.unit, "means": one.sentence}
            for one in (kinds[0].fields if kinds else ())
        ],
        "shown": shown,
    }


def _draw(rows: Sequence[Mapping[str, Any]]) -> None:
    from qmd_platform.cli import show as out

    if rows:
        names = list(rows[0])
        cells = [["" if row[name] is None else out.plain(str(row[name])) for name in names] for row in rows]
        out.table([(name, "left") for name in names], cells)
