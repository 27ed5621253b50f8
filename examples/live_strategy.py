"""A strategy's loop: one decision for each candle, as soon as it is closed, on whole data or not at all.

    python examples/live_strategy.py binance:BTC/USDT:1m

Where a collector listens on the same QMD_HOME (`qmd live collect`), its log is read and no venue is asked; otherwise the newest
candle comes by REST, and is kept in the lake. Forming candles are never seen. Nothing is traded: it prints.
"""

import argparse
import time
from datetime import UTC, datetime

from qmd_platform.model.series import Series
from qmd_platform.reader import Read, Sla, read


def main() -> None:
    """Look, decide, wait."""
    parser = argparse.ArgumentParser(description="Follow the newest closed candle.")
    parser.add_argument("series", type=Series.parse, nargs="?", default="binance:BTC/USDT:1m")
    parser.add_argument("--candles", type=int, default=30, help="how many each decision is made of")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks")
    parser.add_argument("--looks", type=int, default=0, help="stop after so many; 0 never")
    given = parser.parse_args()

    step = given.series.timeframe.step
    # A candle of a minute ended up to 60 s ago; older than a second one is not fresh. Holes are not traded on either.
    sla = Sla(live_s=10, total_s=20, min_coverage=1.0, max_staleness_s=2 * step / 1000, on_violation="partial")
    decided, looks = None, 0
    while not given.looks or looks < given.looks:
        looks += 1
        now = int(time.time() * 1000)
        found = read(given.series, start=now // step * step - given.candles * step, end=now, sla=sla)
        newest = found.frame["open_at"].iloc[-1] if len(found) else None
        if not found.provenance.outcome.is_met:
            print(f"{clock()} no decision: {why(found)}", flush=True)
        elif newest is not None and newest != decided:
            decided = newest
            print(f"{clock()} {newest:%H:%M} from {source(found)}: {decision(found)}", flush=True)
        if not given.looks or looks < given.looks:
            time.sleep(given.every)


def decision(found: Read) -> str:
    """Long above the average, flat below. A placeholder for yours."""
    closes = found.frame["close"]
    return f"close {closes.iloc[-1]:g} is {'above' if closes.iloc[-1] > closes.mean() else 'not above'} its average"


def why(found: Read) -> str:
    """What was not met, and what venue or deadline said."""
    told = found.provenance.outcome
    return "; ".join(dict.fromkeys([told.reason.sentence, *told.failures]))


def source(found: Read) -> str:
    """Where the newest candle came from: its range need not be the last, where a venue omits minutes without trades."""
    opened = int(found.frame["open_at"].iloc[-1].timestamp() * 1000)
    its = next(one for one in found.provenance.ranges if one.window.contains(opened))
    return f"{its.source} {its.detail}".rstrip()


def clock() -> str:
    """The time, to the second."""
    return f"{datetime.now(UTC):%H:%M:%S}"


if __name__ == "__main__":
    main()
