"""From a venue's own words to what is kept and absorbed: venues that never say that a candle is closed."""

import json
from pathlib import Path

from qmd_platform.ingest.heard import judged
from qmd_platform.live.keeping import Keeping
from qmd_platform.live.log import Log
from qmd_platform.live.queue import Batch
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Window, instant
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.records import HeardCandle
from qmd_platform.venues.streams.wanted import EVER, subject

KRAKEN = Series.parse("kraken:BTC/USD:1m")


def ohlc(minute: int, second: int, volume: float) -> str:
    """As in docs.kraken.com/exchange/api-reference/spot-websocket-v2/ohlc, read on 2026-11-21."""
    begin, end = f"2026-10-04T16:{minute:02d}:00.000000000Z", f"2026-10-04T16:{minute + 1:02d}:00.000000Z"
    row = {
        "symbol": "BTC/USD",
        "open": 1.0,
        "high": 2.0,
        "low": 0.5,
        "close": 1.5,
        "trades": 3,
        "volume": volume,
        "vwap": 1.2,
        "interval_begin": begin,
        "interval": 1,
        "timestamp": end,
    }
    said_at = f"2026-10-04T16:{minute:02d}:{second:02d}.524394914Z"
    return json.dumps({"channel": "ohlc", "type": "update", "timestamp": said_at, "data": [row]})


def test_krakens_candles_whose_last_trade_was_before_their_end_are_kept_and_absorbed(tmp_path: Path) -> None:
    dialect, keeping, log = TABLE["kraken"], Keeping(), Log(tmp_path / "live", world="live")
    reader = dialect.reader(dialect.streams(subject(KRAKEN, {"id": "XXBTZUSD"}, EVER)))
    for minute, second, volume in [(10, 5, 1.0), (10, 58, 9.0), (11, 3, 0.5), (11, 40, 2.0), (14, 20, 7.0)]:
        now = instant(f"2026-10-04T16:{minute}:{second:02d}Z") + 600
        said = [one for one in reader.read(ohlc(minute, second, volume), now) if isinstance(one, HeardCandle)]
        closed, forming = [one for one in said if one.is_closed], [one for one in said if not one.is_closed]
        if worth := keeping.worth(Batch(closed, forming, []), 0.0):
            log.append(worth)
            keeping.kept(worth)
    log.close()
    assert keeping.early == 0
    day = Window(instant("2026-10-04T00:00Z"), instant("2026-10-05T00:00Z"))
    found = judged(Partition(KRAKEN, "2026-10"), Log(tmp_path / "live").heard(KRAKEN, day), is_live=True)
    begin = instant("2026-10-04T16:10Z")
    assert [(at - begin) // 60_000 for at in found.candles.open_at.tolist()] == [0, 1]
    assert found.candles.volume.tolist() == [9.0, 2.0]
    assert (found.refused, found.rejected) == (0, ())


def test_a_clock_of_ours_that_is_a_little_slow_costs_no_candle_of_bitfinex() -> None:
    """Its messages carry no time: what our clock has not seen the end of would not be kept."""
    series, begin, slow = Series.parse("bitfinex:BTC/USD:1m"), instant("2026-10-04T16:10Z"), 300
    dialect, keeping = TABLE["bitfinex"], Keeping(is_live=True)
    reader = dialect.reader(dialect.streams(subject(series, {"id": "tBTCUSD"}, EVER, is_live=True)))
    reader.read('{"event":"subscribed","channel":"candles","chanId":7,"key":"trade:1m:tBTCUSD"}', begin)
    kept: dict[int, float] = {}
    for after, volume in [(100, 1.0), (59_900, 9.0), (60_100, 0.5), (90_000, 2.0), (120_200, 1.0), (121_000, 3.0)]:
        row = [begin + after // 60_000 * 60_000, 1.0, 1.5, 2.0, 0.5, volume]
        said = reader.read(json.dumps([7, row]), begin + after - slow)
        closed = [one for one in said if isinstance(one, HeardCandle) and one.is_closed]
        worth = [one for one in keeping.worth(Batch(closed, [], []), 0.0) if isinstance(one, HeardCandle)]
        kept |= {(one.open_at - begin) // 60_000: one.volume for one in worth}
    assert (kept, keeping.early) == ({0: 9.0, 1: 2.0}, 0)
