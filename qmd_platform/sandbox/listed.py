"""When markets are listed, delisted and renamed: a listings file on top of the universe.

What lives here: reading ``[[listing]]`` tables and the listings they make. What does not: the universe itself
(``universe``), what a venue's list shows of a delisted market (the venues).

    [[listing]]
    market = "binance:NEW/USDT"               # of the universe, or a new one
    like = "binance:LINK/USDT"                # what a new one is like: prices' size, ticks, lots
    listed_at = "2026-11-22T08:00:00Z"
    delisted_at = "2026-12-01T00:00:00Z"      # no candles from then on
    renamed_to = "binance:NEWER/USDT"         # lists this one at delisted_at; its prices go on
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.tomlfile import Entry, entries, parsed, tables
from qmd_platform.sandbox.universe import Listing, wire_symbol

Listings = Path | str | Sequence[Mapping[str, object]]
"""A listings file's path, or its tables as mappings."""

_NAME = "listing"
_KEYS = ("market", "like", "listed_at", "delisted_at", "renamed_to")


def changed(known: Sequence[Listing], listings: Listings | None) -> list[Listing]:
    """``known`` with what ``listings`` says; ConfigError names place, entry, key and choices."""
    if listings is None:
        return list(known)
    if isinstance(listings, Path | str):
        return _changed(known, entries(Path(listings), _NAME, _KEYS))
    return _changed(known, tables({_NAME: listings}, "listings", _NAME, _KEYS))


def changed_by_text(known: Sequence[Listing], text: str, where: str) -> list[Listing]:
    """``changed`` with the TOML or JSON ``text``; ``where`` it is from, for messages."""
    return _changed(known, tables(parsed(text, where), where, _NAME, _KEYS))


def _changed(known: Sequence[Listing], found: Iterable[Entry]) -> list[Listing]:
    listed = {one.market: one for one in known}
    for entry in found:
        one = _listing(entry, listed)
        listed[one.market] = one
        if "renamed_to" in entry.values:
            new = _renamed(entry, one, listed)
            listed[new.market] = new
    return list(listed.values())


def _listing(entry: Entry, listed: Mapping[Market, Listing]) -> Listing:
    market = entry.market()
    before = listed.get(market)
    if before is None or "like" in entry.values:
        before = _new(entry, market, listed)
    listed_at, delisted_at = entry.moment("listed_at"), entry.moment("delisted_at")
    after = replace(
        before,
        listed_at=before.listed_at if listed_at is None else listed_at,
        events=replace(before.events, delisted_at=before.events.delisted_at if delisted_at is None else delisted_at),
    )
    gone = after.events.delisted_at
    if gone is not None and gone <= after.listed_at:
        raise entry.refused("delisted_at must be after listed_at")
    return after


def _new(entry: Entry, market: Market, listed: Mapping[Market, Listing]) -> Listing:
    if "like" not in entry.values:
        raise entry.refused(f"the sandbox lists no market {market}", "say what it is like: like = ...")
    model = listed.get(entry.market("like"))
    if model is None or model.character is None:
        raise entry.refused(f"like: the sandbox makes no prices of {entry.values['like']}")
    return replace(model, market=market, wire=_wire(entry, market), events=Events())


def _renamed(entry: Entry, old: Listing, listed: Mapping[Market, Listing]) -> Listing:
    market = entry.market("renamed_to")
    if old.events.delisted_at is None:
        raise entry.refused("renamed_to needs delisted_at: when the old name goes")
    if market in listed:
        raise entry.refused(f"renamed_to: {market} is listed already")
    if (market.venue, market.kind) != (old.market.venue, old.market.kind):
        raise entry.refused(f"renamed_to: {market} is not of the venue and kind of {old.market}")
    prices_of = old.events.prices_of or str(old.market)
    return replace(
        old,
        market=market,
        wire=_wire(entry, market),
        listed_at=old.events.delisted_at,
        events=Events(prices_of=prices_of),
    )


def _wire(entry: Entry, market: Market) -> str:
    try:
        return wire_symbol(market)
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None
