"""A market-year of minutes to PostgreSQL and to QuestDB: ours, beside a bare COPY and the bare client into the same tables.

What lives here: what is measured. What does not: the servers (``tests.servers``), the stopwatch (``timing``).
Usage: python -m benchmarks.publishing, with the servers that the tests use.
"""

import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pyarrow as pa
from pyarrow import csv

from benchmarks.reading import MARKET, YEAR, stored
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.publish import postgres_sql, questdb_sql
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import publish
from qmd_platform.publish.opening import opened
from qmd_platform.publish.port import Store, spec_of
from qmd_platform.publish.questdb_http import Quest, QuestAddress
from qmd_platform.sandbox.market import truth
from tests.servers import Postgres, QuestDB, fresh_database

TABLE = "candles_1m"
TIMES = 3
ROWS = (YEAR.end - YEAR.start) // 60_000


def main() -> None:
    """Measure and print."""
    for line in report():
        print(line, flush=True)


def report() -> Iterator[str]:
    """The section of docs/benchmarks.md."""
    yield f"## Serving stores: one market-year of 1m candles ({ROWS:,} rows)\n"
    yield "Each into the same table with the same keys, empty before; the raw loads have the rows in memory, ours reads"
    yield "and proves the lake's files, and counts or compares. Servers and loader share the machine.\n"
    yield "| what | s | times raw |\n|---|---|---|"
    with tempfile.TemporaryDirectory() as folder, Lake.open(Path(folder) / "lake") as lake:
        rows = truth(MARKET, Timeframe.M1, YEAR, YEAR.end + 60_000)
        stored(lake, MARKET, Timeframe.M1, rows)
        for name, measured in (("PostgreSQL", _postgres), ("QuestDB", _questdb)):
            yield from _table(name, list(measured(lake, rows)))


def _table(name: str, taken: list[tuple[str, float]]) -> Iterator[str]:
    raw = taken[0][1]
    for what, seconds in taken:
        yield f"| {name}: {what} | {seconds:.2f} | {seconds / raw:.2f} |"


def _postgres(lake: Lake, rows: Candles) -> Iterator[tuple[str, float]]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    with closing(Postgres(programs)) as server:
        raw, ours = [], []
        for _ in range(TIMES):  # in turns, so that other work on the machine meets both
            url = fresh_database(server.url)
            raw.append(_seconds(lambda url=url: _copied(url, rows)))
            url = fresh_database(server.url)
            ours.append(_seconds(lambda url=url: _published(lake, opened("postgres", {}, url))))
        yield "raw COPY of CSV in one transaction", statistics.median(raw)
        yield "qmd publish", statistics.median(ours)
        yield from _after(lake, lambda: opened("postgres", {}, url))


def _questdb(lake: Lake, rows: Candles) -> Iterator[tuple[str, float]]:
    jars = sorted((Path.home() / ".cache" / "qmd-ci").glob("questdb-*/questdb.jar"))
    if not jars or not shutil.which("java"):
        yield "not measured: .ci/questdb fetches the server", float("nan")
        return
    with closing(QuestDB(jars[-1])) as server:
        raw, ours = [], []
        for _ in range(TIMES):
            server.fresh_url()
            raw.append(_seconds(lambda: _sent(server.url, rows)))
            server.fresh_url()
            ours.append(_seconds(lambda: _published(lake, opened("questdb", {}, server.url))))
        yield "raw client, a transaction a month, until visible", statistics.median(raw)
        yield "qmd publish", statistics.median(ours)
        yield from _after(lake, lambda: opened("questdb", {}, server.url))


def _after(lake: Lake, store: Callable[[], Store]) -> Iterator[tuple[str, float]]:
    yield "qmd publish again, nothing to do", _seconds(lambda: _published(lake, store()))
    yield "qmd publish --check", _seconds(lambda: _compared(lake, store()))
    yield "qmd publish --full", _seconds(lambda: _published(lake, store(), full=True))


def _published(lake: Lake, store: Store, *, full: bool = False) -> None:
    with closing(store):
        (receipt,) = publish(lake, store, [TABLE], full=full)
    assert receipt.rows == ROWS


def _compared(lake: Lake, store: Store) -> None:
    with closing(store):
        (found,) = compare(lake, store, [TABLE])
    assert not found.differences


def _copied(url: str, rows: Candles) -> None:
    spec = spec_of(TABLE)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA raw")
        cursor.execute(postgres_sql.made("raw", TABLE, spec))
        place = [pa.repeat(pa.scalar(text), len(rows)) for text in (MARKET.venue, MARKET.symbol)]
        sink = io.BytesIO()
        table = pa.table([*place, *rows.to_arrow().columns], names=list(postgres_sql.all_columns(spec)))
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
        sink.seek(0)
        columns = ", ".join(postgres_sql.all_columns(spec))
        cursor.copy_expert(f"COPY raw.{TABLE} ({columns}) FROM STDIN WITH (FORMAT csv)", sink)
    connection.close()


def _sent(url: str, rows: Candles) -> None:
    import pandas as pd

    quest = Quest(QuestAddress.parse(url))
    quest.ask(questdb_sql.made(TABLE, spec_of(TABLE)))
    frame = rows.to_arrow().to_pandas()
    frame["open_at"] = frame["open_at"].astype("datetime64[us, UTC]")
    frame["venue"] = pd.Categorical.from_codes([0] * len(frame), [MARKET.venue])
    frame["symbol"] = pd.Categorical.from_codes([0] * len(frame), [MARKET.symbol])
    for _, month in frame.groupby(frame["open_at"].dt.month):
        quest.send(TABLE, month, ["venue", "symbol"], "open_at")
    quest.wait(TABLE)
    quest.close()


def _seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
