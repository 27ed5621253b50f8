"""The section ``[arbitrage]`` of the universe file: what trading costs, what ties up capital, when an opportunity is one.

What lives here: the section's keys, each checked where it stands. What does not: the defaults, which are those of the values
it makes (``arbitrage.costs``, ``arbitrage.economics``, ``arbitrage.lifecycle``), the rest of the file (``config``).

A key that is left out has its default; docs/opportunities.md lists all of them.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, TypeVar

import msgspec

from qmd_platform.arbitrage.costs import FEES, Costs, Fee
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.lifecycle import HOUR_MS, Thresholds
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError, choices
from qmd_platform.toml_text import Reading

SECTION = "arbitrage"
FEES_SECTION, OPPORTUNITIES_SECTION = "fees", "opportunities"

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Taker = Annotated[float, msgspec.Meta(gt=-0.02, lt=0.02)]
Leverage = Annotated[float, msgspec.Meta(gt=0, le=200)]
Yearly = Annotated[float, msgspec.Meta(ge=-100, le=100)]
Hours = Annotated[float, msgspec.Meta(gt=0, le=87_600)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]

_COSTS, _CAPITAL, _RULES = Costs(), Capital(), Thresholds()


class Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[arbitrage]``. Fractions are of one leg's notional: 1 basis point is 0.0001."""

    slippage: Fraction = _COSTS.slippage
    half_spread: Fraction = 0.0
    borrow_per_year: Fraction = _COSTS.borrow_per_year
    transfer: Fraction = _COSTS.transfer
    short_leverage: Leverage = _CAPITAL.short_leverage
    long_leverage: Leverage = _CAPITAL.long_leverage
    buffer: Fraction = _CAPITAL.buffer
    fees: dict[str, dict[str, Any]] = {}
    opportunities: dict[str, Any] = {}


class Opportunities(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[arbitrage.opportunities]``. Returns are fractions a year: 0.10 is 10 %."""

    watch: Yearly = _RULES.watch
    open: Yearly = _RULES.open
    close: Yearly = _RULES.close
    confirmations: Count = _RULES.confirmations
    closing_events: Count = _RULES.closing_events
    expected_hold_hours: Hours = _RULES.expected_hold_hours
    dwell_hours: Annotated[float, msgspec.Meta(ge=0, le=87_600)] = _RULES.dwell_ms / HOUR_MS
    max_hold_hours: Hours = _RULES.max_hold_ms / HOUR_MS


class Fees(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``[arbitrage.fees.VENUE]``: taker fees by kind of market, fractions of the notional; a rebate is negative."""

    spot: Taker | None = None
    perpetual: Taker | None = None
    future: Taker | None = None


S = TypeVar("S", bound=msgspec.Struct)


def rules(reading: Reading, given: Mapping[str, Any]) -> Rules:
    """What the section says, or its defaults.

    Raises:
        ConfigError: an unknown key or venue, a value of the wrong type or out of its range, thresholds that contradict one
            another; with file, line and what may stand there.
    """
    section = reading.shaped([SECTION], dict(given), Section)
    costs = replace(
        _COSTS,
        fees=_fees(reading, section.fees),
        slippage=section.slippage,
        borrow_per_year=section.borrow_per_year,
        transfer=section.transfer,
    )
    capital = Capital(section.short_leverage, section.long_leverage, section.buffer)
    terms = Terms(costs=costs, capital=capital)
    return Rules(terms, half_spread=section.half_spread, thresholds=_thresholds(reading, section.opportunities))


def _fees(reading: Reading, given: Mapping[str, dict[str, Any]]) -> dict[tuple[str, str], Fee]:
    found = dict(FEES)
    known = sorted({venue for venue, _ in FEES})
    for venue, said in given.items():
        if venue not in known:
            why = f"no venue {venue!r} has fees"
            raise reading.refusal([SECTION, FEES_SECTION, venue], venue, why, choices(venue, known))
        place = [SECTION, FEES_SECTION, venue]
        fees = reading.shaped(place, said, Fees)
        for kind in Fees.__struct_fields__:
            taker = getattr(fees, kind)
            if taker is not None:
                found[venue, kind] = Fee(taker, taker, "", "the universe file")
    return found


def _thresholds(reading: Reading, given: Mapping[str, Any]) -> Thresholds:
    place = [SECTION, OPPORTUNITIES_SECTION]
    said = reading.shaped(place, dict(given), Opportunities)
    same = {one.name: getattr(said, one.name) for one in fields(Thresholds) if not one.name.endswith("_ms")}
    try:
        return Thresholds(
            dwell_ms=round(said.dwell_hours * HOUR_MS), max_hold_ms=round(said.max_hold_hours * HOUR_MS), **same
        )
    except ConfigError as error:
        raise reading.refusal(place, "", error.message, error.hint) from None
