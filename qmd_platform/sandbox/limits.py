"""What a venue allows an address: weight in a sliding window, refusals and bans.

What lives here: the venues' limits as data, and who goes over them. Pure: the time is an argument, in seconds of
any clock that only runs forward. What does not: the refusal on the wire (``dispatch``), any client's way of staying
below (a sandbox that shared its numbers with the client would agree with its mistakes; a test compares them).

Rules: a request that would put more than the limit into any window is refused with 429 and the whole seconds to wait.
Until then everything in its bucket is refused. Where the venue bans, who asks again while refused is banned: 418 for
twice a window, for all of the venue, twice as long each time. Requests that were on their way when the refusal went
out are refused only (``GRACE``).
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from qmd_platform.errors import ConfigError, choices

GRACE = 0.5
"""Seconds after a refusal in which further requests may have been sent before it was read."""

LONGEST_BAN = 3 * 86_400.0
"""Seconds: Binance names 2 minutes to 3 days."""

Limits = bool | Mapping[str, tuple[float, float]]
"""Whether limits are enforced; a mapping enforces all and gives some other numbers.

A key is a venue or ``venue.bucket``, a value is (weight, seconds)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``weight`` in any ``seconds`` of the requests whose path begins with one of ``paths``."""

    weight: float
    seconds: float
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """A venue's limits by bucket, in the order in which paths are looked for."""

    buckets: Mapping[str, Limit]
    bans: bool = False


VENUES: Mapping[str, VenueLimits] = {
    "binance": VenueLimits(
        {
            "spot": Limit(6000, 60, ("/api/",)),
            "funding": Limit(500, 300, ("/fapi/v1/fundingRate", "/fapi/v1/fundingInfo")),
            "data": Limit(1000, 300, ("/futures/data/",)),
            "usdm": Limit(2400, 60, ("/fapi/",)),
            "coinm": Limit(2400, 60, ("/",)),
        },
        bans=True,
    ),
    "gate": VenueLimits(
        {
            "futures": Limit(200, 10, ("/api/v4/futures/",)),
            "spot": Limit(200, 10, ("/api/v4/spot/",)),
            "other": Limit(200, 10, ("/",)),
        }
    ),
    "okx": VenueLimits(
        {
            "candles": Limit(20, 2, ("/api/v5/market/history-candles",)),
            "funding": Limit(10, 2, ("/api/v5/public/funding-rate-history",)),
            "reference": Limit(
                10, 2, ("/api/v5/market/history-mark-price-candles", "/api/v5/market/history-index-candles")
            ),
            "public": Limit(10, 2, ("/api/v5/public/",)),
            "other": Limit(10, 2, ("/",)),
        }
    ),
    "bybit": VenueLimits({"address": Limit(600, 5, ("/",))}),
    "kraken": VenueLimits({"public": Limit(1, 1, ("/",))}),
    "bitfinex": VenueLimits(
        {
            "candles": Limit(30, 60, ("/v2/candles/",)),
            "status": Limit(90, 60, ("/v2/status/",)),
            "other": Limit(90, 60, ("/",)),
        }
    ),
}
"""From the venues' documentation: Binance counts weight a minute, the others requests: Gate in 10 s, Bitfinex in a minute,
OKX in 2 s, Bybit in 5 s, Kraken in a second. Binance counts requests about funding and about statistics apart, in 5
minutes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A refusal: its status, and the whole seconds to wait."""

    status: int
    retry_after: int


@dataclass(slots=True)
class Count:
    """What a bucket has seen. ``fullest`` counts what was sent, refused or not; ``while_banned`` are requests."""

    weight: float = 0
    requests: int = 0
    fullest: float = 0
    refused: int = 0
    bans: int = 0
    while_banned: int = 0


@dataclass(slots=True)
class Bucket:
    """One limit at work: two sliding windows (all that was sent, what was let through) and the counts."""

    limit: Limit
    count: Count = field(default_factory=Count)
    refused_at: float = -math.inf
    refused_until: float = -math.inf
    _sent: "_Sliding" = field(init=False)
    _served: "_Sliding" = field(init=False)

    def __post_init__(self) -> None:
        self._sent, self._served = _Sliding(self.limit.seconds), _Sliding(self.limit.seconds)

    def see(self, weight: float, now: float) -> None:
        """Count a request, whatever becomes of it."""
        self.count.requests += 1
        self.count.weight += weight
        self._sent.add(weight, now)
        self.count.fullest = max(self.count.fullest, self._sent.total)

    def admit(self, weight: float, now: float) -> bool:
        """Whether the request may pass; otherwise the bucket refuses everything until there is room again."""
        if now < self.refused_until:
            return False
        room_in = self._served.room_for(weight, self.limit.weight, now)
        if room_in <= 0:
            self._served.add(weight, now)
            return True
        self.refused_at, self.refused_until = now, now + math.ceil(room_in)
        return False


