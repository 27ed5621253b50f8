"""Evidence and attempts as text: the answers of one commit and partition, and what was asked for in vain. Pure.

What lives here: the text, its way back, and the checksum beside it. What does not: the tables (``ledger.schema``), the
queries (``ledger.evidence``), what an answer proves (``ingest.pages``).

Pages of one window follow one another, so times are kept as distances: a window's from the end of the one before, in
units that divide all of them; when it was asked from when the one before was, the first from its window's end. An answer
takes some 70 bytes, 43 of them the sha256.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import gcd

from qmd_platform.errors import ConfigError
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Window

NONSENSE = (ConfigError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What comes of reading text that was never written."""

_DIGEST = 43
"""Characters of a sha256 in base 64, without the last one that says nothing."""


def text_of_answers(evidence: Iterable[Answered]) -> str:
    """The answers as JSON: the unit, then for each ``what`` its answers as distances from one to the next."""
    answers = sorted(evidence, key=lambda one: (one.what, one))
    unit = gcd(*(at for one in answers for at in (one.window.start, one.window.end))) or 1
    said: list[object] = [unit]
    for what, group in groupby(answers, key=lambda one: one.what):
        end, before, packed = 0, None, [what]
        for one in group:
            start, length = (one.window.start - end) // unit, (one.window.end - one.window.start) // unit
            end = one.window.end
            row = [start, length, one.at - (end if before is None else before), one.rows, _short(one.digest)]
            packed.append([*row, one.error] if one.error else row)
            before = one.at
        said.append(packed)
    return _json(said)


def answers_of(text: str) -> tuple[Answered, ...]:
    """The answers in a text of ``text_of_answers``, sorted. One of ``NONSENSE`` if it is none."""
    unit, *groups = json.loads(text)
    found = []
    for what, *packed in groups:
        end, before = 0, None
        for start, length, later, rows, digest, *error in packed:
            window = Window(end + start * unit, end + (start + length) * unit)
            end = window.end
            before = at = later + (end if before is None else before)
            found.append(Answered(window, at, what, _long(digest), rows, *error))
    return tuple(sorted(found))


def text_of_attempts(attempts: Iterable[Attempt]) -> str:
    """The attempts as JSON: the unit, then for each number of asks and time its windows as distances."""
    known = sorted(attempts, key=lambda one: (one.asks, one.last_at, one.window))
    unit = gcd(*(at for one in known for at in (one.window.start, one.window.end))) or 1
    said: list[object] = [unit]
    for (asks, last_at), group in groupby(known, key=lambda one: (one.asks, one.last_at)):
        end, row = 0, [asks, last_at]
        for one in group:
            row += [(one.window.start - end) // unit, (one.window.end - one.window.start) // unit]
            end = one.window.end
        said.append(row)
    return _json(said)


def attempts_of(text: str) -> tuple[Attempt, ...]:
    """The attempts in a text of ``text_of_attempts``, sorted. One of ``NONSENSE`` if it is none."""
    unit, *groups = json.loads(text)
    found = []
    for asks, last_at, *distances in groups:
        end = 0
        for start, length in zip(distances[::2], distances[1::2], strict=True):
            window = Window(end + start * unit, end + (start + length) * unit)
            end = window.end
            found.append(Attempt(window, asks, last_at))
    return tuple(sorted(found))


def checksum_of(partition: Partition, commit: int, text: str) -> str:
    """What is kept beside a text, so that a bit that flips in the database is noticed (``ledger.checksums``)."""
    said = repr((str(partition), commit, text))
    return urlsafe_b64encode(hashlib.blake2b(said.encode(), digest_size=6).digest()).decode()


def _json(said: Sequence[object]) -> str:
    return json.dumps(said, separators=(",", ":"))


def _short(digest: str) -> str:
    """A sha256 in base 64; anything else as it is, after a mark."""
    try:
        packed = urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
    except ValueError:
        packed = ""
    return packed if len(packed) == _DIGEST and _long(packed) == digest else f":{digest}"


def _long(packed: str) -> str:
    if packed.startswith(":"):
        return packed[1:]
    if len(packed) != _DIGEST:
        message = f"{packed!r} is no digest"
        raise binascii.Error(message)
    return urlsafe_b64decode(packed + "=").hex()
