"""Rows of two states side by side, as text: what differs, and nothing else.

What lives here: the words for ``qmd diff`` and ``qmd revisions``. What does not: finding the rows
(``lake.differences``, ``Ledger.revisions``).
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from qmd_platform.cli import show
from qmd_platform.model import tables
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Partition
from qmd_platform.model.window import iso

ABSENT = "-"
"""What stands for a value that is not there."""

DIGITS = 8
"""Of a figure that was computed."""

KINDS = ("new", "changed", "gone")


def kind(before: str | None, after: str | None) -> str:
    """One of KINDS."""
    if before is None:
        return "new"
    return "gone" if after is None else "changed"


def key_of(partition: Partition, key: str) -> str:
    """The row's key for people: an open time as ``2026-11-01 08:30``; other instants in ISO, anything else as it is."""
    if _is_candle(partition):
        return show.minute(int(key))
    spec, parts = tables.table(partition.series.table), key.split(" ")
    if len(parts) != len(spec.key):
        return key
    return " ".join(_shown(spec, name, part) for name, part in zip(spec.key, parts, strict=True))


def sides(partition: Partition, before: str | None, after: str | None) -> tuple[str, str]:
    """The values that differ, before and after, as ``close 1.5, volume 2.0``; a side that is not there is empty.

    Candles have all their digits. Figures of other tables are computed, and eight digits of them are shown unless that
    makes two that differ look alike.
    """
    was, now = values(before), values(after)
    spec = None if _is_candle(partition) else tables.table(partition.series.table)
    if was is None or now is None:
        return _text(spec, was or {}), _text(spec, now or {})
    # By their text: NaN is no number that equals itself, and is the same value nevertheless.
    names = [name for name in now if repr(was.get(name)) != repr(now[name])]
    pairs = {name: (_shown(spec, name, was.get(name)), _shown(spec, name, now[name])) for name in names}
    pairs |= {name: (repr(was.get(name)), repr(now[name])) for name, (a, b) in pairs.items() if a == b}
    old, new = ([f"{name} {pair[side]}" for name, pair in pairs.items()] for side in (0, 1))
    return ", ".join(old), ", ".join(new)


def values(row: str | None) -> dict[str, Any] | None:
    """A row's values but for its key; None for no row."""
    return None if row is None else dict(json.loads(row))


def document(partition: Partition, key: str, before: str | None, after: str | None) -> dict[str, object]:
    """The row for JSON, in both states."""
    return {
        "series": str(partition.series),
        "month": partition.month,
        **({"open_at": iso(int(key))} if _is_candle(partition) else {"key": key}),
        "change": kind(before, after),
        "before": finite(values(before)),
        "after": finite(values(after)),
    }


def finite(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A row's values without NaN and infinities, which JSON has not: they are null, as in ``qmd sql``."""
    if row is None:
        return None
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}


def _text(spec: Table | None, row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(spec, name, value)}" for name, value in row.items())


def _shown(spec: Table | None, name: str, value: Any) -> str:  # noqa: ANN401 - whatever a row holds
    """A value of a table; ``spec`` is None for candles, whose values are as they came."""
    if spec is None:
        return str(value)
    if value is None or value == "":
        return ABSENT
    if spec.column(name).dtype == "instant":
        return iso(int(value))
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _is_candle(partition: Partition) -> bool:
    return partition.series.is_candles
