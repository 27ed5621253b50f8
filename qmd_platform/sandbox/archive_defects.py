"""What is wrong with files of the sandbox's archive, file by file.

What lives here: reading the list, and each defect done to a file that would be right. What does not: right files
(``archive``); faults that befall a request and not a file, such as a cut connection (``faults``, by ``path``).

    [[file]]
    path = "BTCUSDT-1m-2026-09"     # part of the paths it is about
    defect = "wrong_checksum"
    times = 1                       # of wrong_checksum: so often, then right; as if the file were being replaced
    every = 50                      # of restated: every so manyth row

| defect | the file |
|---|---|
| ``absent`` | is not there |
| ``no_checksum`` | is there, its checksum is not |
| ``wrong_checksum`` | has another checksum than stated |
| ``broken_zip`` | is a zip with wrong bytes inside, and its checksum is right |
| ``truncated_zip`` | is the first half of a zip, and its checksum is right |
| ``html`` | is a page of HTML, and its checksum is right |
| ``bomb`` | unpacks to 64 MiB of nothing |
| ``wrong_member`` | holds a CSV that is called as another market's |
| ``wrong_market`` | holds another market's candles under its own name |
| ``short`` | ends after a third of its rows |
| ``holes`` | lacks every third hundred of its rows |
| ``duplicated`` | has its first hundred rows twice |
| ``restated`` | tells twice the volume in every ``every``-th row |
| ``columns`` | lacks the last column |
| ``seconds`` | counts time in seconds |
| ``header`` ``no_header`` ``us`` ``ms`` | is right, written in this way |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import Exchange, Rows
from qmd_platform.sandbox.text import Figures, Recorded
from qmd_platform.sandbox.tomlfile import Entry, entries
from qmd_platform.sandbox.universe import Listing

KINDS = (
    "absent",
    "no_checksum",
    "wrong_checksum",
    "broken_zip",
    "truncated_zip",
    "html",
    "bomb",
    "wrong_member",
    "wrong_market",
    "short",
    "holes",
    "duplicated",
    "restated",
    "columns",
    "seconds",
    "header",
    "no_header",
    "us",
    "ms",
)
_OPTIONS = {"times": "wrong_checksum", "every": "restated"}
_EVERY = 50
_HUNDRED = 100
_THIRD = 2
_BOMB = bytes(64 << 20)
_HTML = b"<!DOCTYPE html><html><head><title>Access blocked</title></head><body>Not from here.</body></html>"


@dataclass(slots=True)
class Defect:
    """One entry of the list, and how often it struck so far."""

    kind: str
    path: str = ""
    times: int | None = None
    every: int = _EVERY
    struck: int = field(default=0, init=False, repr=False)

    def matches(self, path: str) -> bool:
        """Whether the file at ``path`` is one it is about."""
        return self.path in path


@dataclass(frozen=True, slots=True)
class Printed:
    """Rows and how they are written. ``per_ms`` is how many of the file's units of time a millisecond has."""

    rows: Rows
    has_header: bool
    per_ms: int


def load(path: Path) -> list[Defect]:
    """The list in the TOML file ``path``: ``[[file]]`` tables.

    Raises:
        ConfigError: names file, entry, key and choices.
    """
    return [
        Defect(
            _kind(entry),
            entry.text("path") if "path" in entry.values else "",
            entry.whole("times", 1),
            entry.whole("every", 1) or _EVERY,
        )
        for entry in entries(path, "file", ("path", "defect", *_OPTIONS))
    ]


def stated(digest: str, defects: Sequence[Defect]) -> str:
    """What the checksum file states where ``digest`` is right."""
    for one in defects:
        if one.kind == "wrong_checksum" and (one.times is None or one.struck < one.times):
            one.struck += 1
            return digest[::-1]
    return digest


def other(exchange: Exchange, listing: Listing, defects: Sequence[Defect], now: Instant) -> Listing:
    """The listing whose candles are in the file of ``listing``: another one of its venue where that is the defect."""
    if not _has(defects, "wrong_market"):
        return listing
    others = exchange.listings(listing.market.venue, now, spot=listing.is_spot)
    return next((one for one in others if one != listing), listing)


def of_rows(printed: Printed, defects: Sequence[Defect]) -> Printed:
    """What becomes of the rows and of how they are written."""
    for one in defects:
        printed = _OF_ROWS.get(one.kind, _left_alone)(printed, one)
    return printed


def of_content(content: bytes, defects: Sequence[Defect]) -> bytes:
    """What becomes of the CSV."""
    if _has(defects, "columns"):
        return b"".join(line.rpartition(b",")[0] + b"\n" for line in content.splitlines())
    return _BOMB if _has(defects, "bomb") else content


def of_name(member: str, defects: Sequence[Defect]) -> str:
    """What the CSV is called inside the zip."""
    return f"OTHER{member}" if _has(defects, "wrong_member") else member


def of_zip(body: bytes, defects: Sequence[Defect]) -> bytes:
    """What becomes of the zip."""
    if _has(defects, "html"):
        return _HTML
    if _has(defects, "truncated_zip"):
        return body[: len(body) // 2]
    if _has(defects, "broken_zip"):
        middle = len(body) // 2
        return body[:middle] + bytes(255 - byte for byte in body[middle : middle + 8]) + body[middle + 8 :]
    return body


def _has(defects: Sequence[Defect], kind: str) -> bool:
    return any(one.kind == kind for one in defects)


def _left_alone(printed: Printed, defect: Defect) -> Printed:
    return printed


def _taken(printed: Printed, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Printed:
    return replace(printed, rows=printed.rows.take(np.arange(len(printed.rows))[rows]))


def _short(printed: Printed, defect: Defect) -> Printed:
    return _taken(printed, np.arange(len(printed.rows) // 3))


def _holes(printed: Printed, defect: Defect) -> Printed:
    return _taken(printed, np.arange(len(printed.rows)) // _HUNDRED % 3 != _THIRD)


def _duplicated(printed: Printed, defect: Defect) -> Printed:
    rows = np.arange(len(printed.rows))
    return _taken(printed, np.sort(np.r_[rows, rows[:_HUNDRED]]))


def _restated(printed: Printed, defect: Defect) -> Printed:
    volume = printed.rows.volume
    times = np.where(np.arange(len(volume)) % defect.every == 0, 2, 1)
    doubled = (
        Figures(volume.values * times, volume.digits)
        if isinstance(volume, Figures)
        else Recorded(volume.floats() * times)
    )
    return replace(printed, rows=replace(printed.rows, volume=doubled))


def _seconds(printed: Printed, defect: Defect) -> Printed:
    return replace(printed, rows=replace(printed.rows, open_at=printed.rows.open_at // 1000), per_ms=1)


_OF_ROWS: dict[str, Callable[[Printed, Defect], Printed]] = {
    "short": _short,
    "holes": _holes,
    "duplicated": _duplicated,
    "restated": _restated,
    "seconds": _seconds,
    "header": lambda printed, _: replace(printed, has_header=True),
    "no_header": lambda printed, _: replace(printed, has_header=False),
    "us": lambda printed, _: replace(printed, per_ms=1000),
    "ms": lambda printed, _: replace(printed, per_ms=1),
}


def _kind(entry: Entry) -> str:
    kind = entry.choice("defect", KINDS)
    for option, only in _OPTIONS.items():
        if option in entry.values and kind != only:
            raise entry.refused(f"{option} says nothing about {kind}", "leave it out")
    return kind
