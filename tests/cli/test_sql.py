"""qmd sql: questions in SQL, answers in every form, and nothing written."""

import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from qmd_platform.cli import sql, sql_output
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import month_window
from tests.cli.conftest import Qmd, answer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
QMD = (sys.executable, "-c", "from qmd_platform.cli import main; main()")
COUNT = "SELECT count(*) AS n FROM candles_1m"


def some(market: str, step: Timeframe, rows: int) -> Write:
    """Candles from the start of October 2026."""
    start = month_window("2026-10").start
    rng = np.random.default_rng(7)
    opened = 60_000 + rng.integers(-100, 100, rows) / 10
    columns = (opened, opened + 5.5, opened - 4.5, opened + 1.0, rng.integers(0, 1000, rows) / 1000)
    candles = Candles(start + np.arange(rows, dtype=np.int64) * step.step, *columns)
    return Write(Partition(Series.candles(Market.parse(market), step), "2026-10"), candles.to_arrow())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose lake has two commits: 100 candles, then 20 more of an hour each, and an instrument."""
    home = tmp_path_factory.mktemp("sql")
    row = {"symbol": "BTC/USDT", "venue_symbol": "BTCUSDT", "kind": "spot", "base": "BTC", "quote": "USDT"}
    row |= {"settle": "", "active": True, "contract_size": 1.0, "tick": 0.1, "lot": 0.001, "listed_at": None}
    listed = pa.Table.from_pylist([row | {"ccxt_market": "{}"}], schema=arrow_schema(INSTRUMENTS))
    hours = [some(f"binance:{symbol}", Timeframe.H1, 10) for symbol in ("BTC/USDT", "ETH/USDT")]
    with Lake.open(home / "lake") as lake:
        first = [some("binance:BTC/USDT", Timeframe.M1, 60), some("gate:BTC/USDT", Timeframe.M1, 40)]
        lake.commit(first, run_id="r", source="live:test")
        instruments = Write(Partition(Series.instruments("binance")), listed)
        lake.commit([*hours, some("gate:ETH/USDT", Timeframe.M1, 7), instruments], run_id="r", source="live:test")
    return home


@pytest.fixture(autouse=True)
def in_home(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("QMD_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_question_is_answered_in_csv_where_there_is_no_terminal(qmd: Qmd):
    result = qmd("sql", "SELECT venue, count(*) AS n, min(open_at) AS since FROM candles_1m GROUP BY ALL ORDER BY ALL")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "venue,n,since",
        "binance,60,2026-10-01T00:00:00Z",
        "gate,47,2026-10-01T00:00:00Z",
    ]


def test_a_question_is_answered_in_json(qmd: Qmd):
    said = answer(qmd("sql", "SELECT venue, count(*) AS n FROM candles_1m GROUP BY ALL ORDER BY ALL", "--json"))
    assert said == {"columns": ["venue", "n"], "rows": [{"venue": "binance", "n": 60}, {"venue": "gate", "n": 47}]}


@pytest.mark.parametrize("args", [(), ("--tables",)])
def test_the_tables_are_listed_with_rows_and_columns(qmd: Qmd, args: tuple[str, ...]):
    said = {table["table"]: table for table in answer(qmd("sql", *args, "--json"))}
    assert said["candles_1m"]["rows"] == 107
    assert said["candles_1h"]["rows"] == 20
    assert said["instruments"]["rows"] == 1
    assert said["candles_1d"]["rows"] == 0
    assert said["candles_1d"]["columns"]["open_at"] == "TIMESTAMP WITH TIME ZONE"
    shown = qmd("sql", *args).stdout
    assert re.search(r"candles_1m +107  +venue, symbol, open_at, open", shown)


def test_the_query_may_come_from_stdin(home: Path):
    done = subprocess.run([*QMD, "sql", "-"], input=COUNT, capture_output=True, text=True, check=True)
    assert done.stdout == "n\n107\n"


def test_the_lake_can_be_asked_about_an_earlier_commit(qmd: Qmd):
    assert qmd("sql", COUNT, "--as-of", "1").stdout == "n\n100\n"
    assert answer(qmd("sql", "--as-of", "1", "--json"))[0]["rows"] == 100
    refused = qmd("sql", COUNT, "--as-of", "9")
    assert refused.exit_code != 0
    assert "9" in refused.stderr


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_answers_are_written_whole_with_the_same_numbers(qmd: Qmd, home: Path, in_home: Path, format_: str):
    path = in_home / f"out.{format_}"
    query = "SELECT open, low, volume FROM candles_1m WHERE venue = 'binance' ORDER BY open_at"
    result = qmd("sql", query, f"--{format_}", path)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert f"60 rows, {path.stat().st_size:,} bytes" in result.stderr
    read = {"csv": csv.read_csv, "parquet": parquet.read_table}[format_](path)
    with Lake.open(home / "lake") as lake:
        stored = lake.candles(Series.candles(Market.parse("binance:BTC/USDT"), Timeframe.M1))
    for name in ("open", "low", "volume"):
        assert read.column(name).to_pylist() == getattr(stored, name).tolist()
    assert [one.name for one in in_home.iterdir()] == [path.name]


def test_a_file_says_itself_in_json_what_was_written(qmd: Qmd, in_home: Path):
    said = answer(qmd("sql", COUNT, "--parquet", "n.parquet", "--json"))
    size = (in_home / "n.parquet").stat().st_size
    assert said == {"file": "n.parquet", "format": "parquet", "rows": 1, "bytes": size}


def test_an_answer_that_fails_leaves_the_file_that_was_there(qmd: Qmd, in_home: Path):
    (in_home / "n.csv").write_text("before")
    assert qmd("sql", "SELECT CAST(symbol AS INTEGER) FROM candles_1m", "--csv", "n.csv").exit_code == 2
    assert (in_home / "n.csv").read_text() == "before"
    assert len(list(in_home.iterdir())) == 1


def test_csv_goes_to_stdout_on_request(qmd: Qmd):
    assert qmd("sql", COUNT, "--csv", "-").stdout == "n\n107\n"


EVERY_KIND = """
    SELECT [1, 2] AS l, {'a': 1.5} AS s, 1.5 AS d, INTERVAL 1 DAY AS i, DATE '2026-01-01' AS day, 'nan'::DOUBLE AS n,
        NULL AS x, true AS b, 'ab'::BLOB AS bb, TIME '01:02:03' AS t, TIMESTAMP '2026-01-01' AS ts,
        TIMESTAMPTZ '2026-01-01 00:00:00.5+00' AS tz, 'a,"b' AS q, '' AS e, 1 AS a, 2 AS a, 0.1::DOUBLE + 0.2 AS f,
        sum(1) AS h
