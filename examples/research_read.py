"""Research: some days of hourly candles and funding of a perpetual; what the lake lacks is fetched, and said.

    python examples/research_read.py binance:BTC/USDT:USDT --days 7

QMD_HOME says where the lake is, QMD_VENUE_URL which server plays the venues (`qmd sandbox`); without it the real ones do.
This prints where every range came from, then what holding the perpetual has brought. Nothing is stored but in the lake.
"""

import argparse
from datetime import UTC, datetime, timedelta

from qmd_platform.reader import Sla, read, read_funding


def main() -> None:
    """Read, say where from, reckon."""
    parser = argparse.ArgumentParser(description="Hourly candles and funding of a perpetual.")
    parser.add_argument("market", nargs="?", default="binance:BTC/USDT:USDT")
    parser.add_argument("--days", type=float, default=3)
    given = parser.parse_args()
    end = datetime.now(UTC)
    start = end - timedelta(days=given.days)

    # Five minutes at most, and a hole is no reason to stop: the outcome says how much is there.
    patience = Sla(total_s=300, on_violation="partial")
    candles = read(given.market, "1h", start, end, sla=patience)
    funding = read_funding(given.market, start, end, sla=patience)

    for found in (candles, funding):
        told = found.provenance
        print(
            f"{told.series}: {len(found):,} rows, {told.outcome.coverage:.1%} there, data version {told.data_version[:12]}"
        )
        for one in told.ranges:
            print(f"  {one.window}: {one.rows:,} from {one.source} {one.detail}".rstrip())

    if not len(candles):
        raise SystemExit(f"no candles, so nothing to reckon: {candles.provenance.outcome.reason.sentence}")
    hours = candles.frame.set_index("open_at")
    moves = hours["close"].pct_change().dropna()
    print(f"volatility: {moves.std() * (24 * 365) ** 0.5:.1%} a year")
    print(f"price: {hours['close'].iloc[-1] / hours['open'].iloc[0] - 1:+.2%}")
    paid = funding.frame["rate"].sum()
    who = "longs paid shorts" if paid > 0 else "shorts paid longs" if paid < 0 else "longs and shorts paid the same"
    print(f"funding: {who}, {abs(paid):.4%} of the notional in {len(funding)} settlements")


if __name__ == "__main__":
    main()
