"""A backtest that gives the same numbers for ever, whatever venues restate: it reads a pin.

    python examples/backtest_with_pin.py ma-cross --series binance:BTC/USDT:1h --start 2026-11-01 --end 2026-11-15

The first time it fills what the lake lacks and makes the pin. Every later run of the same name reads the same bytes, and
says by the data version that it did. `qmd diff ma-cross now` shows what is new or restated since.
"""

import argparse

from qmd_platform.config import open_lake
from qmd_platform.model.series import Series
from qmd_platform.reader import read

FEE = 0.0005
"""Of the notional, for each change of position."""


def main() -> None:
    """Pin once, read the pin, reckon."""
    parser = argparse.ArgumentParser(description="A crossing of two averages, on pinned candles.")
    parser.add_argument("pin")
    parser.add_argument("--series", type=Series.parse, default="binance:BTC/USDT:1h")
    parser.add_argument("--start", required=True)
    parser.add_argument("--end", required=True)
    parser.add_argument("--fast", type=int, default=12)
    parser.add_argument("--slow", type=int, default=48)
    given = parser.parse_args()

    if not is_pinned(given.pin):
        read(given.series, start=given.start, end=given.end, strategy="auto_backfill")  # raises unless it is whole
        with open_lake() as lake:
            lake.ledger.pin(given.pin, series=[given.series], note="made by examples/backtest_with_pin.py")
        print(f"pinned {given.series} as {given.pin}")

    found = read(given.series, start=given.start, end=given.end, pin=given.pin)
    frame = found.frame
    fast, slow = (frame["close"].rolling(length).mean() for length in (given.fast, given.slow))
    # What is known at a candle's close is traded at the next one's open, and not a moment earlier.
    position = (fast > slow).astype(float).shift(1, fill_value=0.0)
    gains = position * (frame["open"].shift(-1) / frame["open"] - 1).fillna(0.0)
    costs = position.diff().abs().fillna(position) * FEE
    equity = (1 + gains - costs).cumprod()

    print(
        f"{len(frame):,} candles as of commit {found.provenance.commit}, data version {found.provenance.data_version}"
    )
    print(f"return {equity.iloc[-1] - 1:+.4%}, worst fall {(equity / equity.cummax() - 1).min():.4%}")


def is_pinned(name: str) -> bool:
    """Whether the lake has a pin of this name."""
    with open_lake() as lake:
        return any(one.name == name for one in lake.ledger.pins())


if __name__ == "__main__":
    main()
