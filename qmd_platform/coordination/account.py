"""The arithmetic of a budget: when the next request may go. Pure: the clock is an argument.

What lives here: ``Rate`` (a documented limit made into a pace), ``Account`` (how far one venue's budgets are spent, and
its penalties). What does not: where an account is kept (``local``, ``sharing``), waiting.

The generic cell rate algorithm, in weight units. Every request pushes a bucket's *theoretical arrival time* (TAT) forward
by ``weight * seconds_per_weight``; it may go at ``TAT + (weight - burst) * seconds_per_weight``. So what goes in any
window of the period T is at most ``T / seconds_per_weight + burst``, and both are chosen so that this is ``SHARE`` of
the limit L:

    burst               = BURST * SHARE * L                 (0.0285 L)
    seconds_per_weight  = T / (SHARE * L - burst)           sustained: SHARE * (1 - BURST) * L = 0.9215 L
    any window          <= (0.9215 + 0.0285) L = 0.95 L

A request that goes up to ``Rate.tolerance`` (T / 40) after its time adds at most ``0.9215 L / 40 = 0.023 L``: 0.973 L.
The rest is for what happens between us and the venue. A request heavier than the burst waits for the excess in advance
and pays for it afterwards, so the bound holds for it too.

A limit so small that the burst is less than one request counts requests of weight 1. They are spaced by
``T / (SHARE * L)``, which puts at most ``ceil(SHARE * L * (1 + 1/40)) <= L`` into any window and sustains 0.95 L.
"""

from dataclasses import dataclass
from typing import Self

import msgspec

SHARE = 0.95
"""Part of a documented limit that may go in any of its periods. The rest is for late and delayed requests."""

BURST = 0.03
"""Part of what is used that may go at once after a pause."""

HORIZON_S = 1.0
"""Nobody reserves further ahead. So what a crash or a cancelled request leaves reserved is over after a second."""

LATE = 1 / 40
"""Part of a period a request may go after its time and still be counted as on time."""

FORGOTTEN_S = 120.0
"""A worker not heard of for so long does not count any more."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A pace. ``seconds_per_weight`` sustained, ``burst`` weight at once; ``period`` is the limit's window in seconds."""

    seconds_per_weight: float
    burst: float
    period: float

    @classmethod
    def of(cls, weight: float, seconds: float, share: float = SHARE, burst: float = BURST) -> Self:
        """Never more than ``share`` of ``weight`` in any ``seconds``. See the module's arithmetic."""
        usable = weight * share
        at_once = usable * burst
        if at_once < 1:
            return cls(seconds / usable, 1.0, seconds)
        return cls(seconds / (usable - at_once), at_once, seconds)

    def slower(self, times: float) -> Self:
        """The same at a fraction of the pace."""
        return type(self)(self.seconds_per_weight * times, max(self.burst / times, 1.0), self.period)

    @property
    def tolerance(self) -> float:
        """Seconds a request may go after its time; one that is later takes a new place."""
        return self.period * LATE


@dataclass(frozen=True, slots=True)
class Halt:
    """Penalties in force: seconds until everybody may ask again, and until a ban ends. 0 for none."""

    blocked_s: float = 0.0
    banned_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """An answer to ``reserve``: go ``wait_s`` from now; with ``place`` None, nothing is reserved: ask again by then."""

    wait_s: float
    place: float | None
    halt: Halt = Halt()


class Until(msgspec.Struct, array_like=True):
    """A time something lasts to. ``since`` is kept because a clock may jump back."""

    since: float = 0.0
    end: float = 0.0
    why: str = ""

    def left(self, now: float) -> float:
        """Seconds left."""
        return max(self.end - now, 0.0)

    def anchored(self, now: float) -> "Until":
        """The same; if the clock has jumped back to before it began, begun anew now, so that it ends."""
        if now >= self.since:
            return self
        return Until(now, now + self.end - self.since, self.why)

    def lengthened(self, now: float, seconds: float, why: str = "") -> "Until":
        """The longer one of this and ``seconds`` from now."""
        return Until(now, now + seconds, why) if now + seconds > self.end else self


