"""The live log in the lake: every heard row in one place, and the venue asked only for what nobody heard."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.coverage.causes import UNPROVEN
from qmd_platform.errors import WrongWorld
from qmd_platform.ingest.absorbed import absorb, fill_heard
from qmd_platform.ingest.absorbing import Absorbed
from qmd_platform.ingest.asking import Asking, machine_clock
from qmd_platform.ingest.heard import DISPUTED, judged
from qmd_platform.ingest.instruments import refresh
from qmd_platform.ingest.pages import SUPERSEDED
from qmd_platform.ingest.partitions import fill
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake, Write
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.streams.records import HeardCandle
from tests.live.heard import BTC, DAY, MINUTE, NOON, candle

MONTH = Partition(BTC, "2026-11")
ALL = MONTH.window
TAIL = Asking(tail=5, patient=True)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / FOLDER, world="sandbox")
    yield log
    log.close()


def take(lake: Lake, log: Log, *partitions: Partition) -> Absorbed:
    (one,) = absorb(lake, log, partitions or [MONTH], run_id="r")
    told = one.new + one.changed + one.unchanged + one.duplicates + one.quarantined + one.refused
    assert told == one.rows, "every heard row is in one place"
    return one


def minutes(lake: Lake, series: Series = BTC) -> list[int]:
    return ((lake.candles(series).open_at - NOON) // MINUTE).tolist()


def of(*heard: HeardCandle) -> Candles:
    at = np.array([one.open_at for one in heard], np.int64)
    values = (np.array([getattr(one, name) for one in heard]) for name in ("open", "high", "low", "close", "volume"))
    return Candles(at, *values)


def fetched(lake: Lake, at: int, *heard: HeardCandle) -> None:
    """Have the lake hold these as if asked for at ``at``."""
    rows = of(*heard)
    windows = tuple(windows_of(rows.open_at, MINUTE))
    write = Write(MONTH, rows.to_arrow(), asked=windows, fetched_at=at)
    lake.claim_world("sandbox")
    lake.commit([write], run_id="r", source="sandbox:binance")


def test_heard_candles_are_stored_once_and_a_second_time_changes_nothing(lake: Lake, log: Log):
    log.append([candle(2), candle(0), candle(1), candle(0), candle(5)])
    first = Absorbed(MONTH, 5, new=4, changed=0, unchanged=0, duplicates=1, quarantined=0, refused=0)
    assert take(lake, log) == first
    assert minutes(lake) == [0, 1, 2, 5]
    assert lake.candles(BTC).equals(of(candle(0), candle(1), candle(2), candle(5)))
    assert [run.state for run in lake.coverage(BTC, ALL)] == [State.PRESENT] * 2
    (said, *_) = [answer for _, answer in lake.evidence(BTC, Window(NOON, NOON + MINUTE))]
    assert (said.what, said.rows, said.window) == ("stream", 3, Window(NOON, NOON + 3 * MINUTE))
    versions = lake.ledger.versions(BTC)
    assert [one.source for one in versions] == ["sandbox:binance/stream"]
    assert take(lake, log) == replace(first, new=0, unchanged=4)
    assert lake.ledger.versions(BTC) == versions
    log.append([candle(6)])
    assert take(lake, log).new == 1


def test_rows_that_cannot_be_true_are_kept_apart_and_their_candles_are_still_to_be_asked_for(lake: Lake, log: Log):
    forming = replace(candle(1), venue_at=NOON + 2 * MINUTE - 1)
    inverted = replace(candle(2), low=1e9)
    log.append([candle(0), forming, inverted, candle(3), inverted])
    log.append([replace(candle(4), open_at=candle(4).open_at + 7, venue_at=None)])
    took = take(lake, log)
    assert (took.new, took.refused, took.quarantined, took.duplicates) == (2, 1, 2, 1)
    assert minutes(lake) == [0, 3]
    states = {run.window.start: run.state for run in lake.coverage(BTC, ALL)}
    assert states[NOON + 2 * MINUTE] == State.QUARANTINED
    assert NOON + MINUTE not in states
    kept = lake.ledger.rejected_of([MONTH])[MONTH]
    assert len(kept) == took.quarantined
    before = lake.ledger.versions(BTC)
    assert take(lake, log).quarantined == 2
    assert lake.ledger.versions(BTC) == before


def test_of_two_closed_versions_the_later_word_is_kept_and_the_venue_is_to_be_asked_once(lake: Lake, log: Log):
    log.append([candle(0), candle(0, shift=1.0), candle(0), candle(0, shift=1.0), candle(1)])
    took = take(lake, log)
    assert (took.new, took.quarantined, took.duplicates) == (2, 1, 2)
    assert took.disputes == (Window(NOON, NOON + MINUTE),)
    assert lake.candles(BTC).open.tolist() == [101.0, 101.0]
    assert [one.reason for one in lake.ledger.rejected_of([MONTH])[MONTH]] == [SUPERSEDED]
    assert take(lake, log).disputes == ()


def test_a_correction_heard_after_the_candle_was_taken_in_is_a_revision(lake: Lake, log: Log):
    log.append([candle(0)])
    take(lake, log)
    log.append([replace(candle(0, shift=1.0), received_at=candle(0).received_at + 900)])
    took = take(lake, log)
    assert (took.new, took.changed, took.quarantined) == (0, 1, 1)
    assert took.disputes == (Window(NOON, NOON + MINUTE),)
    assert lake.candles(BTC).open.tolist() == [101.0]
    assert len(lake.ledger.revisions(BTC)) == 1


def test_of_a_real_venue_our_own_clock_bounds_what_may_be_over(tmp_path: Path):
    late = replace(candle(0), venue_at=None, received_at=NOON)
    ahead = replace(candle(1), venue_at=NOON + DAY, received_at=NOON + MINUTE)
    log = Log(tmp_path / FOLDER, world="live")
    log.append([late, ahead, replace(candle(2), venue_at=None)])
    with Lake.open(tmp_path / "lake") as lake:
        took = take(lake, log)
        assert (took.refused, minutes(lake)) == (2, [2])
        assert lake.world == "live"
    log.close()


def test_where_the_lake_has_an_older_answer_the_heard_row_takes_its_place_with_a_revision(lake: Lake, log: Log):
    fetched(lake, NOON, candle(0), candle(1))
    log.append([candle(0, shift=2.0), candle(1)])
    took = take(lake, log)
    assert (took.changed, took.unchanged, took.disputes) == (1, 1, (Window(NOON, NOON + MINUTE),))
    assert lake.candles(BTC).open.tolist() == [102.0, 101.0]
    (revision,) = lake.ledger.revisions(BTC)
    assert revision.open_at == NOON
    assert take(lake, log).disputes == ()


def test_where_the_lake_has_a_later_answer_the_heard_row_is_kept_apart_and_told_once(lake: Lake, log: Log):
    fetched(lake, NOON + DAY, candle(0), candle(1))
    log.append([candle(0, shift=2.0), candle(1)])
    took = take(lake, log)
    assert (took.changed, took.quarantined, took.disputes) == (0, 1, (Window(NOON, NOON + MINUTE),))
    assert lake.candles(BTC).open.tolist() == [100.0, 101.0]
    assert [one.reason for one in lake.ledger.rejected_of([MONTH])[MONTH]] == [DISPUTED]
    assert [run.state for run in lake.coverage(BTC, ALL)] == [State.PRESENT]
    again = take(lake, log)
    assert (again.quarantined, again.disputes) == (1, ())


def test_each_heard_row_is_held_against_the_time_of_its_own_answer(lake: Lake, log: Log):
    fetched(lake, NOON + 30 * MINUTE, candle(0), candle(1), candle(2))
    late = replace(candle(1, shift=5.0), received_at=NOON + 45 * MINUTE)
    fetched(lake, NOON + 50 * MINUTE, candle(3))
    later = replace(candle(3, shift=5.0), received_at=NOON + 55 * MINUTE)
    log.append([candle(0, shift=5.0), late, later])
    took = take(lake, log)
    assert (took.changed, took.quarantined) == (2, 1)
    assert lake.candles(BTC).open.tolist() == [100.0, 106.0, 102.0, 108.0]
    assert [one.open_at for one in lake.ledger.revisions(BTC)] == [NOON + MINUTE, NOON + 3 * MINUTE]


def test_longer_candles_are_made_again_where_a_heard_row_changes_what_they_are_made_of(lake: Lake, log: Log):
    fetched(lake, NOON, *(candle(number) for number in range(10)))
    roll_up(lake, BTC.market, Timeframe.M5, ALL, run_id="r")
    five = Series.candles(BTC.market, Timeframe.M5)
    before = lake.candles(five)
    log.append([candle(7, shift=500.0)])
    take(lake, log)
    after = lake.candles(five)
    assert after.high.tolist() == [before.high[0], candle(7, shift=500.0).high]


def test_a_log_of_the_other_world_is_refused(lake: Lake, log: Log):
    lake.claim_world("live")
    log.append([candle(0)])
    with pytest.raises(WrongWorld):
        absorb(lake, log, [MONTH], run_id="r")
    assert minutes(lake) == []


def test_what_is_older_than_all_that_the_venue_serves_is_not_asked_for_again_and_again(lake: Lake, log: Log):
    kraken = Series.parse("kraken:BTC/USD:1m")
    log.append([candle(number, kraken) for number in (0, 100, 800)])
    took = take(lake, log, Partition(kraken, "2026-11"))
    assert (took.new, took.unconfirmed) == (3, tuple(windows_of(NOON + np.array([100, 800]) * MINUTE, MINUTE)))


@pytest.mark.parametrize(("name", "kept"), [("bitfinex:BTC/USD:1m", 0), ("okx:BTC/USDT:1m", 1)])
def test_without_a_word_for_its_end_and_without_a_time_no_second_of_a_candle_is_left_out(
    tmp_path: Path, name: str, kept: int
):
    series = Series.parse(name)
    log = Log(tmp_path / "other", world="live")
    log.append([replace(candle(0, series), venue_at=None, received_at=NOON + MINUTE - 1)])
    (found,) = [judged(one, log.heard(series, one.window), is_live=True) for one in [Partition(series, "2026-11")]]
    assert (len(found.candles), found.refused) == (kept, 1 - kept)
    log.close()


NOW = "2026-12-01T01:10:30Z"
MARKETS = tuple(Market("binance", f"{coin}/USDT") for coin in ("BTC", "ETH", "SOL"))
PARTITIONS = [Partition(Series.candles(market, Timeframe.M1), "2026-12") for market in MARKETS]
HOUR = Window.of("2026-12-01T00:00:00Z", "2026-12-01T01:20:00Z")


def truth(sandbox: Sandbox, market: Market, window: Window = HOUR) -> Candles:
    return sandbox.truth(market, Timeframe.M1, window)


def heard(candles: Candles, market: Market, **changes: object) -> list[HeardCandle]:
    """What a venue says of these as they close."""
    series = Series.candles(market, Timeframe.M1)
    rows = zip(*(getattr(candles, name).tolist() for name in COLUMNS), strict=True)
    said = [HeardCandle(series, *row, True, row[0] + MINUTE + 10, machine_clock()) for row in rows]
    return [replace(one, **changes) for one in said]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serving(now=NOW) as served:
        yield served


@pytest.fixture
def filled(lake: Lake, sandbox: Sandbox) -> Lake:
    """A lake that held all there was twelve minutes ago, of a month that is an hour old."""
    sandbox.move_clock(instant(NOW) - 12 * MINUTE)
    refresh(lake, "binance", run_id="r", url=sandbox.url)
    fill(lake, PARTITIONS, run_id="r", url=sandbox.url)
    sandbox.move_clock(NOW)
    sandbox.reset()
    return lake


def asked(sandbox: Sandbox) -> dict[str, int]:
    found = sandbox.figures()["requests"]["binance"]
    sandbox.reset()
    return {path.rpartition("/")[2]: count for path, count in found.items()}


def tail(lake: Lake, sandbox: Sandbox, log: Log | None = None) -> Sequence[object]:
    return fill_heard(lake, PARTITIONS, run_id="r", url=sandbox.url, asking=TAIL, log=log)


def assert_true(lake: Lake, sandbox: Sandbox) -> None:
    for market in MARKETS:
        assert lake.candles(Series.candles(market, Timeframe.M1), HOUR).equals(truth(sandbox, market))


def test_a_tail_asks_only_for_what_nobody_heard(filled: Lake, sandbox: Sandbox, log: Log):
    for market in MARKETS[:2]:
        log.append(heard(truth(sandbox, market), market))
    receipts = tail(filled, sandbox, log)
    with_log = asked(sandbox)
    assert [one.new for one in receipts] == [12, 12, 12]
    assert [one.heard for one in receipts] == [70, 70, 0]
    assert_true(filled, sandbox)
    assert with_log == {"time": 1, "klines": 1}, "the clock, and the one market that nobody heard"
    sandbox.move_clock(instant(NOW) + 5 * MINUTE)
    tail(filled, sandbox, log)
    assert asked(sandbox) == {"time": 1, "klines": 3}, "as without a log where it has nothing new"
    assert_true(filled, sandbox)


def test_a_hole_in_what_was_heard_is_filled_with_one_question_a_market(filled: Lake, sandbox: Sandbox, log: Log):
    for market in MARKETS:
        rows = truth(sandbox, market)
        log.append(heard(rows.take(np.delete(np.arange(len(rows)), [62, 63, 64])), market))
    assert [one.new for one in tail(filled, sandbox, log)] == [12, 12, 12]
    assert asked(sandbox) == {"time": 1, "klines": 3}
    assert_true(filled, sandbox)
    assert not [run for run in filled.coverage(PARTITIONS[0].series, HOUR) if run.cause == UNPROVEN]


def test_what_was_heard_wrong_is_asked_for_and_the_venue_has_the_last_word(filled: Lake, sandbox: Sandbox, log: Log):
    rows = truth(sandbox, MARKETS[0])
    (wrong,) = heard(
        rows.take(slice(20, 21)), MARKETS[0], open=rows.low[20], received_at=instant("2030-01-01T00:00:00Z")
    )
    log.append([*heard(rows, MARKETS[0]), replace(wrong, series=Series.candles(MARKETS[1], Timeframe.M1))])
    (btc, eth, _) = tail(filled, sandbox, log)
    assert (btc.disputed, eth.disputed) == (0, 1)
    assert [one.open_at for one in filled.ledger.revisions(PARTITIONS[1].series)] == [wrong.open_at] * 2, (
        "there and back"
    )
    assert_true(filled, sandbox)


def test_a_dispute_is_asked_about_until_the_venue_has_answered(filled: Lake, sandbox: Sandbox, log: Log):
    (wrong,) = heard(truth(sandbox, MARKETS[1]).take(slice(20, 21)), MARKETS[1], volume=12345.0)
    log.append([wrong, *(one for market in MARKETS for one in heard(truth(sandbox, market), market)[-15:])])
    minute = (Window(wrong.open_at, wrong.open_at + MINUTE),)
    found = [absorb(filled, log, PARTITIONS[1:2], run_id="r")[0] for _ in range(2)]
    assert [one.disputes for one in found] == [minute, ()]
    assert [one.unconfirmed for one in found] == [minute, minute]
    tail(filled, sandbox, log)
    assert asked(sandbox) == {"time": 2, "klines": 1}
    assert_true(filled, sandbox)
    assert absorb(filled, log, PARTITIONS[1:2], run_id="r")[0].unconfirmed == ()
    tail(filled, sandbox, log)
    assert asked(sandbox) == {"time": 1}


def test_what_was_heard_is_read_again_within_the_hour_so_that_a_quiet_correction_is_noticed(
    lake: Lake, sandbox: Sandbox, log: Log
):
    refresh(lake, "binance", run_id="r", url=sandbox.url)
    began = machine_clock() - 80 * MINUTE
    for market in MARKETS:
        rows = heard(truth(sandbox, market), market)
        log.append([replace(one, received_at=began + number * MINUTE) for number, one in enumerate(rows)])
    restated = {"market": str(MARKETS[0]), "start": HOUR.start + 20 * MINUTE, "end": HOUR.start + 21 * MINUTE}
    sandbox.plan_faults([{"kind": "restated", "ticks": 3, "from_request": 1, **restated}])
    tail(lake, sandbox, log)
    assert asked(sandbox)["klines"] == len(MARKETS), "one page a market"
    assert [one.open_at for one in lake.ledger.revisions(PARTITIONS[0].series)] == [HOUR.start + 20 * MINUTE]
    tail(lake, sandbox, log)
    assert asked(sandbox)["klines"] == 1, "what was heard of the corrected candle is found to differ now"
    tail(lake, sandbox, log)
    assert asked(sandbox) == {"time": 1}, "the next time is in an hour"