"""


def test_every_kind_of_value_has_a_form_in_json(qmd: Qmd):
    (row,) = answer(qmd("sql", EVERY_KIND, "--json"))["rows"]
    assert row == {
        "l": [1, 2],
        "s": {"a": 1.5},
        "d": 1.5,
        "i": "P0M1DT0S",
        "day": "2026-01-01",
        "n": None,
        "x": None,
        "b": True,
        "bb": "6162",
        "t": "01:02:03",
        "ts": "2026-01-01T00:00:00",
        "tz": "2026-01-01T00:00:00.500000Z",
        "q": 'a,"b',
        "e": "",
        "a": 1,
        "a_1": 2,
        "f": 0.1 + 0.2,
        "h": 1,
    }


def test_every_kind_of_value_has_a_form_in_csv(qmd: Qmd):
    table = csv.read_csv(io.BytesIO(qmd("sql", EVERY_KIND).stdout_bytes))
    (row,) = table.to_pylist()
    assert table.column_names == answer(qmd("sql", EVERY_KIND, "--json"))["columns"]
    assert (row["l"], row["s"], row["q"], row["f"]) == ("[1, 2]", '{"a": 1.5}', 'a,"b', 0.1 + 0.2)


def test_nothing_and_an_empty_text_differ_in_csv(qmd: Qmd):
    assert qmd("sql", "SELECT NULL AS a, '' AS b, 'x' AS c").stdout.splitlines()[1] == ',"","x"'


def test_a_kind_of_value_that_a_format_has_not_is_refused(qmd: Qmd, in_home: Path):
    refused = qmd("sql", "SELECT INTERVAL 1 DAY AS i", "--parquet", "i.parquet")
    assert refused.exit_code == 2
    assert "cast the column" in refused.stderr
    assert list(in_home.iterdir()) == []


def test_a_table_in_a_terminal_shows_the_first_rows_and_says_so(capsys: pytest.CaptureFixture[str]):
    with duckdb.connect() as connection:
        sql_output.draw(connection.sql("SELECT range AS n, '[red]' || range AS text FROM range(5)"), 3)
        shown = capsys.readouterr().out
        assert "The first 3 rows" in shown
        assert re.search(r"2 +\[red\]2", shown)
        assert "[red]3" not in shown
        sql_output.draw(connection.sql("SELECT 1 AS n"), 3)
        assert "first" not in capsys.readouterr().out


def test_times_in_a_table_are_short_and_floats_have_all_their_digits(capsys: pytest.CaptureFixture[str]):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = "SELECT TIMESTAMPTZ '2026-01-01 08:30+00' AS at, 0.1::DOUBLE + 0.2 AS f, NULL AS x"
        sql_output.draw(connection.sql(query), 3)
    assert re.search(r"2026-01-01 08:30 +0\.30000000000000004$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    "query",
    [
        "COPY candles_1m TO 'out.csv'",
        "WITH x AS (COPY (SELECT 1) TO 'out.csv') SELECT 1",
        "with x as materialized (copy (select 1) to 'out.csv') from x",
        "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO 'out.csv') SELECT 1",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'out.csv'",
        "EXPORT DATABASE 'out'",
        "ATTACH 'out.db'",
        "CREATE TABLE x AS FROM candles_1m",
        "DELETE FROM candles_1m",
        "INSTALL httpfs",
        "SET threads = 1",
        "CALL pragma_version()",
        "IMPORT DATABASE 'x'",
        "SELECT 1; COPY (SELECT 1) TO 'out.csv'",
        "",
        "-- nothing",
    ],
)
def test_what_does_not_only_read_is_refused_and_leaves_nothing_behind(qmd: Qmd, in_home: Path, query: str):
    refused = qmd("sql", query)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("error: ")
    assert list(in_home.iterdir()) == []


@pytest.mark.parametrize(
    "query",
    [
        "FROM candles_1m LIMIT 1",
        "DESCRIBE candles_1m",
        "SUMMARIZE candles_1h",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM candles_1m",
        "EXPLAIN ANALYZE FROM candles_1m",
        "PIVOT candles_1h ON symbol USING max(high)",
        "VALUES (1);",
        "VALUES (1); -- one; ;",
        "SELECT ';' AS text -- a; b",
        "WITH x AS (FROM candles_1m) SELECT count(*) FROM x -- how many",
    ],
)
def test_all_that_reads_is_answered(qmd: Qmd, query: str):
    result = qmd("sql", query)
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) > 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM candles_1m", "nope"),
        ("FROM candle_1m", "candles_1m"),
        ("SELECT CAST(symbol AS INTEGER) FROM candles_1m", "BTC/USDT"),
        ("FROM 'nope.csv'", "nope.csv"),
    ],
)
def test_what_duckdb_says_is_wrong_is_told(qmd: Qmd, query: str, said: str):
    result = qmd("sql", query)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "args", [(COUNT, "--tables"), ("--csv", "x.csv"), (COUNT, "--csv", "x.csv", "--parquet", "x.parquet")]
)
def test_options_that_contradict_each_other_are_refused(qmd: Qmd, in_home: Path, args: tuple[str, ...]):
    assert qmd("sql", *args).exit_code == 2
    assert list(in_home.iterdir()) == []


def test_a_query_may_read_a_file_of_ones_own(qmd: Qmd, in_home: Path):
    (in_home / "mine.csv").write_text("symbol,weight\nBTC/USDT,2\n")
    query = "SELECT sum(weight) AS w FROM candles_1h JOIN 'mine.csv' USING (symbol)"
    assert qmd("sql", query).stdout == "w\n20\n"


def test_a_damaged_file_stops_the_query_unless_asked_otherwise(
    qmd: Qmd, home: Path, tmp_path_factory: pytest.TempPathFactory
):
    copy = tmp_path_factory.mktemp("damaged") / "home"
    shutil.copytree(home, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QMD_HOME", str(copy))
        path = next((copy / "lake" / "data" / "table=candles_1m").rglob("*.parquet"))
        data = bytearray(path.read_bytes())
        data[60] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)
        stopped = qmd("sql", COUNT)
        assert stopped.exit_code == 4
        assert path.name in stopped.stderr
        assert qmd("sql", COUNT, "--no-verify").stdout == "n\n107\n"


def test_without_a_lake_none_is_made(qmd: Qmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_HOME", str(tmp_path / "nowhere"))
    result = qmd("sql", COUNT)
    assert result.exit_code == 2
    assert "there is no lake" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [line for line in sql.command.examples if "<" not in line])
def test_the_examples_of_the_help_run(qmd: Qmd, line: str):
    args = shlex.split(line)[1:]
    if "--as-of" in args:
        args[-1] = "1"  # the lake here was filled just now
    result = qmd(*args)
    assert result.exit_code == 0, result.stderr


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_commands_of_the_page_run_as_written(home: Path, in_home: Path):
    (script,) = blocks("sh")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"QMD_HOME": str(home), "PATH": path}
    run = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False, cwd=in_home)
    assert done.returncode == 0, done.stderr
    assert "candles_1m" in done.stdout
    assert '"highest"' in done.stdout
    assert (in_home / "btc.csv").read_text().count("\n") == 11
    assert parquet.read_metadata(in_home / "closes.parquet").num_rows == 20


def test_the_python_of_the_page_runs_as_written(in_home: Path):
    script = in_home / "page.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "BTC/USDT" in done.stdout
    assert "('gate', 40)" in done.stdout
    assert "2026-10-01 09:00:00 UTC" in done.stdout
