"""Rows of the tables of hedges as arrays, changes of state as rows, and those rows as episodes.

What lives here: the ways between tables and the records of ``arbitrage``. What does not: which months are made and committed
(``ingest.opportunities``), the lives themselves (``arbitrage.lives``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.basis import BPS
from qmd_platform.arbitrage.flags import flag, mask_of, text_of
from qmd_platform.arbitrage.lifecycle import State
from qmd_platform.arbitrage.lives import Change
from qmd_platform.arbitrage.mirror import Earned
from qmd_platform.ingest.columnar import columnar
from qmd_platform.lake.buffers import column, numbers, texts
from qmd_platform.ledger.opportunities import KeptEpisode
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, VENUE_SPREADS
from qmd_platform.model.opportunity_tables import CASH_AND_CARRY as CASH_AND_CARRY_KIND
from qmd_platform.model.opportunity_tables import OPPORTUNITIES, SPREAD

KINDS = {VENUE_SPREADS.name: SPREAD, CASH_AND_CARRY.name: CASH_AND_CARRY_KIND}
"""The kind of opportunity that each table of hedges has."""

READ = (
    "short_market",
    "long_market",
    "seen_at",
    "underlying",
    "funding_per_hour",
    "net_per_hour",
    "cost_bps",
    "flags",
)
"""Columns of a table of hedges that a life rests on."""


def earned(rows: pa.Table) -> Earned:
    """Rows of a table of hedges: the columns ``READ``."""
    words, short = texts(rows.column("short_market").combine_chunks())
    others, long = texts(rows.column("long_market").combine_chunks())
    names = sorted({*words, *others} - {""})
    place = {name: at for at, name in enumerate(names)}
    coins, coin = texts(rows.column("underlying").combine_chunks())
    said, flags = texts(rows.column("flags").combine_chunks())
    masks = np.array([mask_of(flag(one) for one in text.split()) for text in said], np.uint32)
    return Earned(
        names,
        _placed(words, place)[short],
        _placed(others, place)[long],
        column(rows, "seen_at"),
        _maybe(rows, "funding_per_hour"),
        _maybe(rows, "net_per_hour"),
        _maybe(rows, "cost_bps") / BPS,
        masks[flags],
        coins,
        coin,
    )


def _placed(words: Sequence[str], place: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([place.get(word, -1) for word in words], np.int64)


def _maybe(rows: pa.Table, name: str) -> NDArray[np.float64]:
    """A column of numbers, NaN for null."""
    values: Any = rows.column(name).combine_chunks()
    return numbers(values.fill_null(float("nan")), np.float64)


def rows_of(kind: str, changes: Sequence[Change]) -> pa.Table:
    """Rows of OPPORTUNITIES."""
    moves = [one.transition for one in changes]
    return columnar(
        OPPORTUNITIES,
        {
            "short_market": [one.short for one in changes],
            "long_market": [one.long for one in changes],
            "kind": [kind] * len(changes),
            "underlying": [one.underlying for one in changes],
            "episode": np.array([one.episode for one in moves], np.int64),
            "began_at": np.array([one.began_at for one in changes], np.int64),
            "changed_at": np.array([one.at for one in moves], np.int64),
            "before": [one.before.value for one in moves],
            "after": [one.after.value for one in moves],
            "reason": [one.reason for one in moves],
            "net_per_year": np.array([one.net_per_year for one in moves], np.float64),
            "break_even_hours": np.array([one.break_even_hours for one in moves], np.float64),
            "flags": [text_of(one.flags) for one in moves],
            "rule_version": [one.rule_version for one in moves],
            "data_versions": [" ".join(one.data_versions) for one in moves],
        },
    )


def episodes_of(rows: pa.Table) -> list[KeptEpisode]:
    """The episodes of these rows of OPPORTUNITIES, all that there are; by the two markets and their beginning."""
    for name in ("began_at", "changed_at"):  # as Python values they would be datetimes
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows.column(name).cast(pa.int64()))
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault((row["short_market"], row["long_market"], row["began_at"]), []).append(row)
    return [_episode(sorted(found[name], key=lambda row: row["changed_at"])) for name in sorted(found)]


def _episode(changes: Sequence[dict[str, Any]]) -> KeptEpisode:
    last = changes[-1]
    of = {row["after"]: row for row in changes}
    since = {state: row["changed_at"] for state, row in of.items()}
    lapsed = last["changed_at"] if (last["before"], last["after"]) == (State.WATCH, State.NONE) else None
    known = [row["net_per_year"] for row in changes if row["net_per_year"] is not None]
    decided = of.get(State.CLOSE) or of.get(State.OPEN) or last
    return KeptEpisode(
        began=last["began_at"],
        number=last["episode"],
        state=last["after"],
        since=last["changed_at"],
        opened=since.get(State.OPEN),
        closed=since.get(State.CLOSE),
        ended=since.get(State.CLOSE, lapsed),
        best_net_per_year=max(known, default=None),
        **{name: decided[name] for name in ("reason", "net_per_year", "break_even_hours", "flags")},
        **{name: last[name] for name in ("short_market", "long_market", "kind", "underlying")},
        **{name: last[name] for name in ("rule_version", "data_versions")},
    )