class Account(msgspec.Struct, omit_defaults=True):
    """How far one venue's budgets are spent, by one address. All times are seconds of the keeper's clock."""

    tats: dict[str, float] = {}
    block: Until = msgspec.field(default_factory=Until)
    banned: Until = msgspec.field(default_factory=Until)
    workers: dict[str, float] = {}

    @classmethod
    def parse(cls, text: str | None) -> "Account":
        """The account written ``text``; a fresh one when there is none, or none that can be read."""
        try:
            return msgspec.json.decode(text, type=Account) if text else cls()
        except msgspec.DecodeError:
            return cls()

    def text(self) -> str:
        """What ``parse`` reads."""
        return msgspec.json.encode(self).decode()

    def halt(self, now: float) -> Halt:
        """The penalties in force."""
        self._anchor(now)
        return Halt(self.block.left(now), self.banned.left(now), self.banned.why)

    def reserve(self, now: float, bucket: str, rate: Rate | None, weight: float) -> Grant:
        """The next place in ``bucket``, if it is within the horizon."""
        halt = self.halt(now)
        if halt.banned_s:
            return Grant(halt.banned_s, None, halt)
        start = now + halt.blocked_s
        if rate is None:
            return Grant(halt.blocked_s, None if halt.blocked_s else now, halt)
        tat = self._tat(now, bucket, rate)
        at = max(start, tat + (weight - rate.burst) * rate.seconds_per_weight)
        if at - now > HORIZON_S:
            return Grant(at - now, None, halt)
        place = self.tats[bucket] = max(tat, at) + weight * rate.seconds_per_weight
        return Grant(at - now, place, halt)

    def give_back(self, bucket: str, rate: Rate, weight: float, place: float) -> None:
        """Take a place back, if it is the last one that was given."""
        if self.tats.get(bucket) == place:
            self.tats[bucket] = place - weight * rate.seconds_per_weight

    def penalise(self, now: float, seconds: float) -> None:
        """Block everything for ``seconds``; a longer block stays."""
        self._anchor(now)
        self.block = self.block.lengthened(now, seconds)

    def ban(self, now: float, seconds: float, why: str) -> None:
        """Refuse everything for ``seconds``; a longer ban stays."""
        self._anchor(now)
        self.banned = self.banned.lengthened(now, seconds, why)

    def hold(self, now: float, bucket: str, rate: Rate, seconds: float) -> None:
        """Give no place in ``bucket`` for ``seconds``, and no burst after that."""
        tat = now + seconds + rate.burst * rate.seconds_per_weight
        self.tats[bucket] = max(self._tat(now, bucket, rate), min(tat, self._most(now, rate)))

    def greet(self, now: float, worker: str) -> int:
        """Note that ``worker`` is alive, now and then; how many are."""
        if abs(now - self.workers.get(worker, 0.0)) > FORGOTTEN_S / 10:
            self.workers = {name: at for name, at in self.workers.items() if abs(now - at) < FORGOTTEN_S} | {
                worker: now
            }
        return len(self.workers)

    def _tat(self, now: float, bucket: str, rate: Rate) -> float:
        """The bucket's TAT. After a clock jumped back it is far ahead; a period's silence always frees a budget."""
        tat, most = self.tats.get(bucket, 0.0), self._most(now, rate)
        if tat > most:
            tat = self.tats[bucket] = most  # kept, or it would move on with the clock
        return tat

    @staticmethod
    def _most(now: float, rate: Rate) -> float:
        """The furthest a TAT can be ahead: a place at the horizon for all that may go in a period."""
        return now + HORIZON_S + rate.period + rate.burst * rate.seconds_per_weight

    def _anchor(self, now: float) -> None:
        self.block, self.banned = self.block.anchored(now), self.banned.anchored(now)
