"""What the sandbox's venues list: one row a market, with the facts the venue prints about it.

What lives here: listings as data, and the venues' own spellings. What does not: prices (``market``), the wire
format of an instrument list (``binance``, ``gate``, ``bitfinex``).

``LATE/USDT`` is a made-up coin listed in the middle of a month, an hour and a candle; all others are real names with
made-up prices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, instant
from qmd_platform.sandbox import coins
from qmd_platform.sandbox.events import NONE, Events

VENUES = ("binance", "bitfinex", "bybit", "gate", "kraken", "okx")
"""The venues the sandbox plays."""

OMITS_EMPTY = frozenset({"bitfinex"})
"""Venues that leave out candles without trades; the others print them flat with volume 0."""

SHOWS_DELISTED = frozenset({"binance", "gate"})
"""Venues whose instrument lists keep delisted markets, with a status that says so."""


@dataclass(frozen=True, slots=True)
class Character:
    """How the deterministic market of a listing behaves.

    ``reference`` is the price it moves around, in ticks; ``activity`` a busy minute's volume, in lots;
    ``idle`` how many minutes in 1024 have no trade.
    """

    reference: int
    activity: int
    idle: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One market as its venue lists it. Tick and lot are powers of ten, so every price and volume is exact.

    ``contract_size`` is base coins in one unit of the venue's volume: 1 where the venue counts in base coins.
    ``character`` is None for a market that exists only as a recording.
    """

    market: Market
    wire: str
    tick_digits: int
    lot_digits: int
    contract_size: Decimal
    listed_at: Instant
    character: Character | None = None
    events: Events = NONE

    @property
    def base(self) -> str:
        """What is traded."""
        return self.market.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """What it is priced in."""
        return self.market.symbol.partition("/")[2].partition(":")[0]

    @property
    def settle(self) -> str:
        """What profit and loss is paid in; empty for spot."""
        return self.market.symbol.partition(":")[2]

    @property
    def is_spot(self) -> bool:
        """Whether the coin itself is traded, not a contract on it."""
        return not self.settle

    @property
    def tick(self) -> str:
        """The smallest price step as text."""
        return _step(self.tick_digits)

    @property
    def lot(self) -> str:
        """The smallest volume step as text, in the venue's unit."""
        return _step(self.lot_digits)

    @property
    def omits_empty(self) -> bool:
        """Whether candles without trades are left out."""
        return self.market.venue in OMITS_EMPTY

    def as_listed(self, now: Instant) -> "Listing":
        """The market as the venue's list shows it at ``now``: by the terms of then; a relisted one began when it came back."""
        shown = self
        for terms in self.events.terms:
            if terms.since <= now:
                changed = {name: getattr(terms, name) for name in ("tick_digits", "lot_digits", "contract_size")}
                shown = replace(shown, **{name: value for name, value in changed.items() if value is not None})
        if self.events.relisted_at is None or not self.events.is_relisted(now):
            return shown
        return replace(shown, listed_at=self.events.relisted_at, events=replace(self.events, delisted_at=None))

    def contracts(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of the contracts of each instant ``at`` one of the first contracts is: 1 until the size changes."""
        found = np.ones(len(at), np.int64)
        for terms in self.events.terms:
            if terms.contract_size is not None:
                found[at >= terms.since] = int(self.contract_size / terms.contract_size)
        return found

    def is_shown(self, now: Instant) -> bool:
        """Whether the venue's instrument list has the market at ``now``."""
        return self.listed_at <= now and (self.market.venue in SHOWS_DELISTED or not self.events.is_delisted(now))


def wire_symbol(market: Market) -> str:
    """The venue's own spelling of ``market``.

    Raises:
        ConfigError: the sandbox plays no such venue, or the market is neither spot nor a perpetual settled in its
            quote currency.
    """
    base, _, rest = market.symbol.partition("/")
    quote, _, settle = rest.partition(":")
    if settle not in {"", quote}:
        raise ConfigError(
            f"the sandbox does not play {market}",
            hint="it plays spot (BTC/USDT) and perpetuals settled in their quote currency (BTC/USDT:USDT)",
        )
    if market.venue == "okx":
        return f"{base}-{quote}-SWAP" if settle else f"{base}-{quote}"
    if market.venue == "kraken" and not settle:
        return _kraken_wire(base, quote)
    if market.venue in {"binance", "bybit"}:
        return base + quote
    if market.venue == "gate":
        return f"{base}_{quote}"
    if market.venue == "bitfinex":
        return _bitfinex_wire(base, quote, is_perpetual=bool(settle))
    raise ConfigError(f"the sandbox does not play the venue {market.venue!r}", hint=f"choose from {', '.join(VENUES)}")


def _bitfinex_wire(base: str, quote: str, *, is_perpetual: bool) -> str:
    quote = {"USDT": "UST"}.get(quote, quote)
    if is_perpetual:
        return f"t{base}F0:{quote}F0"
    colon = ":" if len(base) > 3 or len(quote) > 3 else ""  # noqa: PLR2004 - tBTCUSD, but tDOGE:USD
    return f"t{base}{colon}{quote}"


def _kraken_wire(base: str, quote: str) -> str:
    """Old coins have a letter before their name, X or Z, where both halves of the pair are old."""
    base = coins.KRAKEN_NAMES.get(base, base)
    if base in coins.KRAKEN_OLD and quote == "USD":
        return f"X{base}Z{quote}"
    return base + quote


def _step(digits: int) -> str:
    return f"{Decimal(1).scaleb(-digits):f}"


def _listing(market: Market, price: str, *, tick: int, lot: int, since: str, idle: int, size: str = "1") -> Listing:
    """A listing whose busiest minutes trade about 200,000 quote: alive, whatever the coin."""
    reference = int(Decimal(price).scaleb(tick))
    activity = max(int(Decimal(200_000) / Decimal(price) / Decimal(size) * 10**lot), 2)
    character = Character(max(reference, 1), activity, idle)
    return Listing(market, wire_symbol(market), tick, lot, Decimal(size), instant(since), character)


def listings() -> list[Listing]:
    """Every market of the deterministic universe."""
    return [
        *_binance("/USDT", coins.BINANCE_SPOT),
        *_binance("/USDT:USDT", coins.BINANCE_USDM),
        *_gate(),
        *_bitfinex(),
        *_okx(),
        *_bybit(),
        *_kraken(),
    ]


def _binance(tail: str, coins: dict[str, tuple[str, int, int, str]]) -> Iterator[Listing]:
    for base, (price, tick, lot, since) in coins.items():
        yield _listing(Market("binance", base + tail), price, tick=tick, lot=lot, since=since, idle=4)


def _gate() -> Iterator[Listing]:
    for base, (price, spot_tick, spot_lot, tick, size) in coins.GATE.items():
        spot, perpetual = Market("gate", f"{base}/USDT"), Market("gate", f"{base}/USDT:USDT")
        yield _listing(spot, price, tick=spot_tick, lot=spot_lot, since="2019-06-01T00:00:00Z", idle=25)
        yield _listing(perpetual, price, tick=tick, lot=0, size=size, since="2019-11-19T11:00:00Z", idle=8)


def _bitfinex() -> Iterator[Listing]:
    for base, (price, tick, lot) in coins.BITFINEX.items():
        for tail, since, idle in (
            ("/USD", "2018-02-01T00:00:00Z", 40),
            ("/USDT", "2019-03-28T12:30:00Z", 250),
            ("/USDT:USDT", "2020-06-30T09:00:00Z", 150),
        ):
            yield _listing(Market("bitfinex", base + tail), price, tick=tick, lot=lot, since=since, idle=idle)


def _okx() -> Iterator[Listing]:
    for base, (price, tick, lot, size, since) in coins.OKX.items():
        spot, perpetual = Market("okx", f"{base}/USDT"), Market("okx", f"{base}/USDT:USDT")
        yield _listing(spot, price, tick=tick, lot=lot, since=since, idle=6)
        yield _listing(perpetual, price, tick=tick, lot=2, size=size, since=since, idle=6)


def _bybit() -> Iterator[Listing]:
    for base, (price, tick, lot, since) in coins.BYBIT.items():
        for tail in ("/USDT", "/USDT:USDT"):
            yield _listing(Market("bybit", base + tail), price, tick=tick, lot=lot, since=since, idle=6)


def _kraken() -> Iterator[Listing]:
    for base, (price, tick, lot, since) in coins.KRAKEN.items():
        for tail in ("/USD", "/USDT"):
            yield _listing(Market("kraken", base + tail), price, tick=tick, lot=lot, since=since, idle=30)
