"""What the sandbox's venues list: one row a market, with the facts the venue prints about it.

What lives here: listings as data, and the venues' own spellings. What does not: prices (``market``), the wire
format of an instrument list (``binance``, ``gate``, ``bitfinex``).

``LATE/USDT`` is a made-up coin listed in the middle of a month, an hour and a candle; all others are real names with
made-up prices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, instant

VENUES = ("binance", "bitfinex", "gate")
"""The venues the sandbox plays."""

OMITS_EMPTY = frozenset({"bitfinex"})
"""Venues that leave out candles without trades; the others print them flat with volume 0."""


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
    if market.venue == "binance":
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


def _step(digits: int) -> str:
    return f"{Decimal(1).scaleb(-digits):f}"


def _listing(market: Market, price: str, *, tick: int, lot: int, since: str, idle: int, size: str = "1") -> Listing:
    """A listing whose busiest minutes trade about 200,000 quote: alive, whatever the coin."""
    reference = int(Decimal(price).scaleb(tick))
    activity = max(int(Decimal(200_000) / Decimal(price) / Decimal(size) * 10**lot), 2)
    character = Character(max(reference, 1), activity, idle)
    return Listing(market, wire_symbol(market), tick, lot, Decimal(size), instant(since), character)


# base: price, Binance tick and lot digits, listed on Binance spot.
_COINS: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 2, 5, "2017-08-17T04:00:00Z"),
    "ETH": ("3000", 2, 4, "2017-08-17T04:00:00Z"),
    "SOL": ("150", 2, 3, "2020-08-11T06:00:00Z"),
    "BNB": ("550", 2, 3, "2017-11-06T03:54:00Z"),
    "XRP": ("0.6", 4, 0, "2018-05-04T08:11:00Z"),
    "ADA": ("0.45", 4, 1, "2018-04-17T04:00:00Z"),
    "DOGE": ("0.12", 5, 0, "2019-07-05T12:00:00Z"),
    "TRX": ("0.13", 4, 1, "2018-06-11T11:30:00Z"),
    "DOT": ("7", 3, 2, "2020-08-18T23:00:00Z"),
    "LINK": ("14", 2, 2, "2019-01-16T10:00:00Z"),
    "LTC": ("80", 2, 3, "2017-12-13T03:32:00Z"),
    "AVAX": ("35", 2, 2, "2020-09-22T06:30:00Z"),
    "UNI": ("8", 3, 2, "2020-09-17T03:00:00Z"),
    "ATOM": ("9", 3, 2, "2019-04-29T04:00:00Z"),
    "ETC": ("25", 2, 2, "2018-06-12T08:00:00Z"),
    "XLM": ("0.11", 4, 0, "2018-05-31T09:30:00Z"),
    "NEAR": ("5", 3, 1, "2020-10-14T04:00:00Z"),
    "FIL": ("5.5", 3, 2, "2020-10-15T08:00:00Z"),
    "APT": ("9", 2, 2, "2022-10-19T01:00:00Z"),
    "ARB": ("1.1", 4, 1, "2023-03-23T13:00:00Z"),
    "OP": ("2.4", 3, 2, "2022-06-01T10:00:00Z"),
    "INJ": ("25", 2, 2, "2020-10-21T04:00:00Z"),
    "SUI": ("1.2", 4, 1, "2023-05-03T12:00:00Z"),
    "SEI": ("0.4", 4, 1, "2023-08-15T12:00:00Z"),
    "TAO": ("450", 1, 4, "2024-04-11T10:00:00Z"),
    "TIA": ("6", 3, 2, "2023-10-31T16:00:00Z"),
    "AAVE": ("95", 2, 3, "2020-10-15T03:00:00Z"),
    "ALGO": ("0.17", 4, 0, "2019-06-22T00:00:00Z"),
    "VET": ("0.028", 5, 1, "2018-07-25T06:00:00Z"),
    "ICP": ("11", 3, 2, "2021-05-11T01:00:00Z"),
    "LATE": ("3.2", 4, 1, "2026-10-15T08:37:00Z"),
}

# base: price, tick digits, lot digits, onboard date (Binance USD-M).
_USDM: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 1, 3, "2019-09-08T17:57:00Z"),
    "ETH": ("3000", 2, 3, "2019-11-27T07:45:00Z"),
    "SOL": ("150", 3, 0, "2020-09-14T07:00:00Z"),
    "XRP": ("0.6", 4, 1, "2020-01-06T08:00:00Z"),
    "ADA": ("0.45", 5, 0, "2020-01-31T08:00:00Z"),
    "DOGE": ("0.12", 5, 0, "2020-07-10T09:00:00Z"),
    "LINK": ("14", 3, 2, "2020-01-17T08:00:00Z"),
    "1000PEPE": ("0.0095", 7, 0, "2023-05-05T15:00:00Z"),
    "LATE": ("3.2", 4, 1, "2026-10-15T08:37:00Z"),
}

# base: price, spot tick digits, spot lot digits, contract tick digits, coins in a contract (Gate).
_GATE: dict[str, tuple[str, int, int, int, str]] = {
    "BTC": ("60000", 1, 6, 1, "0.0001"),
    "ETH": ("3000", 2, 5, 2, "0.01"),
    "SOL": ("150", 2, 3, 2, "1"),
    "XRP": ("0.6", 4, 2, 4, "10"),
    "ADA": ("0.45", 4, 2, 4, "10"),
    "DOGE": ("0.12", 5, 2, 5, "10"),
}

# base: price, tick digits, lot digits. Bitfinex prints five significant places of a price; its lots are 1e-8
# everywhere, here only as small as keeps a day's ticks times lots inside 64 bits.
_BITFINEX: dict[str, tuple[str, int, int]] = {
    "BTC": ("60000", 0, 8),
    "ETH": ("3000", 1, 7),
    "SOL": ("150", 2, 6),
    "XRP": ("0.6", 5, 3),
    "DOGE": ("0.12", 6, 2),
}


def listings() -> list[Listing]:
    """Every market of the deterministic universe."""
    return [*_binance("/USDT", _COINS), *_binance("/USDT:USDT", _USDM), *_gate(), *_bitfinex()]


def _binance(tail: str, coins: dict[str, tuple[str, int, int, str]]) -> Iterator[Listing]:
    for base, (price, tick, lot, since) in coins.items():
        yield _listing(Market("binance", base + tail), price, tick=tick, lot=lot, since=since, idle=4)


def _gate() -> Iterator[Listing]:
    for base, (price, spot_tick, spot_lot, tick, size) in _GATE.items():
        spot, perpetual = Market("gate", f"{base}/USDT"), Market("gate", f"{base}/USDT:USDT")
        yield _listing(spot, price, tick=spot_tick, lot=spot_lot, since="2019-06-01T00:00:00Z", idle=25)
        yield _listing(perpetual, price, tick=tick, lot=0, size=size, since="2019-11-19T11:00:00Z", idle=8)


def _bitfinex() -> Iterator[Listing]:
    for base, (price, tick, lot) in _BITFINEX.items():
        for tail, since, idle in (
            ("/USD", "2018-02-01T00:00:00Z", 40),
            ("/USDT", "2019-03-28T12:30:00Z", 250),
            ("/USDT:USDT", "2020-06-30T09:00:00Z", 150),
        ):
            yield _listing(Market("bitfinex", base + tail), price, tick=tick, lot=lot, since=since, idle=idle)
