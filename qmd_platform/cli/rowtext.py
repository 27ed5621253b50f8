"""Rows of two states side by side, as text: what differs, and nothing else.

What lives here: the words for ``qmd diff`` and ``qmd revisions``. What does not: finding the rows
(``lake.differences``, ``Ledger.revisions``).
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from qmd_platform.cli import show
from qmd_platform.model.series import Partition
from qmd_platform.model.window import iso

KINDS = ("new", "changed", "gone")


def kind(before: str | None, after: str | None) -> str:
    """One of KINDS."""
    if before is None:
        return "new"
    return "gone" if after is None else "changed"


def key_of(partition: Partition, key: str) -> str:
    """The row's key for people: an open time as ``2026-11-01 08:30``, anything else as it is."""
    return show.minute(int(key)) if _is_candle(partition) else key


def sides(before: str | None, after: str | None) -> tuple[str, str]:
    """The values that differ, before and after, as ``close 1.5, volume 2.0``; a side that is not there is empty."""
    was, now = values(before), values(after)
    if was is None or now is None:
        return _text(was or {}), _text(now or {})
    # By their text: NaN is no number that equals itself, and is the same value nevertheless.
    names = [name for name in now if repr(was.get(name)) != repr(now[name])]
    return _text({name: was.get(name) for name in names}), _text({name: now[name] for name in names})


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


def _text(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _is_candle(partition: Partition) -> bool:
    return partition.series.is_candles
