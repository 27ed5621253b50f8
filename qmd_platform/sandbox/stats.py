"""Counters: what was asked and answered since the start or the last reset.

What lives here: counting and the JSON shapes of ``/__sandbox/stats`` and ``/__sandbox/requests``. What does not:
deciding anything (``limits``, ``faults``).
"""

import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import Answer
from qmd_platform.sandbox.faults import Fault

MOST_CANDLE_REQUESTS = 200_000
"""Candle requests remembered one by one; further ones are only counted."""


MOST_REQUESTS = 200_000
"""Requests remembered one by one; of more, the last ones."""


@dataclass(slots=True)
class Asked:
    """A request as it came. ``at`` is the venues' time."""

    at: Instant
    venue: str
    endpoint: str
    weight: float
    fault: Fault | None = None


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
    log: deque[tuple[Asked, Answer | None]] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))

    def asked(self, venue: str, endpoint: str) -> None:
        """Count a request, whatever becomes of it."""
        self.requests[venue, endpoint] += 1

    def unanswered(self, asked: Asked) -> None:
        """Count a request whose answer did not arrive whole."""
        self.log.append((asked, None))

    def answered(self, asked: Asked, answer: Answer, sent: int) -> None:
        """Count an answer and the bytes of its body as sent."""
        # Without its body: a long log of pages would fill the memory.
        self.log.append((asked, replace(answer, body=b"")))
        self.statuses[answer.status] += 1
        self.rows[asked.venue] += answer.rows
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
        self.log.clear()
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

    def one_by_one(self) -> list[dict[str, object]]:
        """Each request, oldest first: the venues' time, what was asked and what came.

        ``status`` is None where no whole answer went out; ``market``, ``timeframe``, ``start``, ``end`` (as written,
        half-open) are of requests for candles only; ``rows`` are the candles that went out.
        """
        return [_line(asked, answer) for asked, answer in self.log]


def _line(asked: Asked, answer: Answer | None) -> dict[str, object]:
    line: dict[str, object] = {
        "at": asked.at,
        "venue": asked.venue,
        "endpoint": asked.endpoint,
        "weight": asked.weight,
        "fault": asked.fault.kind if asked.fault else None,
        "status": answer.status if answer else None,
        "rows": answer.rows if answer else 0,
    }
    if answer and answer.ask:
        start, end = answer.ask.given
        names = {"market": str(answer.ask.listing.market), "timeframe": answer.ask.timeframe.value}
        line |= {**names, "start": start, "end": end}
    return line


class UsedWeight:
    """Binance's request weight spent in the current minute of the real clock."""

    def __init__(self) -> None:
        self._minute = 0
        self._spent = 0.0

    def spend(self, weight: float) -> str:
        """Add ``weight``; what is spent in this minute so far, as the header shows it."""
        minute = int(time.time()) // 60
        if minute != self._minute:
            self._minute, self._spent = minute, 0.0
        self._spent += weight
        return f"{self._spent:g}"
