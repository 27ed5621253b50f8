"""Every error the library raises, named after who must act.

What lives here: the exception tree and the facts each error carries. What does not: deciding what to do
about one; the retry layer (``venues.retry``) and the command line (``cli``) do that.

``QmdError`` is the root. Its ``hint`` is one sentence that says what to do next; the command line prints it
under the message. ``exit_code`` is what the command line returns for it.
"""

import copyreg
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import ClassVar


class QmdError(Exception):
    """Root of all errors raised on purpose. Catch this to tell our refusals from bugs."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle: without this an error raised in a worker process breaks the pool, since ``__init__`` wants more."""
        again = copyreg.__newobj__  # type: ignore[attr-defined]  # typeshed leaves it out
        return again, (type(self), *self.args), self.__dict__


class ConfigError(QmdError):
    """The user's input is wrong: a file, an option, a name, a time. Nothing was changed."""

    exit_code = 2


def choices(given: str, valid: Iterable[str], *, most: int = 12) -> str:
    """A sentence for the ``hint`` of a ConfigError: the closest choices, and all of them where they are few.

    Upper and lower case count as the same. A sequence keeps its order; anything else is sorted.
    """
    known = list(valid) if isinstance(valid, Sequence) else sorted(valid)
    spelled = {name.casefold(): name for name in reversed(known)}
    folded = given.casefold()
    alike = [folded] if folded in spelled else get_close_matches(folded, spelled, n=3, cutoff=0.5)
    close = [spelled[name] for name in alike]
    meant = "did you mean " + " or ".join(close) + "?" if close else ""
    shown = known[:most]
    while len(", ".join(shown)) > _LINE and len(shown) > 1:
        shown.pop()
    rest = len(known) - len(shown)
    if close and rest:
        return meant
    more = f" and {rest} more" if rest else ""
    return f"{meant} choose from {', '.join(shown)}{more}".strip()


_LINE = 120
"""Characters of choices that are listed at most: what fits a line or two of a terminal."""


class VenueError(QmdError):
    """A venue did not give what was asked. Carries the venue's name."""

    exit_code = 3

    def __init__(self, venue: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{venue}: {message}", hint=hint)
        self.venue = venue


class Throttled(VenueError):
    """The venue asks to wait (429, Bitfinex 11010). ``retry_after`` is in seconds. Does not use up a try."""

    def __init__(self, venue: str, message: str, *, retry_after: float) -> None:
        super().__init__(venue, message, hint=f"waits {retry_after:g} s")
        self.retry_after = retry_after


class Banned(VenueError):
    """The venue banned this address (418). Everything for this venue stops. ``retry_after`` is in seconds."""

    def __init__(self, venue: str, message: str, *, retry_after: float) -> None:
        super().__init__(
            venue, message, hint=f"it answers again in {retry_after:.0f} s; until then nothing is asked of it"
        )
        self.retry_after = retry_after


class VenueDown(VenueError):
    """Transient: time-out, reset, 5xx, a cut or unparsable answer. The retry layer tries again."""


class BadPage(VenueDown):
    """The answer arrived with status 200 but is not what the endpoint promises (HTML, cut JSON, wrong arity).

    Transient like any VenueDown: the same request is sent again. ``sample`` holds the first bytes as evidence.
    """

    def __init__(self, venue: str, message: str, *, sample: bytes = b"") -> None:
        super().__init__(venue, message)
        self.sample = sample[:200]


class UnknownMarket(VenueError):
    """The venue does not list this symbol. The user must correct it."""

    exit_code = 2


class Refused(VenueError):
    """Permanent: the venue refuses the request (restricted place, bad parameter, key needed). No retry."""


class BeyondHistory(Refused):
    """The venue does not serve candles this old (Gate: only the last 10,000). No retry; older is no use.

    ``oldest`` is the open time of the oldest candle it serves, where its answer tells (Kraken's does, Gate's does not).
    """

    def __init__(self, venue: str, message: str, *, oldest: int | None = None) -> None:
        super().__init__(venue, message)
        self.oldest = oldest


class ArchiveError(VenueError):
    """A venue's archive of whole files did not give one. Its candles are asked for at the venue's API instead."""


class ArchiveAbsent(ArchiveError):
    """There is no such file: not published yet, or never. Not a fault; it may be there tomorrow."""


class ArchiveDamaged(ArchiveError):
    """A file is there and cannot be trusted: wrong checksum, broken zip, wrong content. None of it is used."""


class BadMessage(VenueError):
    """A message of a WebSocket is not what the venue documents. The next ones are read; this one is counted and told.

    ``sample`` holds its first bytes as evidence.
    """

    def __init__(self, venue: str, message: str, *, sample: str = "") -> None:
        super().__init__(venue, message)
        self.sample = sample[:200]


class StreamRefused(Refused):
    """The venue refuses to tell of one market over a WebSocket. The others go on; it is asked for again later.

    ``topic`` is what was asked for, in the venue's spelling.
    """

    def __init__(self, venue: str, message: str, *, topic: str) -> None:
        super().__init__(
            venue, message, hint="is it listed there still? the other streams go on, and it is asked for again"
        )
        self.topic = topic


class OutOfTime(VenueError):
    """A deadline came before the venue's answers. What had come is kept; the rest is MISSING and is asked for again."""


class LakeError(QmdError):
    """The lake's files or place are not as they must be."""

    exit_code = 4


class CorruptSegment(LakeError):
    """A segment's bytes are not the bytes that were committed. Names the file and the partition."""

    def __init__(self, path: str, partition: str, why: str) -> None:
        super().__init__(
            f"segment {path} of {partition} is damaged: {why}",
            hint="put the file back from a backup, or take it out with `qmd verify --repair` and fetch its candles again; "
            "what is in other files stays readable",
        )
        self.path = path
        self.partition = partition


class Vacuumed(LakeError):
    """A snapshot's files are gone: it was older than what is kept, and no pin held it. Names the oldest one left."""

    exit_code = 5


class WrongWorld(LakeError):
    """Sandbox data would be mixed with real data in one lake. Nothing was written; the user must choose another."""

    exit_code = 2


class LedgerError(QmdError):
    """The ledger cannot be used."""

    exit_code = 4


class BadSnapshot(LedgerError):
    """A commit, a time or a pin that cannot be meant: there is none of it, or the name is taken. Nothing was changed."""

    exit_code = 2


class LedgerTooNew(LedgerError):
    """The ledger was written by a newer qmd_platform. The user must upgrade."""


class Conflict(LedgerError):
    """Another writer committed to the same partition first. The caller reads again and retries."""


class Outdated(LedgerError):
    """The partition changed since the caller read what the write was made from. The caller computes it again."""


class StoreError(QmdError):
    """A serving store cannot be used, or did not take what it was given. The lake is as it was; loading again goes on."""

    exit_code = 6


class CoverageError(QmdError):
    """The lake does not hold what was asked, and the caller wanted all of it."""

    exit_code = 5


class Unmet(CoverageError):
    """A read could not give what was asked of it. ``reason`` is the code (``reader.Reason``), ``read`` what there was."""

    def __init__(self, message: str, *, reason: str, hint: str | None = None, read: object = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.read = read


class DagsterError(QmdError):
    """Dagster did not take or did not finish the backfill it was asked for. Whoever runs it must look."""

    exit_code = 3
