"""Which of Tardis's exchanges and symbols are our markets, and what Tardis's columns mean there. Pure.

What lives here: exchange ids, spellings and units as data, each with its source, read on 2026-11-21. What does not: what
data there is (``api``).

A symbol is the venue's own, as its WebSocket feed spells it. In the name of a data set ``/`` and ``:`` are ``-``
(tardis-python, ``tardis_dev/download_datasets.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, instant
from qmd_platform.venues.port import Instrument

NAME = "tardis"
"""What errors and counters call it."""

Unit = Literal["base", "contracts"]
Told = Literal["funding_rate", "predicted_funding_rate", ""]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One kind of market of one venue as Tardis names it.

    ``amount`` is what trades and open interest are counted in. ``expected`` is the column that has the rate of the settlement
    at ``funding_timestamp`` for the whole interval, ``accrued`` the one that has what accrued of it; empty for none.
    ``sources`` says of every field where it is from.
    """

    id: str
    venue: str
    kind: str
    amount: Unit
    expected: Told = ""
    accrued: Told = ""
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_telling(self) -> bool:
        """Whether its contracts' states tell something that is kept. Those that name no rate with its settlement tell no open interest."""
        return bool(self.expected or self.accrued)


_MAPPERS = "github.com/tardis-dev/tardis-node, src/mappers"
_IDS = "https://docs.tardis.dev/historical-data-details"


def _spot(id_: str, venue: str, file: str) -> Exchange:
    return Exchange(
        id_, venue, "spot", "base", sources={"id": _IDS, "amount": f"{_MAPPERS}/{file}.ts: the venue's own amount"}
    )


def _perpetual(id_: str, venue: str, unit: Unit, told: tuple[Told, Told], /, **sources: str) -> Exchange:
    return Exchange(id_, venue, "perpetual", unit, *told, sources={"id": _IDS, **sources})


_ALL = (
    _spot("binance", "binance", "binance"),
    _perpetual(
        "binance-futures",
        "binance",
        "base",
        ("funding_rate", ""),
        amount=f"{_MAPPERS}/binance.ts: q and openInterest, base coins of USDT contracts",
        expected=f"{_MAPPERS}/binance.ts: r of markPriceUpdate, of the settlement at T",
    ),
    _spot("gate-io", "gate", "gateio"),
    _perpetual(
        "gate-io-futures",
        "gate",
        "contracts",
        ("", ""),
        amount=f"{_MAPPERS}/gateiofutures.ts: size, contracts",
        expected=f"{_MAPPERS}/gateiofutures.ts: rates without funding_timestamp, and no open interest",
    ),
    _spot("bitfinex", "bitfinex", "bitfinex"),
    _perpetual(
        "bitfinex-derivatives",
        "bitfinex",
        "base",
        ("", "predicted_funding_rate"),
        amount=f"{_MAPPERS}/bitfinex.ts: amount, base coins",
        accrued=f"{_MAPPERS}/bitfinex.ts: element 8, NEXT_FUNDING_ACCRUED; funding_rate is that of the last settlement",
    ),
    _spot("okex", "okx", "okex"),
    _perpetual(
        "okex-swap",
        "okx",
        "contracts",
        ("funding_rate", ""),
        amount=f"{_MAPPERS}/okex.ts: sz and oi, contracts",
        expected=f"{_MAPPERS}/okex.ts: fundingRate of fundingTime; predicted_funding_rate is of the one after it",
    ),
    _perpetual(
        "bybit",
        "bybit",
        "base",
        ("funding_rate", ""),
        amount=f"{_MAPPERS}/bybit.ts: v and openInterest, base coins of USDT contracts",
        expected=f"{_MAPPERS}/bybit.ts: fundingRate of nextFundingTime",
    ),
    _spot("bybit-spot", "bybit", "bybitspot"),
    _spot("kraken", "kraken", "kraken"),
)

EXCHANGES: Mapping[str, Exchange] = {one.id: one for one in _ALL}
"""Tardis's exchanges that are ours, by id. ``bybit`` and ``binance-futures`` also have coin-settled or dated contracts,
which are not."""

_BY_MARKET = {(one.venue, one.kind): one for one in _ALL}

KRAKEN_V2_SINCE: Instant = instant("2026-07-01T00:00:00Z")
"""From here on Tardis records Kraken's second WebSocket API, which says BTC/USD where the first says XBT/USD.

Source: tardis-node, src/mappers/kraken.ts, KRAKEN_V2_API_SWITCH_DATE."""
_KRAKEN_V1 = {"BTC": "XBT", "DOGE": "XDG"}


def exchange_of(market: Market) -> Exchange:
    """Tardis's exchange for ``market``.

    Raises:
        ConfigError: Tardis has none for such markets.
    """
    found = _BY_MARKET.get((market.venue, market.kind))
    if found is None:
        have = [f"{one.venue} {one.kind}" for one in _ALL]
        raise ConfigError(
            f"Tardis has no exchange for {market.kind} markets of {market.venue}",
            hint=choices(f"{market.venue} {market.kind}", have),
        )
    return found


def exchange(id_: str) -> Exchange:
    """The exchange Tardis calls ``id_``; ConfigError with the choices where it is none of ours."""
    if id_ not in EXCHANGES:
        raise ConfigError(f"{id_!r} is no exchange of Tardis that we know", hint=choices(id_, sorted(EXCHANGES)))
    return EXCHANGES[id_]


def symbol_of(known: Exchange, instrument: Instrument, at: Instant) -> str:
    """How Tardis spells ``instrument`` in messages of the time ``at``: always upper case."""
    spelled = instrument.venue_symbol
    if known.venue == "kraken":
        base = instrument.base if at >= KRAKEN_V2_SINCE else _KRAKEN_V1.get(instrument.base, instrument.base)
        spelled = f"{base}/{instrument.quote}"
    elif known.venue == "bitfinex":
        spelled = spelled.removeprefix("t")
    return spelled.upper()


def dataset_of(symbol: str) -> str:
    """The name of a data set of ``symbol``."""
    return symbol.replace(":", "-").replace("/", "-").upper()


def market_of(known: Exchange, symbol: str, instruments: Iterable[Instrument], at: Instant) -> Market | None:
    """The market that Tardis spells ``symbol`` (or its data set so) at ``at``; None where no instrument is spelled so.

    Raises:
        ConfigError: two instruments are.
    """
    wanted = dataset_of(symbol)
    found = {
        one.symbol for one in instruments if one.kind == known.kind and dataset_of(symbol_of(known, one, at)) == wanted
    }
    if len(found) > 1:
        raise ConfigError(f"{symbol} of {known.id} could be {' or '.join(sorted(found))}")
    return Market(known.venue, found.pop()) if found else None
