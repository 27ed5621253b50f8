"""The deterministic market: what traded in any minute of any listing, as a pure function.

What lives here: prices, volumes, minutes without trades, the candle in progress, and ``truth``, the closed form that
tests compare with. What does not: what befalls a market (``events`` says it, ``happened`` does it), rollups
(``columns``), recordings (``replay``), the wire (``binance`` and others).

Everything is whole numbers: prices in ticks, volumes in lots of the venue's own unit. A longer candle is the exact
rollup of the 1m candles as the venue prints them.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox import happened
from qmd_platform.sandbox.columns import Trading, rolled_up
from qmd_platform.sandbox.noise import Octave, scrambled, seed_of, smooth
from qmd_platform.sandbox.universe import Character, Listing, listings

BLOCK = 64
"""Minutes of a block. Its first minute always has trades, so "the last close" is never far to look for."""

SLEEPY = 128
"""Idle minutes in 1024 from which on quiet stretches have their full length, up to half an hour."""

# Heights add up to less than half the reference price, so a price is never zero. Shared by all markets of a coin:
# the same coin costs about the same everywhere.
_COIN = tuple(
    Octave(period, round(height * 2**30))
    for period, height in (
        (5, 0.0006),
        (23, 0.0013),
        (120, 0.003),
        (700, 0.007),
        (3_100, 0.017),
        (17_000, 0.04),
        (90_000, 0.1),
        (430_000, 0.25),
    )
)
_VENUE = (Octave(1, round(0.0002 * 2**30)), Octave(11, round(0.0003 * 2**30)))

_MOST_AT_ONCE = 1 << 17
END_OF_TIME = 1 << 53
"""An instant later than any candle."""


def trading(listing: Listing, step: int, first: Instant, end: Instant, now: Instant) -> Trading:
    """The candles of ``step`` ms with ``first <= open_at < end`` that ``listing``'s venue shows at ``now``.

    The candle in progress at ``now`` is there with what has happened so far. Nothing is there before the listing;
    the candle the listing falls into starts with it. Venues that omit candles without trades omit them.
    """
    first = max(-(-first // step) * step, listing.listed_at // step * step)
    end = min(-(-end // step) * step, now // step * step + step)
    stride = max(_MOST_AT_ONCE // (step // MINUTE), 1) * step
    parts = [rolled_up(_shown(listing, at, min(at + stride, end), now), step) for at in range(first, end, stride)]
    return happened.without_holes(Trading.concat(parts), listing.events, step) if parts else Trading.none()


def truth(market: Market, timeframe: Timeframe, window: Window, now: Instant) -> Candles:
    """The closed candles of ``market`` opening in ``window`` as they ought to end up in a lake.

    Args:
        market: a market of the deterministic universe.
        timeframe: length of the candles.
        window: open times, need not be on the grid.
        now: the venue's clock; a candle with ``open_at + step > now`` is not closed and not here.

    Returns:
        sorted candles, volume in base coins, each number the float64 nearest to the exact decimal.

    Raises:
        ConfigError: the universe has no such market.
    """
    found = next((listing for listing in listings() if listing.market == market), None)
    if found is None:
        raise ConfigError(f"the sandbox lists no market {market}")
    return truth_of(found, timeframe, window, now)


def truth_of(found: Listing, timeframe: Timeframe, window: Window, now: Instant) -> Candles:
    """``truth`` of a listing with all that befalls it until ``now``."""
    closed = now // timeframe.step * timeframe.step
    rows = trading(found, timeframe.step, window.start, min(window.end, closed), now)
    ticks = 10.0**found.tick_digits
    return Candles(
        rows.open_at,
        rows.open / ticks,
        rows.high / ticks,
        rows.low / ticks,
        rows.close / ticks,
        in_base(rows.volume, found),
    )


def in_base(lots: NDArray[np.int64], listing: Listing) -> NDArray[np.float64]:
    """Lots of the venue's unit as base coins: the nearest float64 of the exact decimal product."""
    size = listing.contract_size
    exponent = int(size.as_tuple().exponent)
    digits = listing.lot_digits - exponent
    return np.asarray(lots * int(size.scaleb(-exponent)) / 10.0**digits)


