"""When markets are listed, delisted, renamed and relisted, and change their terms: a listings file on top of the universe.

What lives here: reading ``[[listing]]`` tables and the listings they make. What does not: the universe itself
(``universe``), what a venue's list shows of a delisted market (the venues).

    [[listing]]
    market = "binance:NEW/USDT"               # of the universe, or a new one
    like = "binance:LINK/USDT"                # what a new one is like: prices' size, ticks, lots
    listed_at = "2026-11-22T08:00:00Z"
    delisted_at = "2026-12-01T00:00:00Z"      # no candles from then on
    renamed_to = "binance:NEWER/USDT"         # lists this one at delisted_at; its prices go on
    relisted_at = "2026-12-05T00:00:00Z"      # trades again from then on; an entry has it or renamed_to

    [[listing]]
    market = "gate:BTC/USDT:USDT"
    changes_at = "2026-11-25T00:00:00Z"       # what the list shows from then on; an entry for each change
    tick = "0.01"                             # steps are powers of ten
    lot = "0.1"
    contract_size = "0.00001"                 # Gate's perpetuals only: goes into the one before without a rest
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.sandbox.events import Events, Terms
from qmd_platform.sandbox.tomlfile import Entry, entries, parsed, tables
from qmd_platform.sandbox.universe import Listing, wire_symbol

Listings = Path | str | Sequence[Mapping[str, object]]
"""A listings file's path, or its tables as mappings."""

_NAME = "listing"
_STEPS = {"tick": "tick_digits", "lot": "lot_digits"}
_KEYS = (
    "market",
    "like",
    "listed_at",
    "delisted_at",
    "renamed_to",
    "relisted_at",
    "changes_at",
    *_STEPS,
    "contract_size",
)


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
    relisted_at = entry.moment("relisted_at")
    after = replace(
        before,
        listed_at=before.listed_at if listed_at is None else listed_at,
        events=replace(
            before.events,
            delisted_at=before.events.delisted_at if delisted_at is None else delisted_at,
            relisted_at=before.events.relisted_at if relisted_at is None else relisted_at,
            terms=_terms(entry, before),
        ),
    )
    gone, back = after.events.delisted_at, after.events.relisted_at
    if gone is not None and gone <= after.listed_at:
        raise entry.refused("delisted_at must be after listed_at")
    if back is not None and (gone is None or back <= gone or "renamed_to" in entry.values):
        raise entry.refused("relisted_at must be after delisted_at, of a market that is not renamed")
    return after


def _terms(entry: Entry, before: Listing) -> tuple[Terms, ...]:
    """The terms of the market with those of the entry."""
    since = entry.moment("changes_at")
    shown = {name: _digits(entry, key) for key, name in _STEPS.items() if key in entry.values}
    size = _size(entry, before) if "contract_size" in entry.values else None
    if (since is None) == (size is not None or bool(shown)):
        raise entry.refused("changes_at goes with tick, lot or contract_size")
    if since is None:
        return before.events.terms
    terms = Terms(since, contract_size=size, **shown)
    return tuple(sorted([*before.events.terms, terms], key=lambda one: one.since))


def _digits(entry: Entry, key: str) -> int:
    step = _decimal(entry, key)
    if step.normalize().as_tuple().digits != (1,) or step > 1:
        raise entry.refused(f"{key} {step} is not a power of ten of at most 1", 'write "0.01"')
    return -int(step.normalize().as_tuple().exponent)


def _size(entry: Entry, before: Listing) -> Decimal:
    size = _decimal(entry, "contract_size")
    if before.is_spot or before.market.venue != "gate":
        raise entry.refused("contract_size says nothing about this market", "only Gate's perpetuals count contracts")
    if size <= 0 or before.contract_size % size:
        raise entry.refused(f"contract_size {size} does not go into {before.contract_size} without a rest")
    return size


def _decimal(entry: Entry, key: str) -> Decimal:
    try:
        return Decimal(str(entry.values[key]))
    except InvalidOperation:
        raise entry.refused(f"{key} {entry.values[key]!r} is not a number") from None


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
