"""Settlements out of text files other people made: comma-separated, with or without a header. Pure.

What lives here: which column is what, numbers, the time zone that must be declared. What does not: opening files
(``ingest``), what the times mean (``funding.zones``), whether the rows are plausible (``funding.suspicions``).
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from qmd_platform.errors import ConfigError, choices
from qmd_platform.funding.suspicions import checked
from qmd_platform.funding.zones import instants, zone_of
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant

UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds in each unit a number of a time may be in."""

Column = str | int
Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file has what, and what its writer did not say.

    Attributes:
        at: column of the time of settlement: its name in the header, or its position from 0 in a file without one.
        rate: column of the rate.
        hours: column of the interval in hours, if there is one.
        mark: column of the mark price, if there is one.
        only: rows to take: what a column must be. A file of many markets needs it.
        zone: of times without one: ``UTC``, ``+03:00``, ``Europe/London``.
        unit: of times that are numbers: ``s``, ``ms``, ``us`` or ``ns``.
        percent: whether rates are in percent (0.01 is 1 bp).
        form: of the times (as in ``strptime``) where they are not ISO.
    """

    at: Column
    rate: Column
    hours: Column | None = None
    mark: Column | None = None
    only: Mapping[Column, str] = field(default_factory=dict)
    zone: str | None = None
    unit: str | None = None
    percent: bool = False
    form: str | None = None


def settlements_of_text(text: str, layout: Layout, what: str = "the file") -> Settlements:
    """The settlements in the text of a file, sorted, each once, snapped to the minute.

    Rows without a rate are left out: a file of spot and perpetual markets has them.

    Args:
        text: the file's content.
        layout: where it has what.
        what: the file's name, for messages.

    Raises:
        ConfigError: no such column, a number that is none, times without a declared zone or unit, or rows that cannot be
            right (``suspicions.errors``).
    """
    rows, places = _rows(text, layout, what)
    rate = np.array([_number(row[places[layout.rate]], what) for row in rows], np.float64)
    at = np.array(_times([row[places[layout.at]] for row in rows], layout, what), np.int64)
    extra = [_optional(rows, places, column, what) for column in (layout.mark, layout.hours)]
    found = Settlements.of(at, rate / 100 if layout.percent else rate, *extra)
    return _snapped(checked(found, what))


def _snapped(settlements: Settlements) -> Settlements:
    at = np.rint(settlements.settled_at / MINUTE).astype(np.int64) * MINUTE
    return Settlements(at, settlements.rate, settlements.mark, settlements.stated_hours)


def _rows(text: str, layout: Layout, what: str) -> tuple[Rows, dict[Column, int]]:
    """The rows to take, and where each column of the layout is."""
    lines = [row for row in csv.reader(text.splitlines()) if row]
    wanted = [one for one in (layout.at, layout.rate, layout.hours, layout.mark, *layout.only) if one is not None]
    named = any(isinstance(one, str) for one in wanted)
    header = [name.strip() for name in lines[0]] if named and lines else []
    places = {one: _place(one, header, what) for one in wanted}
    widest = max(places.values())
    rows = lines[1:] if named else lines
    short = next((row for row in rows if len(row) <= widest), None)
    if short is not None:
        raise ConfigError(f"{what}: a row of {len(short)} columns: {','.join(short)[:80]}", hint="is the file cut?")
    taken = [row for row in rows if all(row[places[one]].strip() == value for one, value in layout.only.items())]
    return [row for row in taken if row[places[layout.rate]].strip()], places


def _place(column: Column, header: Sequence[str], what: str) -> int:
    if isinstance(column, int):
        return column
    if column not in header:
        raise ConfigError(f"{what} has no column {column!r}", hint=choices(column, header))
    return header.index(column)


def _optional(rows: Rows, places: Mapping[Column, int], column: Column | None, what: str) -> list[float] | None:
    if column is None:
        return None
    return [_number(text, what) if (text := row[places[column]].strip()) else float("nan") for row in rows]


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{what}: {text!r} is not a number", hint="is it the right column?") from None


def _times(texts: Sequence[str], layout: Layout, what: str) -> list[Instant]:
    zone = None if layout.zone is None else zone_of(layout.zone)
    if layout.form is None and all(_is_number(text) for text in texts):
        return _of_numbers(texts, layout.unit, what)
    return instants([_moment(text, layout.form, what) for text in texts], zone, what)


def _of_numbers(texts: Iterable[str], unit: str | None, what: str) -> list[Instant]:
    if unit is not None and unit not in UNITS:
        raise ConfigError(f"{unit!r} is not a unit of time", hint=choices(unit, list(UNITS)))
    factor = UNITS[unit or "ms"]
    return [round(_number(text, what) * factor) for text in texts]


def _is_number(text: str) -> bool:
    return text.strip().lstrip("-").replace(".", "", 1).isdigit()


def _moment(text: str, form: str | None, what: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), form) if form else datetime.fromisoformat(text.strip())  # noqa: DTZ007 - its zone is declared
    except ValueError:
        shape = form or "ISO: 2026-11-01 08:00:00"
        raise ConfigError(f"{what}: {text!r} is not a time", hint=f"it was read as {shape}; say what it is") from None
