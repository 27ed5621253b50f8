"""What a venue lists, from ccxt's records to ours; and how a venue is asked for its clock.

What lives here: pure reading of market records and clock answers. What does not: loading them (``ccxt_exchange``),
storing them (``ingest.instruments``).
"""

from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from qmd_platform.errors import BadPage, ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant
from qmd_platform.venues import delisting, facts, terms
from qmd_platform.venues.port import Instrument

CcxtMarket = Mapping[str, object]
"""A market record as ccxt keeps it."""

GROUPS: Mapping[str, Mapping[str, str]] = {
    "binance": {"spot": "spot", "perpetual": "linear", "future": "linear"},
    "bitfinex": {"spot": "", "perpetual": ""},
    "bybit": {"spot": "spot", "perpetual": "linear"},
    "gate": {"spot": "spot", "perpetual": "swap"},
    "kraken": {"spot": ""},
    "okx": {"spot": "spot", "perpetual": "swap"},
}
"""By venue and kind, the word for which ccxt loads these markets; "" where all come in one answer."""

CLOCKS: Mapping[str, str] = {
    "binance": "publicGetTime",
    "bitfinex": "publicGetPlatformStatus",
    "bybit": "publicGetV5MarketTime",
    "gate": "publicSpotGetTime",
    "kraken": "publicGetTime",
    "okx": "publicGetPublicTime",
}
"""ccxt's implicit method whose answer tells the venue's time."""

_MAY_BE_NONE = frozenset({"future"})
"""Kinds a venue may have none of at times: dated contracts run out."""

_NOT_KEPT = frozenset({"info", "limits", "tiers"})
"""Parts of ccxt's record that are large, or move with the price, and not needed to ask for candles; ccxt fills in what is
absent."""

_DARK = ".d"
"""How the names of Kraken's dark pools end."""

TICK_SIZE = 4
"""ccxt's ``precisionMode`` in which a market's precision is its smallest step."""


def instruments(venue: str, markets: Mapping[str, CcxtMarket], precision_mode: int) -> list[Instrument]:
    """The markets of the kinds we know, sorted by symbol. One whose symbol is not of our shape is left out."""
    kept = [(_market(venue, symbol), markets[symbol]) for symbol in sorted(markets)]
    return [_instrument(market, record, precision_mode) for market, record in kept if market is not None]


def kept(venue: str, markets: Iterable[CcxtMarket]) -> list[CcxtMarket]:
    """The markets that are spot or settled in a coin whose contracts are kept (``facts.VenueFacts.settles``).

    Kraken's dark pools are left out: ccxt gives them the symbol of the open market beside them.
    """
    settles = facts.VENUES[venue].settles
    wanted = (one for one in markets if settles is None or not one.get("settle") or one["settle"] in settles)
    return [one for one in wanted if not (venue == "kraken" and str(one.get("id")).endswith(_DARK))]


def lacking(venue: str, group: str, markets: Iterable[CcxtMarket]) -> list[str]:
    """The kinds of ``group`` that an answer with these markets has none of and cannot be without, sorted."""
    found = {market.kind for one in markets if (market := _market(venue, str(one["symbol"]))) is not None}
    wanted = {kind for kind, word in GROUPS[venue].items() if word == group}
    return sorted(wanted - found - _MAY_BE_NONE)


def listed_at(record: CcxtMarket) -> Instant | None:
    """Start of trading as the venue states it, epoch ms; None when it does not."""
    created = record.get("created")
    return int(created) if isinstance(created, int | float) and created > 0 else None


def contract_size(record: CcxtMarket) -> float:
    """Base coins in one unit of the market's volume: 1 for spot."""
    return _number(record.get("contractSize")) or 1.0


def clock(venue: str, date: str, body: bytes) -> Instant:
    """The venue's time, from the answer to its clock request: the ``Date`` header or the body.

    Raises:
        BadPage: there is no time in it.
    """
    known = facts.VENUES[venue]
    try:
        if known.clock == "Date":
            return round(parsedate_to_datetime(date).timestamp() * 1000)
        found = msgspec.json.decode(body)
        for key in known.clock.split("."):
            found = found[int(key) if key.isdecimal() else key]
        return msgspec.convert(found, int, strict=False) * known.clock_unit_ms
    except (ValueError, TypeError, LookupError, msgspec.MsgspecError) as error:
        raise BadPage(venue, f"the answer has no time in it: {error!r}", sample=body) from None


def _market(venue: str, symbol: str) -> Market | None:
    try:
        market = Market.parse(f"{venue}:{symbol}")
    except ConfigError:
        return None
    return market if market.kind in facts.VENUES[venue].kinds else None


def _instrument(market: Market, record: CcxtMarket, precision_mode: int) -> Instrument:
    steps = record.get("precision") if precision_mode == TICK_SIZE else None
    steps = steps if isinstance(steps, Mapping) else {}
    slim = {name: value for name, value in record.items() if value is not None and name not in _NOT_KEPT}
    fees, interval = terms.fees(market.venue, record), terms.interval(market.venue, record)
    return Instrument(
        symbol=market.symbol,
        venue_symbol=str(record["id"]),
        kind=market.kind,
        base=str(record["base"]),
        quote=str(record["quote"]),
        settle=str(record.get("settle") or ""),
        active=delisting.is_traded(market.venue, record),
        contract_size=contract_size(record),
        tick=_number(steps.get("price")),
        lot=_number(steps.get("amount")),
        listed_at=listed_at(record),
        ccxt_market=msgspec.json.encode(slim).decode(),
        delisted_at=delisting.delisted_at(market.venue, record),
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        fees_from=fees.source,
        funding_interval_hours=interval.hours if interval else None,
        funding_interval_from=interval.source if interval else None,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
