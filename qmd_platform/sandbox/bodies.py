"""Kept bodies: answers that can never change, encoded once.

What lives here: a bounded store, oldest use out first, and compression. What does not: which answers may be kept
(``exchange.is_settled``).
"""

import zlib
from collections import OrderedDict
from dataclasses import dataclass

from qmd_platform.sandbox.exchange import Answer

MOST_BYTES = 192 << 20
"""Bytes of bodies kept: some 3,000 gzipped pages of 1000 candles."""

_GZIP = 31
_PACKED = "application/gzip"
"""Kind of a body that is packed already."""
_WORTH_IT = 300


@dataclass(frozen=True, slots=True)
class Sendable:
    """An answer and its body as it goes out."""

    answer: Answer
    body: bytes
    is_gzipped: bool


def sendable(answer: Answer, *, accepts_gzip: bool) -> Sendable:
    """``answer`` with its body compressed where the client takes it and it pays."""
    is_packed = answer.headers.get("Content-Type") == _PACKED
    if not accepts_gzip or is_packed or len(answer.body) < _WORTH_IT:
        return Sendable(answer, answer.body, is_gzipped=False)
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return Sendable(answer, packer.compress(answer.body) + packer.flush(), is_gzipped=True)


class Bodies:
    """Sendable answers by request target and encoding, at most ``most_bytes`` of body."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._kept: OrderedDict[tuple[str, bool], Sendable] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._held = 0

    def get(self, target: str, *, accepts_gzip: bool) -> Sendable | None:
        """What was kept for this request."""
        kept = self._kept.get((target, accepts_gzip))
        if kept is not None:
            self._kept.move_to_end((target, accepts_gzip))
        return kept

    def keep(self, target: str, one: Sendable, *, accepts_gzip: bool) -> None:
        """Remember ``one``; forgets what was used longest ago when full."""
        if (target, accepts_gzip) in self._kept:
            return
        self._kept[target, accepts_gzip] = one
        self._held += len(one.body)
        while self._held > self._most:
            self._held -= len(self._kept.popitem(last=False)[1].body)
