"""Candles out of what Tardis recorded: whole minutes only, beside the venue's own and never over them, every trade accounted for."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ArchiveDamaged, ConfigError, Refused, UnknownMarket, WrongWorld
from qmd_platform.ingest import tardis_candles, tardis_days, tardis_files, tardis_lacking
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.tardis import candles_of_replay, candles_of_trades
from qmd_platform.ingest.tardis_amounts import in_base
from qmd_platform.ingest.tardis_files import Account
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.spans import Run, State, in_state
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from qmd_platform.sandbox.service import Sandbox
from tests.ingest.tardis.taped import DAY, GATE, KRAKEN, NEXT, bring, files_asked, series, traded

CAUSES = (tardis_candles.SILENT, tardis_lacking.UNSETTLED)


@pytest.mark.parametrize(
    "market",
    [
        *("binance:BTC/USDT:USDT", "gate:BTC/USDT:USDT", "bitfinex:BTC/USDT:USDT", "okx:BTC/USDT:USDT"),
        *("bybit:ETH/USDT", "kraken:BTC/USD"),
    ],
)
def test_a_days_trades_become_the_venues_candles_bit_for_bit(lake: Lake, sandbox: Sandbox, tmp_path: Path, market: str):
    whose = Market.parse(market)
    bring(lake, sandbox, whose, DAY, tmp_path)
    known = Window(DAY.start, DAY.end - MINUTE)  # the last minute's last trades came in on the next day
    assert lake.candles(series(whose)).equals(traded(sandbox, whose, known))


def test_every_file_is_evidence_with_its_digest_and_the_source_is_named(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    ((_, answer),) = lake.evidence(series(KRAKEN))
    known = Window(DAY.start, DAY.end - MINUTE)
    assert (answer.window, answer.what) == (known, "/v1/kraken/trades/2026/11/01/BTC-USD.csv.gz")
    assert len(answer.digest) == 64
    (version,) = lake.ledger.versions(series(KRAKEN), limit=5)
    assert version.source == "sandbox:kraken/tardis"


def test_the_last_minute_of_a_day_comes_with_the_next_days_file_in_whatever_order_they_come(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    edge = Window(DAY.end - MINUTE, DAY.end)
    bring(lake, sandbox, KRAKEN, NEXT, tmp_path)
    assert lake.coverage(series(KRAKEN), edge) == []  # nothing is said of it, not even that it is missing
    brought = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    assert brought.receipts[0].compared > 1_000  # the next day's file was here and is read with it
    assert lake.candles(series(KRAKEN), edge).equals(traded(sandbox, KRAKEN, edge))
    assert files_asked(sandbox) == 2


def test_what_one_trade_out_of_time_leaves_alone_is_told(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, GATE, DAY, tmp_path / "as it is")
    (kept,) = (tmp_path / "as it is").rglob("*.csv.gz")
    *_, last = rows = gzip.decompress(kept.read_bytes()).splitlines(keepends=True)
    late = last.split(b",")
    late[2] = str(int(late[3]) - 6 * 3_600_000_000).encode()
    name = tmp_path / "changed" / kept.relative_to(tmp_path / "as it is")
    name.parent.mkdir(parents=True)
    name.write_bytes(gzip.compress(b"".join([*rows, b",".join(late)])))
    brought = bring(lake, sandbox, GATE, DAY, tmp_path / "changed")
    (left,) = brought.left
    assert (left.window, left.why) == (Window.of("2026-11-01T18:00Z", "2026-11-02"), tardis_lacking.OUT_OF_TIME)
    assert brought.account.outside > 0


def test_a_second_run_downloads_nothing_and_changes_nothing(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    first = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    before = lake.candles(series(KRAKEN))
    again = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    assert (files_asked(sandbox), again.receipts[0].new, again.account) == (1, 0, first.account)
    assert again.receipts[0].version == first.receipts[0].version
    assert lake.candles(series(KRAKEN)).equals(before)


def test_a_day_of_which_the_lake_knows_every_minute_is_not_asked_for(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    market = Market("binance", "ETH/USDT")
    backfill(lake, [market], Timeframe.M1, DAY, run_id="r", url=sandbox.url)
    assert bring(lake, sandbox, market, DAY, tmp_path).account == Account()
    assert files_asked(sandbox) == 0


def test_minutes_without_a_trade_are_missing_where_the_source_does_not_say_when_it_was_away(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    runs = lake.coverage(series(KRAKEN), DAY)
    assert {(run.state, run.cause) for run in runs} == {(State.PRESENT, ""), (State.MISSING, tardis_candles.SILENT)}
    silent = sum(one.steps(MINUTE) for one in in_state(runs, State.MISSING))
    assert silent == 1439 - len(lake.candles(series(KRAKEN))) > 10


def test_what_is_not_there_of_what_was_asked_for_is_told_with_the_reason(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    brought = bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    told = {cause: sum(one.window.steps(MINUTE) for one in brought.lacking if one.cause == cause) for cause in CAUSES}
    assert told == {tardis_candles.SILENT: 1439 - len(lake.candles(series(KRAKEN))), tardis_lacking.UNSETTLED: 1}
    hour = Window.of("2026-11-01T06:00Z", "2026-11-01T07:00Z")
    part = bring(lake, sandbox, KRAKEN, hour, tmp_path).lacking
    assert sum(one.window.steps(MINUTE) for one in part) == 60 - len(lake.candles(series(KRAKEN), hour))


def test_a_reported_incident_is_a_hole_and_no_candle_is_made_of_what_is_left_of_its_minutes(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    sandbox.tardis.away.append(Window.of("2026-11-01T03:10:10Z", "2026-11-01T03:31:20Z"))
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    touched = Window.of("2026-11-01T03:10Z", "2026-11-01T03:32Z")
    assert [(run.state, run.cause) for run in lake.coverage(series(KRAKEN), touched)] == [
        (State.MISSING, tardis_candles.AWAY)
    ]


def test_a_day_without_a_row_says_nothing_of_its_minutes(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    sandbox.tardis.away.append(NEXT)
    brought = bring(lake, sandbox, KRAKEN, Window(DAY.start, NEXT.end), tmp_path)
    assert brought.failures == ()
    assert in_state(lake.coverage(series(KRAKEN), NEXT), State.VERIFIED_EMPTY, State.PRESENT) == []
    silent = bring(lake, sandbox, KRAKEN, NEXT, tmp_path)
    assert sum(one.window.steps(MINUTE) for one in silent.lacking) >= 1439


def test_the_venues_own_candles_stay_and_what_disagrees_is_told(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    hour = Window.of("2026-11-01T06:00Z", "2026-11-01T07:00Z")
    backfill(lake, [GATE], Timeframe.M1, hour, run_id="r", url=sandbox.url)
    held = lake.candles(series(GATE), hour)
    wrong = Candles(held.open_at[:2], held.open[:2], held.high[:2] + 1, held.low[:2], held.close[:2], held.volume[:2])
    lake.commit([Write(Partition(series(GATE), "2026-11"), wrong.to_arrow())], run_id="r", source="sandbox:gate")
    kept = lake.candles(series(GATE), hour)
    (receipt,) = bring(lake, sandbox, GATE, DAY, tmp_path).receipts
    assert (receipt.disagreements, receipt.new) == (2, len(traded(sandbox, GATE, DAY)) - 1 - receipt.compared)
    assert all(" in the lake, " in doubt and "high is" in doubt for doubt in receipt.doubts)
    assert lake.candles(series(GATE), hour).equals(kept)


def test_what_the_venue_brings_later_wins_even_if_it_was_fetched_before(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    one = lake.candles(series(KRAKEN)).take(slice(0, 1))
    other = Candles(one.open_at, one.open, one.high + 1, one.low, one.close, one.volume)
    write = Write(Partition(series(KRAKEN), "2026-11"), other.to_arrow(), fetched_at=1)
    lake.commit([write], run_id="r", source="sandbox:kraken")
    assert lake.candles(series(KRAKEN)).take(slice(0, 1)).equals(other)


def test_a_minute_the_venue_says_is_empty_stays_so_and_the_row_is_kept_apart(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    first = traded(sandbox, KRAKEN, DAY).take(slice(0, 1))
    at = Window(int(first.open_at[0]), int(first.open_at[0]) + MINUTE)
    said = Run(at, State.VERIFIED_EMPTY, "two answers of the venue speak about this time, and both leave it out")
    write = Write(Partition(series(KRAKEN), "2026-11"), Candles.empty().to_arrow(), asked=(at,), explained=(said,))
    lake.commit([write], run_id="r", source="sandbox:kraken")
    (receipt,) = bring(lake, sandbox, KRAKEN, DAY, tmp_path).receipts
    assert receipt.quarantined == 1
    assert lake.coverage(series(KRAKEN), at) == [said]
    (row,) = lake.ledger.rejected_of([Partition(series(KRAKEN), "2026-11")])[Partition(series(KRAKEN), "2026-11")]
    assert (row.open_at, row.reason) == (at.start, tardis_candles.DENIED)


def test_days_that_could_be_had_are_kept_and_the_others_are_named(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    sandbox.plan_faults([{"kind": "truncated_json", "path": "/2026/11/02/"}])
    window = Window.of("2026-11-01", "2026-11-04")
    brought = bring(lake, sandbox, KRAKEN, window, tmp_path)
    (failure,) = brought.failures
    assert "2026/11/02/BTC-USD.csv.gz" in failure
    assert "is cut short" in failure
    assert brought.error is None
    assert in_state(lake.coverage(series(KRAKEN), NEXT), State.PRESENT) == []
    assert len(lake.candles(series(KRAKEN))) > 2_000
    sandbox.plan_faults(None)
    sandbox.reset()
    assert bring(lake, sandbox, KRAKEN, window, tmp_path).failures == ()
    assert files_asked(sandbox) == 1


def test_days_that_are_not_published_yet_are_named(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    brought = bring(lake, sandbox, KRAKEN, Window.of("2026-11-19", "2026-11-22"), tmp_path)
    assert (files_asked(sandbox), brought.failures) == (1, ())
    left = tardis_days.Left(Window.of("2026-11-20", "2026-11-22"), tardis_days.NOT_YET)
    assert brought.left == (left,)
    alone = bring(lake, sandbox, KRAKEN, left.window, tmp_path)
    assert (alone.left, alone.lacking, alone.account) == ((left,), (), Account())


def test_days_before_the_first_are_named_beside_others_and_refused_alone(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    late = Market("okx", "LATE/USDT")
    (left,) = bring(lake, sandbox, late, Window.of("2026-10-14", "2026-10-16"), tmp_path).left
    assert left == tardis_days.Left(Window.of("2026-10-14", "2026-10-15"), tardis_days.NEVER)
    for market, first in ((late, "2026-10-15"), (KRAKEN, "2023-01-10")):  # whatever Tardis called it by then
        with pytest.raises(UnknownMarket, match=f"it has them from {first}T00:00:00Z to 2026-11-20T00:00:00Z"):
            bring(lake, sandbox, market, Window.of("2022-01-01", "2022-01-02"), tmp_path)


def test_a_refusal_ends_the_asking_and_what_had_come_is_kept(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TARDIS_API_KEY")
    brought = bring(lake, sandbox, KRAKEN, Window.of("2026-11-01", "2026-11-05"), tmp_path)
    assert isinstance(brought.error, Refused)
    assert brought.left == (tardis_days.Left(Window.of("2026-11-03", "2026-11-05"), tardis_files.STOPPED),)
    assert files_asked(sandbox) == 2
    assert len(lake.candles(series(KRAKEN))) > 1_000


def test_a_kept_file_that_was_damaged_is_refused_with_its_place_and_nothing_is_committed(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    (path,) = tmp_path.rglob("*.csv.gz")
    path.write_bytes(path.read_bytes()[:-30])
    before = lake.ledger.last_commit()
    with pytest.raises(ArchiveDamaged, match=r"BTC-USD\.csv\.gz: .*delete the file"):
        bring(lake, sandbox, KRAKEN, Window(DAY.start, NEXT.end), tmp_path)
    assert lake.ledger.last_commit() == before


def test_krakens_files_are_found_under_both_names_of_a_coin(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, KRAKEN, Window.of("2026-06-30", "2026-07-02"), tmp_path)
    assert sorted(one.name for one in tmp_path.rglob("*.csv.gz")) == ["BTC-USD.csv.gz", "XBT-USD.csv.gz"]
    known = Window.of("2026-06-30", "2026-07-01T23:59Z")
    assert lake.candles(series(KRAKEN)).equals(traded(sandbox, KRAKEN, known))


def test_what_the_venue_does_not_list_is_refused_and_so_is_what_is_of_the_other_world(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    with pytest.raises(UnknownMarket, match="does not list"):
        bring(lake, sandbox, Market("kraken", "NOPE/USD"), DAY, tmp_path)
    with pytest.raises(ConfigError, match="not the address"):
        candles_of_replay(lake, KRAKEN, DAY, "nowhere", run_id="r", url=sandbox.url)
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    with pytest.raises(WrongWorld):
        candles_of_trades(lake, KRAKEN, DAY, tmp_path, run_id="r", url=None)


def test_contracts_become_base_coins_by_the_exact_decimal():
    contracts = np.array([12.34, 7.0, 123456789.0])
    assert in_base(contracts, 0.01).tolist() == [0.1234, 0.07, 1234567.89]
    assert in_base(np.array([3.0]), 0.0001).tolist() == [0.0003]
    assert in_base(np.array([3.0]), 10.0).tolist() == [30.0]
