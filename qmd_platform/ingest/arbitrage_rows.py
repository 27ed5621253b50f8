"""Rows of the tables of arbitrage: those that became known within a span of time.

What lives here: which rows a span has, and records of ``arbitrage`` and ``funding`` as columns. What does not: their
arithmetic, the lake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.carry import DELAY_MS, carry, known_from
from qmd_platform.arbitrage.cash_and_carry import cash_and_carry
from qmd_platform.arbitrage.flags import risk_of, text_of
from qmd_platform.arbitrage.hedges import Hedge, Terms
from qmd_platform.arbitrage.legs import Instants, Leg, Quotes, decision_times, seen
from qmd_platform.arbitrage.spreads import Directions, venue_spreads
from qmd_platform.funding.anomalies import DAY_MS, AnomalyRule, scores
from qmd_platform.ingest.arbitrage_inputs import Known
from qmd_platform.ingest.columnar import Coded, Values, columnar, joined
from qmd_platform.model.arbitrage_tables import (
    CARRY_WINDOWS,
    CASH_AND_CARRY,
    FUNDING_ANOMALIES,
    FUNDING_CARRY,
    HEDGE_HOLDS,
    VENUE_SPREADS,
)
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window

ENDED_MS = 3 * DAY_MS
"""A market whose next settlement was due so long ago has ended: it is in no pair any more."""


def carry_rows(markets: Sequence[Known], span: Window) -> pa.Table:
    """Rows of FUNDING_CARRY that became known within ``span``."""
    return joined(FUNDING_CARRY, [part for one in markets if (part := _carry(one, span)) is not None])


def _carry(one: Known, span: Window) -> pa.Table | None:
    table = carry(one.settlements, one.found, windows=CARRY_WINDOWS)
    rows = _inside(table.available_at, span)
    if rows.start == rows.stop:
        return None
    columns = {
        "settled_at": table.settled_at,
        "available_at": table.available_at,
        "rate": table.rate,
        "interval_hours": table.interval_hours,
        "rate_per_hour": table.rate_per_hour,
        "simple_per_year": table.simple_per_year,
        "compounded_per_year": table.compounded_per_year,
        "cumulative_rate": table.cumulative_rate,
        "cumulative_quote": table.cumulative_quote,
        "is_suspect": one.found.suspect,
    }
    for hours in CARRY_WINDOWS:
        windowed = table.windows[hours]
        columns[f"simple_{hours}h_per_year"] = windowed.simple_per_year
        columns[f"compounded_{hours}h_per_year"] = windowed.compounded_per_year
        columns[f"covered_{hours}h"] = windowed.covered
    texts: dict[str, Values] = {"market": str(one.market), "underlying": one.named.name}
    return columnar(FUNDING_CARRY, texts | {name: column[rows] for name, column in columns.items()})


def anomaly_rows(markets: Sequence[Known], span: Window, rule: AnomalyRule) -> pa.Table:
    """Rows of FUNDING_ANOMALIES that became known within ``span``."""
    return joined(FUNDING_ANOMALIES, [part for one in markets if (part := _anomalies(one, span, rule)) is not None])


def _anomalies(one: Known, span: Window, rule: AnomalyRule) -> pa.Table | None:
    available = known_from(one.found, DELAY_MS)
    rows = _inside(available, span)
    if rows.start == rows.stop:
        return None
    at = one.settlements.settled_at
    first = int(np.searchsorted(at, at[rows.start] - round(rule.window_days * DAY_MS)))
    scored = slice(first, rows.stop)  # those before the span are what its own are compared with
    found = scores(one.settlements.take(scored), one.found.hours[scored], rule, first=rows.start - first)
    columns = {
        "rate_per_hour": found.hourly,
        "centre_per_hour": found.centre,
        "scale_per_hour": found.scale,
        "z_robust": found.z_robust,
        "z_classic": found.z_classic,
        "is_anomaly": found.is_anomaly,
        "is_scored": found.enough,
        "events": found.events,
    }
    mine: dict[str, Values] = {name: column[rows.start - first :] for name, column in columns.items()}
    mine |= {"settled_at": at[rows], "available_at": available[rows]}
    return columnar(FUNDING_ANOMALIES, mine | {"market": str(one.market)})


def paying(markets: Sequence[Known], span: Window) -> list[Known]:
    """Those that may have paid funding within ``span``: what ended before has no row in any hedge."""
    return [
        one for one in markets if len(one.settlements) and one.settlements.settled_at[-1] >= span.start - 2 * ENDED_MS
    ]


def by_underlying(markets: Sequence[Known], span: Window) -> list[list[Known]]:
    """The markets that may make pairs within ``span``, by what they are of; where there is but one, none."""
    groups: dict[str, list[Known]] = {}
    for one in paying(markets, span):
        groups.setdefault(one.named.name, []).append(one)
    return [group for _, group in sorted(groups.items()) if len(group) > 1]


def spread_rows(group: Sequence[Known], quotes: Mapping[Market, Quotes], span: Window, terms: Terms) -> pa.Table:
    """Rows of VENUE_SPREADS of one underlying's markets, at the instants of ``span``."""
    legs = [_leg(one, quotes[one.market]) for one in group]
    parts = []
    for both in venue_spreads(legs, _told(terms), within=span):
        for hedge in both.earning():
            alive = hedge.take(_pays(hedge.at, hedge.short_next_at) & _pays(hedge.at, hedge.long_next_at))
            parts.append(_hedge(VENUE_SPREADS, alive, group[0].named.name))
    return joined(VENUE_SPREADS, parts)


