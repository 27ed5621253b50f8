"""The bytes of a log file: frames, each whole or worth nothing, and the rows in them.

What lives here: the two shapes of row, packing them into frames, finding the whole frames in a file however it ends. What
does not: files, folders, what is made durable when (``live.files``), who asks for which rows (``live.log``).

A frame is a header (magic, what it has, how many bytes follow, their CRC-32) and a payload: rows of one shape, or a name.
Rows are of fixed length and name their series by a number that a name frame of the same file has said before. A frame is
one append: its rows count together or not at all. What a kill leaves of a frame is recognised by its length or its CRC.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.records import HeardCandle, HeardMark

MAGIC = b"QML1"
NAME, CANDLES, MARKS = 1, 2, 3
"""What a frame has: one name, rows of ``CANDLE``, rows of ``MARK``."""

_HEAD = struct.Struct("<4sIII")
"""Magic, kind, length of the payload in bytes, CRC-32 of the kind, the length and the payload."""

_NUMBER = struct.Struct("<I")
MOST = 1 << 26
"""Bytes a payload has at most; a header that claims more is none."""

UNKNOWN = -(1 << 63)
"""An instant that was not said."""

CANDLE = np.dtype(
    [
        ("of", "<u4"),
        ("pad", "<u4"),
        ("open_at", "<i8"),
        *((name, "<f8") for name in ("open", "high", "low", "close", "volume")),
        ("venue_at", "<i8"),
        ("received_at", "<i8"),
    ]
)
MARK = np.dtype(
    [
        ("of", "<u4"),
        ("pad", "<u4"),
        *((name, "<f8") for name in ("mark", "index", "predicted_rate", "open_interest")),
        ("next_settlement_at", "<i8"),
        ("venue_at", "<i8"),
        ("received_at", "<i8"),
    ]
)
ROWS = {CANDLES: CANDLE, MARKS: MARK}
"""The shape of the rows of each kind of frame that has rows."""

Rows = NDArray[np.void]
"""Rows of ``CANDLE`` or of ``MARK``."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame: what it has, and the bytes of it."""

    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Scanned:
    """The whole frames of some bytes; where the last of them ends; bytes before that which are of none."""

    frames: list[Frame]
    end: int
    damaged: int


def frame(kind: int, payload: bytes) -> bytes:
    """A frame's bytes."""
    return _HEAD.pack(MAGIC, kind, len(payload), _crc(kind, payload)) + payload


def name_frame(number: int, name: str) -> bytes:
    """The frame that says what ``number`` stands for in the rows after it."""
    return frame(NAME, _NUMBER.pack(number) + name.encode())


def named(one: Frame) -> tuple[int, str]:
    """What a name frame says."""
    return _NUMBER.unpack_from(one.payload)[0], one.payload[_NUMBER.size :].decode()


def rows_of(frames: Sequence[Frame], kind: int) -> Rows:
    """All rows in the frames of ``kind``, in the order they were written."""
    return np.frombuffer(b"".join(one.payload for one in frames if one.kind == kind), ROWS[kind])


def scanned(data: bytes) -> Scanned:
    """The whole frames of ``data``. What is after the last of them is torn, or is being written just now."""
    frames: list[Frame] = []
    at = end = damaged = 0
    while (found := _next(data, at)) is not None:
        start, one = found
        damaged += start - end
        frames.append(one)
        at = end = start + _HEAD.size + len(one.payload)
    return Scanned(frames, end, damaged)


def _next(data: bytes, at: int) -> tuple[int, Frame] | None:
    """The first whole frame at ``at`` or after, and where it starts."""
    while (at := data.find(MAGIC, at)) >= 0:
        if (one := _whole(data, at)) is not None:
            return at, one
        at += 1
    return None


def _whole(data: bytes, at: int) -> Frame | None:
    if at + _HEAD.size > len(data):
        return None
    _, kind, length, crc = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    if kind not in (NAME, *ROWS) or length > MOST or start + length > len(data):
        return None
    payload = data[start : start + length]
    return Frame(kind, payload) if _crc(kind, payload) == crc else None


def _crc(kind: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_NUMBER.pack(kind) + _NUMBER.pack(len(payload))))


def candle_rows(heard: Sequence[tuple[int, HeardCandle]]) -> bytes:
    """Candles, each with the number of its series, as bytes of ``CANDLE``."""
    rows = [
        (
            *(number, 0, one.open_at, one.open, one.high, one.low, one.close, one.volume),
            *(_known(one.venue_at), one.received_at),
        )
        for number, one in heard
    ]
    return np.array(rows, CANDLE).tobytes()


def mark_rows(heard: Sequence[tuple[int, HeardMark]]) -> bytes:
    """Marks, each with the number of its market, as bytes of ``MARK``."""
    rows = [
        (
            *(number, 0, *map(_number, (one.mark, one.index, one.predicted_rate, one.open_interest))),
            *(_known(one.next_settlement_at), _known(one.venue_at), one.received_at),
        )
        for number, one in heard
    ]
    return np.array(rows, MARK).tobytes()


def fields(rows: Rows) -> Iterator[dict[str, Any]]:
    """Each row by name; None where nothing was said."""
    names = [name for name in rows.dtype.names or () if name not in ("of", "pad")]
    for row in rows.tolist():
        yield {name: _said(value) for name, value in zip(names, row[2:], strict=True)}


def _said(value: float) -> float | None:
    is_said = value != UNKNOWN if isinstance(value, int) else not math.isnan(value)
    return value if is_said else None


def _known(at: Instant | None) -> Instant:
    return UNKNOWN if at is None else at


def _number(value: float | None) -> float:
    return math.nan if value is None else value