def _shown(listing: Listing, first: Instant, end: Instant, now: Instant) -> Trading:
    """The 1m candles opening in [first, end), the one in progress as it stands, none before the listing."""
    lo = max(first, listing.listed_at) // MINUTE
    gone = END_OF_TIME if listing.events.gone_at is None else listing.events.gone_at
    hi = min(-(-min(end, gone) // MINUTE), now // MINUTE + 1)
    if lo >= hi or listing.character is None:
        return Trading.none()
    rows = _minutes(listing, listing.character, lo, hi)
    if hi == now // MINUTE + 1:
        elapsed = np.array([now % MINUTE], np.int64)
        rows = Trading.concat([rows.take(slice(0, -1)), so_far(rows.take(slice(-1, None)), elapsed)])
    rows = happened.restated(rows, listing.events, now)
    rows = happened.silenced(rows, listing.events, partial(_close_before, listing, listing.character, now))
    return rows.take(rows.volume > 0) if listing.omits_empty else rows


def _close_before(listing: Listing, character: Character, now: Instant, at: Instant) -> int:
    """Ticks of the last trade before ``at``; of the first one where the listing is not older."""
    born = listing.listed_at // MINUTE
    minute = max(at // MINUTE - 1, born)
    row = happened.restated(_minutes(listing, character, minute, minute + 1), listing.events, now)
    return int((row.open if at // MINUTE <= born else row.close)[0])


def _minutes(listing: Listing, character: Character, lo: int, hi: int) -> Trading:
    """The whole minutes lo, lo + 1, ... hi - 1 (minutes since 1970), all after the listing."""
    born = listing.listed_at // MINUTE
    start = max(born, (lo - 1) // BLOCK * BLOCK)
    minute = np.arange(start, hi, dtype=np.int64)
    seed = seed_of(_name(listing))
    bits = scrambled(seed, minute)
    traded = _traded(seed, character, minute, bits) | (minute == born)
    price = _prices(listing, seed, character, start, hi - start + 1)
    # The close of the last minute with trades; row 0 always has some.
    close = price[1:][np.maximum.accumulate(np.where(traded, np.arange(len(minute)), 0))]
    before = np.r_[price[0], close[:-1]]
    # One open in 16 misses the last close by a tick, as on a real venue, but never after a minute without trades.
    off = np.where(np.r_[False, traded[:-1]] & (bits % 16 == 0), (bits >> 4).astype(np.int64) % 2 * 2 - 1, 0)
    open_ = np.where(traded, np.maximum(before + off, 1), before)
    reach = character.reference // 4096 + 2
    up, down = (bits >> 8).astype(np.int64) & 1023, (bits >> 18).astype(np.int64) & 1023
    # Squared, so that most wicks are short and a few are long.
    high = np.maximum(open_, close) + np.where(traded, reach * up * up >> 20, 0)
    low = np.maximum(np.minimum(open_, close) - np.where(traded, reach * down * down >> 20, 0), 1)
    volume = np.where(traded, _volumes(character, minute, bits), 0)
    taker = volume * ((bits >> 28).astype(np.int64) & 255) >> 8
    typical = (high + low + close) // 3
    trades = np.where(traded, 1 + volume * 97 // (character.activity + 1), 0)
    rows = Trading(minute * MINUTE, open_, high, low, close, volume, volume * typical, trades, taker, taker * typical)
    return rows.take(slice(lo - start, None))


def _name(listing: Listing) -> str:
    """Whose prices these are."""
    return listing.events.prices_of or str(listing.market)


def _traded(seed: int, character: Character, minute: NDArray[np.int64], bits: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether a minute has trades: single idle minutes, and now and then a quiet stretch inside a block.

    The busier the market, the shorter its stretches: half an hour of nothing in BTC would be an outage.
    """
    block = minute // BLOCK
    first = int(block[0])
    fate = scrambled(seed + 1, np.arange(first, int(block[-1]) + 1, dtype=np.int64))[block - first].astype(np.int64)
    quiet = (fate & 1023) < character.idle
    since = 1 + (fate >> 10 & 15)
    inside = minute % BLOCK - since
    asleep = quiet & (inside >= 0) & (inside < (fate >> 14 & 31) * min(character.idle, SLEEPY) // SLEEPY)
    idle = (bits >> 36).astype(np.int64) & 1023
    return np.asarray((minute % BLOCK == 0) | ~(asleep | (idle < character.idle)))


def _prices(listing: Listing, seed: int, character: Character, start: int, count: int) -> NDArray[np.int64]:
    """Ticks at the start of each minute."""
    coin = seed_of(Market.parse(_name(listing)).symbol.partition("/")[0].removeprefix("1000"))
    moved = smooth(coin, _COIN, start, count) + smooth(seed, _VENUE, start, count)
    return np.asarray(np.maximum(character.reference + (character.reference * moved >> 30), 1))


def _volumes(character: Character, minute: NDArray[np.int64], bits: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Lots of a minute: a heavy tail, more by day than by night (UTC)."""
    busy = (bits >> 44).astype(np.int64) & 1023
    of_day = minute % 1440
    tide = 700 + np.minimum(of_day, 1440 - of_day)
    return np.asarray(1 + (character.activity * (busy * busy >> 10) >> 10) * tide // 1420)


def so_far(row: Trading, elapsed: NDArray[np.int64]) -> Trading:
    """One minute's row as it stands at each of ``elapsed`` ms after its start: growing towards its final values."""

    def part(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(values * elapsed // MINUTE)

    volume = part(row.volume)
    traded = volume > 0  # until then the minute is flat
    close = row.open + np.where(traded, part(row.close - row.open), 0)
    high = np.maximum(row.open, close) + np.where(traded, part(row.high - np.maximum(row.open, row.close)), 0)
    low = np.minimum(row.open, close) - np.where(traded, part(np.minimum(row.open, row.close) - row.low), 0)
    typical = (high + low + close) // 3
    taker, trades = np.where(traded, part(row.taker), 0), np.where(traded, part(row.trades), 0)
    open_at, open_ = (np.repeat(column, len(elapsed)) for column in (row.open_at, row.open))
    return Trading(open_at, open_, high, low, close, volume, volume * typical, trades, taker, taker * typical)