def cash_and_carry_rows(perpetual: Known, spots: Sequence[Leg], quotes: Quotes, span: Window, terms: Terms) -> pa.Table:
    """Rows of CASH_AND_CARRY of one perpetual against each of ``spots``, at the instants of ``span``."""
    leg = _leg(perpetual, quotes)
    at = decision_times([leg])
    looked = seen(leg, at[_inside(at, span)], terms.windows)
    looked = looked.take(np.flatnonzero(_pays(looked.at, looked.next_at)))
    parts = []
    for spot in spots:
        both = cash_and_carry(seen(spot, looked.at, terms.windows), looked, _told(terms))
        earning = Directions(both.carry, both.reverse).earning()
        parts += [_hedge(CASH_AND_CARRY, hedge, perpetual.named.name) for hedge in earning]
    return joined(CASH_AND_CARRY, parts)


def _leg(one: Known, quotes: Quotes) -> Leg:
    named = one.named
    return Leg(one.market, quotes, one.settlements, one.found, named.units, named.is_proven, one.interest)


def _told(terms: Terms) -> Terms:
    """``terms`` with the holds that the tables tell."""
    return replace(terms, holds=tuple(float(hours) for hours in HEDGE_HOLDS))


def _hedge(spec: Table, hedge: Hedge, underlying: str) -> pa.Table:
    masks, codes = np.unique(hedge.flags, return_inverse=True)
    columns: dict[str, Values] = {
        "short_market": hedge.short,
        "long_market": hedge.long,
        "seen_at": hedge.at,
        "underlying": underlying,
        "short_interval_hours": hedge.short_hours,
        "long_interval_hours": hedge.long_hours,
        "flags": Coded([text_of(mask) for mask in masks.tolist()], codes),
        "risk": Coded([risk_of(mask) for mask in masks.tolist()], codes),
    }
    for hours in HEDGE_HOLDS:
        columns[f"net_{hours}h_per_year"] = hedge.net_per_year[hours]
        columns[f"return_{hours}h"] = hedge.return_on_capital[hours]
    same = {one.name: getattr(hedge, one.name) for one in spec.columns if one.name not in columns}
    return columnar(spec, columns | same)


def _pays(at: Instants, next_at: Instants) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a leg has paid funding by then, and still does as far as is known."""
    return np.asarray((next_at > 0) & (at - next_at <= ENDED_MS))


def _inside(available_at: Instants, span: Window) -> slice:
    lo, hi = np.searchsorted(available_at, [span.start, span.end])
    return slice(int(lo), int(hi))
