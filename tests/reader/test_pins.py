"""A pin is for ever: the venue restates a candle, and who reads the pin gets the bytes he got before."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from qmd_platform.cli.app import app
from qmd_platform.config import open_lake
from qmd_platform.errors import BadSnapshot, ConfigError, Unmet
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_of
from qmd_platform.reader import Source, candles, coverage, read, read_funding
from qmd_platform.sandbox.server import serving
from tests.reader.worlds import HOUR, MARKET, NOW, SERIES, World, span

MINUTE = span("11:30", "11:31")
RESTATED = [
    {
        "kind": "restated",
        "market": str(MARKET),
        "start": "2026-03-05T11:30:00Z",
        "end": "2026-03-05T11:31:00Z",
        "ticks": 7,
    }
]


def reading(home: Path, **options: Any) -> Any:
    return read(SERIES, start=HOUR.start, end=HOUR.end, home=home, now=NOW, **options)


def qmd(*args: str) -> Any:
    result = CliRunner().invoke(app, [*args, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def restated(played: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> tuple[Path, Any, bytes]:
    """A home after a pin and a restatement, what was read of the pin before it, and the bytes of that as a file."""
    home = played.home(request.node.name, HOUR)
    monkeypatch.setenv("QMD_HOME", str(home))
    qmd("pin", "backtest-7")
    before = reading(home, pin="backtest-7")
    before.frame.to_parquet(home / "before.parquet")
    played.fails(RESTATED)
    with Lake.open(home / "lake") as lake:
        (receipt,) = backfill(
            lake,
            [MARKET],
            Timeframe.M1,
            HOUR,
            run_id="again",
            url=played.sandbox.url,
            asking=Asking(again=(HOUR,), archive=False),
        )
        assert receipt.changed == 1
    return home, before, (home / "before.parquet").read_bytes()


def test_a_pin_reads_the_same_bytes_after_a_restatement_and_now_reads_others(restated: tuple[Path, Any, bytes]):
    home, before, written = restated
    pinned, now = reading(home, pin="backtest-7"), reading(home, strategy="fail_fast")
    assert pinned.rows.equals(before.rows)
    assert pinned.provenance.data_version == before.provenance.data_version
    pinned.frame.to_parquet(home / "after.parquet")
    assert (home / "after.parquet").read_bytes() == written
    assert pinned.provenance.document == before.provenance.document
    assert not now.rows.equals(before.rows)
    assert now.provenance.data_version != before.provenance.data_version
    assert now.rows.within(MINUTE).close != before.rows.within(MINUTE).close
    assert now.provenance.commit > pinned.provenance.commit


def test_qmd_diff_names_the_candle_that_was_restated_since(restated: tuple[Path, Any, bytes]):
    told = qmd("diff", "backtest-7", "now")
    (row,) = told["rows"]
    assert row["series"] == str(SERIES)
    assert "2026-03-05T11:30:00Z" in json.dumps(row)
    assert [one["changed"] for one in told["partitions"]] == [1]


def test_as_of_reads_a_pin_too_and_candles_gives_the_frame_alone(restated: tuple[Path, Any, bytes]):
    home, before, _ = restated
    frame = candles(SERIES, start=HOUR.start, end=HOUR.end, home=home, now=NOW, as_of="backtest-7")
    assert frame.equals(before.frame)
    assert frame.attrs == before.frame.attrs
    assert frame.attrs["qmd"]["ranges"][0]["source"] == "lake"
    assert frame.attrs["qmd"]["commit"] == before.provenance.commit


def test_a_pin_that_is_not_there_or_does_not_hold_the_series_is_refused(restated: tuple[Path, Any, bytes]):
    home, _, _ = restated
    with pytest.raises(BadSnapshot, match=r"no pin 'backtest-8'.*did you mean backtest-7"):
        reading(home, pin="backtest-8")
    with open_lake(home) as lake:
        other = next(one for one in lake.series() if one != SERIES)
        lake.ledger.pin("others", series=[other])
    with pytest.raises(BadSnapshot, match="the pin others does not hold"):
        reading(home, pin="others")
    with pytest.raises(ConfigError, match="cannot fill the past"):
        reading(home, pin="backtest-7", strategy="auto_backfill")


def test_a_pin_whose_window_reached_past_it_stays_the_same_as_time_goes_on(tmp_path: Path):
    hour = 3_600_000
    opened = int(time.time() * 1000) // hour * hour + hour  # it may become full at any moment
    partition = Partition(Series.candles(MARKET, Timeframe.H1), month_of(opened - hour))
    first = max(partition.window.start, opened - 5 * hour)
    at = np.arange(first, opened, hour)
    with Lake.open(tmp_path / "lake") as lake:
        rows = Candles(at, *np.full((5, len(at)), 7.0)).to_arrow()
        lake.commit([Write(partition, rows, asked=(Window(first, opened),))], run_id="r", source="s")
        lake.ledger.pin("early", series=[partition.series])
    window = {"start": first, "end": opened + 12 * hour, "home": tmp_path}
    pinned = [
        read(partition.series, pin="early", now=opened + ahead, **window) for ahead in (3_000, 2 * hour, 48 * hour)
    ]
    assert [len(one) for one in pinned] == [len(at)] * 3
    assert pinned[0].provenance == pinned[1].provenance == pinned[2].provenance
    told = [coverage(partition.series, pin="early", now=opened + ahead, **window) for ahead in (3_000, 48 * hour)]
    assert told[0].runs == told[1].runs
    assert told[0].gaps == []
    with pytest.raises(Unmet, match="2 of the candles asked for are not there"):
        read(partition.series, now=opened + 2 * hour + 3_000, strategy="fail_fast", **window)


def test_a_pin_of_funding_whose_window_reaches_past_it_is_whole_and_stays_the_same(tmp_path: Path):
    market, day, now = "binance:BTC/USDT:USDT", 86_400_000, int(time.time() * 1000)
    window = {"start": now - 3 * day, "end": now + 3 * day, "home": tmp_path}
    with serving() as sandbox:
        series = read_funding(market, now - 3 * day, now, home=tmp_path, url=sandbox.url).provenance.series
    with Lake.open(tmp_path / "lake") as lake:
        lake.ledger.pin("early", series=[series])
        before = read_funding(market, pin="early", **window)
        rows = lake.read(series)
        higher = rows.set_column(rows.column_names.index("rate"), "rate", pc.add(rows["rate"], 0.001)).slice(
            len(rows) - 1
        )
        at = higher["settled_at"].cast("int64").to_pylist()[0]
        lake.commit([Write(Partition(series, month_of(at)), higher)], run_id="again", source="s")
    for ahead in (0, day, 2 * day):
        again = read_funding(market, pin="early", now=now + ahead, **window)
        assert again.provenance.document == before.provenance.document
        assert again.provenance.data_version == before.provenance.data_version
    assert len(before) >= 9
    (lacking,) = (
        one
        for one in read_funding(
            market, pin="early", on_missing="allow", **(window | {"start": now - 90 * day})
        ).provenance.ranges
        if one.source is Source.NOWHERE
    )
    assert lacking.window.start == now - 90 * day
    latest = read_funding(market, strategy="fail_fast", on_missing="allow", **window)
    assert latest.provenance.data_version != before.provenance.data_version
