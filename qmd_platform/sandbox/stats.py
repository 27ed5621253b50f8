"""Counters: what was asked and answered since the start or the last reset.

What lives here: counting and the JSON shape of ``/__sandbox/stats``. What does not: deciding anything; no limit is enforced.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import Answer

MOST_CANDLE_REQUESTS = 200_000
"""Candle requests remembered one by one; further ones are only counted."""


@dataclass(slots=True)
class Stats:
    """All counters. ``candles`` holds [market, timeframe, start, end] of each answered candle request.

    ``start`` and ``end`` are the half-open window of open times in epoch ms as the client wrote it, None where it
    wrote no bound.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    candles: list[tuple[str, str, Instant | None, Instant | None]] = field(default_factory=list)
    candles_dropped: int = 0
    bytes: int = 0

    def asked(self, venue: str, endpoint: str) -> None:
        """Count a request, whatever becomes of it."""
        self.requests[venue, endpoint] += 1

    def answered(self, venue: str, answer: Answer, sent: int) -> None:
        """Count an answer and the bytes of its body as sent."""
        self.statuses[answer.status] += 1
        self.rows[venue] += answer.rows
        self.bytes += sent
        ask = answer.ask
        if ask is None:
            return
        if len(self.candles) < MOST_CANDLE_REQUESTS:
            self.candles.append((str(ask.listing.market), ask.timeframe.value, *ask.given))
        else:
            self.candles_dropped += 1

    def reset(self) -> None:
        """Everything to zero."""
        for counter in (self.requests, self.rows, self.statuses, self.faults):
            counter.clear()
        self.candles.clear()
        self.candles_dropped = self.bytes = 0

    def as_dict(self, now: Instant) -> dict[str, object]:
        """The counters as ``/__sandbox/stats`` shows them."""
        requests: dict[str, dict[str, int]] = {}
        for (venue, endpoint), count in self.requests.items():
            requests.setdefault(venue, {})[endpoint] = count
        return {
            "now": now,
            "requests": requests,
            "total_requests": self.requests.total(),
            "rows": dict(self.rows),
            "rows_served": self.rows.total(),
            "bytes": self.bytes,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "faults": dict(self.faults),
            "candles": self.candles,
            "candles_dropped": self.candles_dropped,
        }


class UsedWeight:
    """Binance's request weight spent in the current minute of the real clock."""

    def __init__(self) -> None:
        self._minute = 0
        self._spent = 0

    def spend(self, weight: int) -> str:
        """Add ``weight``; what is spent in this minute so far, as the header shows it."""
        minute = int(time.time()) // 60
        if minute != self._minute:
            self._minute, self._spent = minute, 0
        self._spent += weight
        return str(self._spent)
