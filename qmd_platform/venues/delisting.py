"""Whether a venue still trades a market, and until when, in each venue's own words.

What lives here: reading it from ccxt's market records, with the sources. What does not: the rest of a record
(``listing``), markets that a list lacks altogether (``ingest.instruments``).

ccxt calls a market inactive as soon as not every order is taken; what counts here is whether there can be candles. So the
words below, for which ccxt says inactive, are of markets that are traded. Sources, read on 2026-11-21:

| venue | words | date |
|---|---|---|
| Binance spot | HALT: market data goes on; BREAK: it does not, for downtime or for ever (dev.binance.vision, topic 118) | none |
| Binance USD-M | contract status of /fapi/v1/exchangeInfo: PRE_SETTLE and PRE_DELIVERING come before the end | ``deliveryDate``; 2100-12-25 for a perpetual that has none |
| Gate spot | ``trade_status``: sellable and buyable are traded one way, untradable not at all | ``delisting_time`` in seconds, 0 for none |
| Gate contracts | ``status``: delisting takes orders that reduce, circuit_breaker is a pause, delisted is the end | ``delisted_time`` in seconds (``delisting_time`` is when reducing begins) |
| Bitfinex | lists what it trades and nothing else | none |
| OKX | ``state``: live, preopen, suspend | ``expTime`` |
| Bybit | ``status``: Trading, PreLaunch, Settling, Closed | ``deliveryTime``, 0 for none |
| Kraken | ``status``: post_only, limit_only and reduce_only are traded | none |
"""

from collections.abc import Mapping

from qmd_platform.model.window import Instant

_TRADED: Mapping[str, frozenset[str]] = {
    "binance": frozenset({"HALT", "PRE_SETTLE", "PRE_DELIVERING"}),
    "gate": frozenset({"sellable", "buyable", "delisting", "circuit_breaker"}),
    "kraken": frozenset({"post_only", "limit_only", "reduce_only"}),
}
"""Words for which ccxt says inactive though there is trading."""

_STATUS = ("status", "contractStatus", "trade_status", "state")
"""Where the word is, whatever the venue."""

_DATES: Mapping[str, tuple[tuple[str, int], ...]] = {
    "binance": (("deliveryDate", 1),),
    "bybit": (("deliveryTime", 1),),
    "gate": (("delisted_time", 1000), ("delisting_time", 1000)),
    "okx": (("expTime", 1),),
}
"""Where the end of trading is, the better field first, and how many ms its unit has."""

_NEVER = 4_102_444_800_000
"""From 2100 on a date is a way to say that there is none (Binance: 4133404800000)."""


def is_traded(venue: str, record: Mapping[str, object]) -> bool:
    """Whether there can be candles of the market now."""
    info = _info(record)
    words = {str(info[name]) for name in _STATUS if name in info}
    return record.get("active") is not False or bool(words & _TRADED.get(venue, frozenset()))


def delisted_at(venue: str, record: Mapping[str, object]) -> Instant | None:
    """The end of trading as the venue states it, past or to come, epoch ms; None when it states none."""
    info = _info(record)
    is_contract = "quanto_multiplier" in info  # at Gate, where delisting_time of a contract is not its end
    for name, unit in _DATES.get(venue, ()):
        if name == "delisting_time" and is_contract:
            continue
        at = _whole(info.get(name)) * unit
        if 0 < at < _NEVER:
            return at
    return None


def _info(record: Mapping[str, object]) -> Mapping[str, object]:
    """The venue's own record, which ccxt keeps beside what it makes of it."""
    found = record.get("info")
    return found if isinstance(found, Mapping) else {}


def _whole(value: object) -> int:
    """The number in ``value``, which venues print as text too; 0 where there is none."""
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) else 0
