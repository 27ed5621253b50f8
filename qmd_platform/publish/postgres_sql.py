"""The text of what PostgreSQL is told. Pure: names come from ``model.tables`` and from a checked address.

What lives here: tables, loading by COPY, counting, as SQL. What does not: running it (``postgres``).
"""

from collections.abc import Sequence

from qmd_platform.model.columns import Table
from qmd_platform.publish.port import PLACE, time_column

TYPES = {
    "instant": "timestamptz",
    "float64": "double precision",
    "int64": "bigint",
    "string": "text",
    "bool": "boolean",
}

SHOWN = TYPES | {"instant": "timestamp with time zone"}
"""The same as PostgreSQL writes them itself."""

STAGING = "pg_temp.qmd_staging"

MONTH = "to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM')"

BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS "{schema}".about (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS "{schema}".loaded (
    table_name text, venue text, symbol text, month text,
    data_version text NOT NULL, version bigint NOT NULL, row_count bigint NOT NULL,
    commit_id bigint NOT NULL, loaded_at timestamptz NOT NULL,
    PRIMARY KEY (table_name, venue, symbol, month)
);
"""

ABOUT = """
COMMENT ON TABLE "{schema}".about IS 'The id of the lake that is served here.';
COMMENT ON TABLE "{schema}".loaded IS 'What each series and month was last loaded with: the content hash of its rows, the \
version of the partition and the commit of the lake.';
"""

REMEMBER = """
INSERT INTO "{schema}".loaded VALUES (%s, %s, %s, %s, %s, %s, %s, %s, to_timestamp(%s / 1000.0))
ON CONFLICT (table_name, venue, symbol, month) DO UPDATE SET data_version = excluded.data_version,
    version = excluded.version, row_count = excluded.row_count, commit_id = excluded.commit_id,
    loaded_at = excluded.loaded_at
"""


def made(schema: str, table: str, spec: Table) -> str:
    """The statements that make ``table``: a row a venue, symbol and instant; an index by time that costs next to nothing."""
    at = time_column(spec)
    own = [f"{column.name} {TYPES[column.dtype]}{'' if column.nullable else ' NOT NULL'}" for column in spec.columns]
    columns = ", ".join(["venue text NOT NULL", "symbol text NOT NULL", *own])
    notes = [
        f"COMMENT ON COLUMN {named(schema, table)}.{column.name} IS {quoted(_note(column.sentence, column.unit))};"
        for column in spec.columns
    ]
    return "\n".join(
        [
            f"CREATE TABLE {named(schema, table)} ({columns}, PRIMARY KEY (venue, symbol, {at}));",
            f"CREATE INDEX {table}_{at} ON {named(schema, table)} USING brin ({at});",
            f"COMMENT ON TABLE {named(schema, table)} IS {quoted(spec.sentence)};",
            *notes,
        ]
    )


THERE = """
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s)
"""
"""Whether there is a table, of a schema and a name."""

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
"""The columns of a table with their types, of a schema and a name."""

TIMESCALE = """
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'
"""
"""The schema that TimescaleDB's functions are in: not always one that is looked into by itself."""


def hypertable(schema: str, table: str, spec: Table, extension: str) -> str:
    """TimescaleDB's own partitions, a month each, of a table that has no rows yet; ``extension`` is where its functions are.

    Source: www.tigerdata.com/docs/reference/timescaledb/hypertables/create_hypertable_old, read on 2026-11-22: every version has it.
    """
    return (
        f'SELECT "{extension}".create_hypertable({quoted(named(schema, table))}, {quoted(time_column(spec))}, '
        "chunk_time_interval => interval '1 month', create_default_indexes => false)"
    )


def staging(schema: str, table: str, spec: Table) -> str:
    """A place of this connection alone for the rows of one partition: the table's own columns."""
    return (
        f"CREATE TEMP TABLE qmd_staging ON COMMIT DROP AS SELECT {', '.join(_own(spec))} "
        f"FROM {named(schema, table)} WITH NO DATA"
    )


def copied(target: str, columns: Sequence[str]) -> str:
    """COPY of rows from us (``postgres_copy``) into ``columns`` of ``target``."""
    return f"COPY {target} ({', '.join(columns)}) FROM STDIN WITH (FORMAT binary)"


def merged(schema: str, table: str, spec: Table) -> str:
    """Rows of the staging table into the table: new ones, and those of which a bit is another. Venue and symbol are given."""
    at, columns = time_column(spec), _own(spec)
    values = [column for column in spec.columns if column.name != at]
    # By their bits: 0.0 and -0.0 are equal to PostgreSQL, as are all NaN.
    differs = " OR ".join(
        f"{_bits(f't.{one.name}', one.dtype)} IS DISTINCT FROM {_bits(f'excluded.{one.name}', one.dtype)}"
        for one in values
    )
    return (
        f"INSERT INTO {named(schema, table)} AS t (venue, symbol, {', '.join(columns)}) "
        f"SELECT %s, %s, {', '.join(columns)} FROM {STAGING} "
        f"ON CONFLICT (venue, symbol, {at}) DO UPDATE SET {', '.join(f'{one.name} = excluded.{one.name}' for one in values)} "
        f"WHERE {differs}"
    )


def vanished(schema: str, table: str, spec: Table) -> str:
    """Deletes the rows of a series from one instant to another, in ms, that are not in the staging table."""
    at = time_column(spec)
    return (
        f"DELETE FROM {named(schema, table)} t WHERE venue = %s AND symbol = %s "
        f"AND {at} >= to_timestamp(%s / 1000.0) AND {at} < to_timestamp(%s / 1000.0) "
        f"AND NOT EXISTS (SELECT FROM {STAGING} s WHERE s.{at} = t.{at})"
    )


def counted(schema: str, table: str, spec: Table) -> str:
    """Rows by venue, symbol and month."""
    month = MONTH.format(at=time_column(spec))
    return f"SELECT venue, symbol, {month} AS month, count(*) FROM {named(schema, table)} GROUP BY 1, 2, 3"


def emptied(schema: str, table: str) -> str:
    """Whether ``table`` has no row, though by what is written down it was loaded with some; its name is given."""
    return (
        f"SELECT NOT EXISTS (SELECT FROM {named(schema, table)}) "
        f'AND EXISTS (SELECT FROM "{schema}".loaded WHERE table_name = %s AND row_count > 0)'
    )


def all_columns(spec: Table) -> tuple[str, ...]:
    """Venue, symbol, and the table's own."""
    return (*PLACE, *_own(spec))


def named(schema: str, table: str) -> str:
    """The table with its schema."""
    return f'"{schema}".{table}'


def quoted(text: str) -> str:
    """``text`` as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"


def _own(spec: Table) -> list[str]:
    return [column.name for column in spec.columns]


def _bits(name: str, dtype: str) -> str:
    return f"float8send({name})" if dtype == "float64" else name


def _note(sentence: str, unit: str) -> str:
    return f"{sentence} ({unit})" if unit else sentence
