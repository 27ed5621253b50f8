"""The list of rows inside a body of candles, whatever the venue wraps around it.

What lives here: taking the list out of a body, and putting another one in. What does not: what is done to it
(``spoil``), what a row looks like (the venues).
"""

from collections.abc import Sequence

import msgspec

from qmd_platform.sandbox import bybit, kraken, okx

_AROUND = {okx.NAME: ("data",), bybit.NAME: ("result", "list"), kraken.NAME: ("result", "")}
"""The keys on the way to the list; "" is the one key of a market among others. Other venues send the bare list."""

_Node = dict[str, msgspec.Raw]


def rows_of(venue: str, body: bytes) -> list[msgspec.Raw]:
    """The rows in ``body``, in the order printed."""
    for key in _AROUND.get(venue, ()):
        node = msgspec.json.decode(body, type=_Node)
        body = bytes(node[_named(node, key)])
    return msgspec.json.decode(body, type=list[msgspec.Raw])


def with_rows(venue: str, body: bytes, rows: Sequence[bytes | msgspec.Raw]) -> bytes:
    """``body`` with other rows, all else as it was."""
    return _replaced(body, _AROUND.get(venue, ()), b"[" + b",".join(map(bytes, rows)) + b"]")


def _replaced(body: bytes, keys: Sequence[str], rows: bytes) -> bytes:
    if not keys:
        return rows
    node = msgspec.json.decode(body, type=_Node)
    key = _named(node, keys[0])
    return msgspec.json.encode(node | {key: msgspec.Raw(_replaced(bytes(node[key]), keys[1:], rows))})


def _named(node: _Node, key: str) -> str:
    return key or next(name for name in node if name != "last")