class Limiter:
    """All venues' buckets. ``limits``: see ``Limits``; without them everything passes and is still counted.

    Raises:
        ConfigError: names the unknown venue or bucket and the choices, or the number that cannot be.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._enforced = bool(limits) or isinstance(limits, Mapping)
        self._limits = _with(limits if isinstance(limits, Mapping) else {})
        self.reset()

    def reset(self) -> None:
        """Forget everything: windows, refusals, bans, counts."""
        self._buckets = {
            venue: {name: Bucket(limit) for name, limit in buckets.items()} for venue, buckets in self._limits.items()
        }
        self._banned_until = dict.fromkeys(self._buckets, -math.inf)

    def verdict(self, venue: str, path: str, weight: float, now: float) -> Verdict | None:
        """Count one request; None when it may pass."""
        buckets = self._buckets.get(venue, {})
        bucket = next((one for one in buckets.values() if path.startswith(one.limit.paths)), None)
        if bucket is None:
            return None
        bucket.see(weight, now)
        if not self._enforced:
            return None
        if now < self._banned_until[venue]:
            bucket.count.while_banned += 1
            return Verdict(418, math.ceil(self._banned_until[venue] - now))
        if VENUES[venue].bans and bucket.refused_at + GRACE < now < bucket.refused_until:
            return self._banned(venue, bucket, now)
        if bucket.admit(weight, now):
            return None
        bucket.count.refused += 1
        return Verdict(429, max(math.ceil(bucket.refused_until - now), 1))

    def _banned(self, venue: str, bucket: Bucket, now: float) -> Verdict:
        earlier = sum(one.count.bans for one in self._buckets[venue].values())
        seconds = min(2 * bucket.limit.seconds * 2**earlier, LONGEST_BAN)
        bucket.count.bans += 1
        self._banned_until[venue] = now + seconds
        return Verdict(418, math.ceil(seconds))

    def as_dict(self) -> dict[str, object]:
        """Limits and counts by venue and bucket, as ``/__sandbox/stats`` shows them."""
        return {
            venue: {
                name: {"limit": one.limit.weight, "seconds": one.limit.seconds, **asdict(one.count)}
                for name, one in buckets.items()
            }
            for venue, buckets in self._buckets.items()
        }


class _Sliding:
    """Weight within the last ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.total = 0.0
        self._seconds = seconds
        self._held: deque[tuple[float, float]] = deque()

    def add(self, weight: float, now: float) -> None:
        self._forget(now)
        self._held.append((now, weight))
        self.total += weight

    def room_for(self, weight: float, most: float, now: float) -> float:
        """Seconds until ``weight`` more is within ``most``: 0 when it is now; an empty window has room for anything."""
        self._forget(now)
        over = self.total + weight - most
        free_at = now
        for at, held in self._held:
            if over <= 0:
                break
            over -= held
            free_at = at + self._seconds
        return free_at - now

    def _forget(self, now: float) -> None:
        while self._held and self._held[0][0] <= now - self._seconds:
            self.total -= self._held.popleft()[1]


def _with(numbers: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, Limit]]:
    """The venues' limits, with other ``numbers`` for some."""
    limits = {venue: dict(known.buckets) for venue, known in VENUES.items()}
    for key, (weight, seconds) in numbers.items():
        venue, _, name = key.partition(".")
        if venue not in limits:
            raise ConfigError(f"limits: unknown venue {venue!r}", hint=choices(venue, limits))
        if name and name not in limits[venue]:
            raise ConfigError(f"limits: {venue} has no bucket {name!r}", hint=choices(name, limits[venue]))
        if not (weight > 0 and seconds > 0):
            raise ConfigError(f"limits: {key} must be more than 0, not {weight:g} in {seconds:g} s")
        for bucket in [name] if name else limits[venue]:
            limits[venue][bucket] = Limit(weight, seconds, limits[venue][bucket].paths)
    return limits
