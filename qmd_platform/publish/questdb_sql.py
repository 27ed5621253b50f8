"""The text of what QuestDB is told. Pure: names come from ``model.tables``, values are quoted.

What lives here: tables, counts, dropping partitions, as SQL. What does not: asking (``questdb_http``), rows (``questdb``).
"""

from collections.abc import Collection

from qmd_platform.model.columns import Table
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.publish.port import time_column

TYPES = {"instant": "TIMESTAMP", "float64": "DOUBLE", "int64": "LONG", "string": "SYMBOL", "bool": "BOOLEAN"}

LOADED, ABOUT = "qmd_loaded", "qmd_about"

HOUR_MS = 3_600_000

BOOKKEEPING = (
    f"""CREATE TABLE IF NOT EXISTS {ABOUT} (at TIMESTAMP, key SYMBOL, value VARCHAR)
    TIMESTAMP(at) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(at, key)""",
    f"""CREATE TABLE IF NOT EXISTS {LOADED} (
        month_at TIMESTAMP, table_name SYMBOL, venue SYMBOL, symbol SYMBOL CAPACITY 4096, month SYMBOL,
        data_version VARCHAR, version LONG, row_count LONG, commit_id LONG, loaded_at TIMESTAMP
    ) TIMESTAMP(month_at) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(month_at, table_name, venue, symbol)""",
)
"""``qmd_loaded``: what each series and month was last loaded with. ``qmd_about``: which lake is served."""


SERVED = f"SELECT value FROM {ABOUT} WHERE key = 'lake'"
"""The id of the lake that is served."""


def serving(lake: str) -> str:
    """Says which lake is served."""
    return f"INSERT INTO {ABOUT} VALUES (0, 'lake', {quoted(lake)})"


def there(table: str) -> str:
    """A row if there is such a table."""
    return f"SELECT table_name FROM tables() WHERE table_name = {quoted(table)}"


def shape(table: str) -> str:
    """Of ``table``, if there is one: its designated timestamp, and whether it takes rows by WAL and knows rows that come again."""
    return f"SELECT designatedTimestamp, walEnabled, dedup FROM tables() WHERE table_name = {quoted(table)}"


def columns(table: str) -> str:
    """The columns of ``table`` with their types."""
    return f'SELECT "column", type FROM table_columns({quoted(table)})'


def first(table: str) -> str:
    """A row, if ``table`` has any."""
    return f"SELECT 1 FROM {table} LIMIT 1"


def made(table: str, spec: Table) -> str:
    """The statement that makes ``table``, where it is not there: a row a venue, symbol and instant, whoever sends it twice."""
    at = time_column(spec)
    own = [f"{column.name} {TYPES[column.dtype]}" for column in spec.columns]
    columns = ", ".join(["venue SYMBOL", "symbol SYMBOL CAPACITY 4096", *own])
    unit = "DAY" if is_by_day(table) else "MONTH"
    return (
        f"CREATE TABLE IF NOT EXISTS {table} ({columns}) TIMESTAMP({at}) "
        f"PARTITION BY {unit} WAL DEDUP UPSERT KEYS({at}, venue, symbol)"
    )


def is_by_day(table: str) -> bool:
    """Whether a table is cut by day: candles of less than an hour. All else is cut by month."""
    return table in _BY_DAY


_BY_DAY = frozenset(f"candles_{one.value}" for one in Timeframe if one.step < HOUR_MS)


def loaded(table: str) -> str:
    """What every series and month of ``table`` was loaded with."""
    columns = "venue, symbol, month, data_version, version, row_count, commit_id, CAST(loaded_at AS LONG) / 1000"
    return f"SELECT {columns} FROM {LOADED} WHERE table_name = {quoted(table)}"


def counted(table: str, spec: Table, month: str | None = None) -> str:
    """Rows by venue, symbol and month, of one month or of all."""
    at = time_column(spec)
    where = f"WHERE {at} IN '{month}' " if month else ""
    return (
        f"SELECT venue, symbol, to_str({at}, 'yyyy-MM') AS month, count() FROM {table} {where}"
        "GROUP BY venue, symbol, month"
    )


def instants(partition: Partition, spec: Table) -> str:
    """The instants of a partition's rows, in ms."""
    series, at = partition.series, time_column(spec)
    return f"SELECT CAST({at} AS LONG) / 1000 FROM {series.table} WHERE {_of(series)} AND {at} IN '{partition.month}' ORDER BY {at}"


def dropped(table: str, names: Collection[str]) -> str:
    """Takes whole partitions of QuestDB's (days or months) out of a table."""
    return f"ALTER TABLE {table} DROP PARTITION LIST {', '.join(quoted(name) for name in sorted(names))}"


def quoted(text: str) -> str:
    """``text`` as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"


def symbols(spec: Table) -> list[str]:
    """The columns that are symbols."""
    return ["venue", "symbol", *(column.name for column in spec.columns if column.dtype == "string")]


def _of(series: Series) -> str:
    return f"venue = {quoted(series.venue)} AND symbol = {quoted(series.symbol)}"
