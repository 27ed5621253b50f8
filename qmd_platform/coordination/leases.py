"""Leases: who works on what, for how long at most.

What lives here: taking, renewing, giving back, and work under a lease that renews itself. What does not: what is protected
(the compare-and-swap at commit, ``ledger``); a lease only spares two workers the same work.

A lease ends by itself, so a killed holder blocks nobody for longer; one whose process was of this machine and is gone
blocks nobody at all. Its number is larger than that of every lease of the
same key before it (it is at least the store's clock in ms, so it grows even when a store has forgotten everything).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from qmd_platform.coordination.away import StoreAway
from qmd_platform.coordination.holder import here, is_gone
from qmd_platform.coordination.link import Link, log
from qmd_platform.coordination.port import Read

RENEWALS = 3
"""A lease is renewed so often in its time: two renewals may fail before it is lost."""

POLL_S = 1.0
"""How often a lease that somebody else holds is asked for again."""


class _Held(msgspec.Struct, array_like=True):
    """What is kept for a key: for whom, since and until when by the store's clock, the latest lease's number.

    ``process`` is the one that has it (``holder``).
    """

    owner: str = ""
    since: float = 0.0
    end: float = 0.0
    number: int = 0
    process: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "_Held":
        try:
            return msgspec.json.decode(text, type=cls) if text else cls()
        except msgspec.DecodeError:
            return cls()

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


class Lease:
    """A lease somebody was given. ``number`` is larger than of every lease of this key before it.

    With ``is_granted`` False there was no store to ask: the holder works without one, and nobody is kept away.
    """

    def __init__(self, link: Link, key: str, owner: str, seconds: float, number: int) -> None:
        self.key = key
        self.owner = owner
        self.seconds = seconds
        self.number = number
        self.is_granted = number > 0
        self.is_lost = False
        self._link = link
        self._ends_at = time.monotonic() + seconds

    def renew(self) -> bool:
        """Hold it for ``seconds`` from now; False if it is lost: it had ended, and perhaps somebody else has it now.

        While the store is away it stays as it is, until its time is over.
        """

        def change(read: Read) -> tuple[str | None, bool]:
            held = _Held.parse(read.text)
            if held.number != self.number or not held.owner:
                return None, False
            return _Held(self.owner, read.now, read.now + self.seconds, self.number, here()).text(), True

        if not self.is_granted or self.is_lost:
            return self.is_granted and not self.is_lost
        asked_at = time.monotonic()
        try:
            is_held = self._link.changed_now(self.key, change)
        except StoreAway:
            is_held = time.monotonic() < self._ends_at
        else:
            self._ends_at = asked_at + self.seconds
        self.is_lost = not is_held
        return is_held

    def release(self) -> None:
        """Let others have it now. Changes nothing if it is not held any more."""

        def change(read: Read) -> tuple[str | None, None]:
            held = _Held.parse(read.text)
            is_ours = held.number == self.number and held.owner
            return (_Held("", read.now, read.now, self.number).text() if is_ours else None), None

        if self.is_granted and not self.is_lost:
            with suppress(StoreAway):  # then it ends by itself
                self._link.changed_now(self.key, change)
        self.is_lost = True

    def is_held(self) -> bool:
        """Whether the store says it is held still; its time alone decides while the store is away."""

        def change(read: Read) -> tuple[str | None, bool]:
            held = _Held.parse(read.text)
            return None, held.number == self.number and bool(held.owner) and read.now < held.end

        if not self.is_granted or self.is_lost:
            return False
        try:
            return self._link.changed_now(self.key, change)
        except StoreAway:
            return time.monotonic() < self._ends_at


class Leases:
    """The leases of one lake."""

    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._prefix = prefix

    def take(self, key: str, *, owner: str, seconds: float) -> Lease | None:
        """The lease of ``key`` for ``seconds``, or None while somebody has it, the same owner included.

        When the store is away: a lease with ``is_granted`` False, so that no work is left undone for it.
        """

        def change(read: Read) -> tuple[str | None, int]:
            held = _Held.parse(read.text)
            if held.owner and is_gone(held.process):
                held = _Held(number=held.number)
            if held.owner and read.now < held.since:  # the clock has jumped back
                end = read.now + held.end - held.since
                return _Held(held.owner, read.now, end, held.number, held.process).text(), 0
            if held.owner and read.now < held.end:
                return None, 0
            number = max(held.number + 1, int(read.now * 1000))
            return _Held(owner, read.now, read.now + seconds, number, here()).text(), number

        try:
            number = self._link.changed_now(f"{self._prefix}{key}", change)
        except StoreAway:
            log.info("%s is worked on without a lease", key)
            return Lease(self._link, f"{self._prefix}{key}", owner, seconds, 0)
        return Lease(self._link, f"{self._prefix}{key}", owner, seconds, number) if number else None


@asynccontextmanager
async def held_lease(
    leases: Leases, key: str, *, owner: str, seconds: float, patience_s: float = 0.0
) -> AsyncIterator[Lease | None]:
    """The lease of ``key`` while the block runs, renewed all the time; None if somebody has it after ``patience_s``.

    ``Lease.is_lost`` says whether it was lost meanwhile. Never raises for the store's sake.
    """
    deadline = time.monotonic() + patience_s
    while (lease := await _taken(leases, key, owner, seconds)) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        await asyncio.sleep(min(POLL_S, seconds / RENEWALS, left))
    if lease is None:
        yield None
        return
    renewing = asyncio.create_task(_renewed(lease))
    try:
        yield lease
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await asyncio.to_thread(lease.release)


async def _taken(leases: Leases, key: str, owner: str, seconds: float) -> Lease | None:
    """``take`` beside the event loop. If this is cancelled meanwhile, what was taken is given back."""
    taking = asyncio.ensure_future(asyncio.to_thread(leases.take, key, owner=owner, seconds=seconds))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        lease = await taking
        if lease is not None:
            await asyncio.to_thread(lease.release)
        raise


async def _renewed(lease: Lease) -> None:
    while lease.is_granted and not lease.is_lost:
        await asyncio.sleep(lease.seconds / RENEWALS)
        if not await asyncio.to_thread(lease.renew):
            log.warning("the lease of %s was lost: somebody else may be at it too", lease.key)
