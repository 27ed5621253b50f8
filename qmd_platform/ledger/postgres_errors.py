"""What PostgreSQL's errors mean for the person who sees them.

What lives here: its error codes, and its words where it gives no code, to a sentence and a hint. What does not: when
an error is raised (``ledger.postgres``). A server that speaks another language than English is quoted as it is.
"""

import re
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.address import PostgresAddress

_CHECK = "check {setting}, and that the server runs and can be reached from here"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of error, known by the beginning of its code or by its words. ``{...}`` are parts of the address, or the setting."""

    codes: tuple[str, ...]
    words: str
    what: str
    hint: str


_KINDS = (
    _Kind(
        ("28",),
        "authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist",
        "does not let {user} in",
        "check user and password in {setting} (in the password : / @ ? # % are written %3A %2F %40 %3F %23 %25)",
    ),
    _Kind(
        ("3D000",),
        "database .* does not exist",
        "has no such database",
        "make it: createdb -E UTF8 -T template0 {database}",
    ),
    _Kind(
        ("57P03",),
        "starting up|shutting down|not yet accepting|recovery mode",
        "does not serve yet",
        "try again in a moment",
    ),
    _Kind(
        ("53300",),
        "too many clients|remaining connection slots|too many connections",
        "has no free connection",
        "raise max_connections on the server, or run fewer processes at a time",
    ),
    _Kind(
        ("42501",),
        "permission denied",
        "does not let {user} do this",
        "let an administrator say: CREATE SCHEMA {schema} AUTHORIZATION {user};",
    ),
    _Kind(
        ("25006",),
        "read-only transaction",
        "takes no writes",
        "it is a standby or set to read only: name the primary in {setting}; nothing was committed",
    ),
    _Kind(("53100",), "No space left", "has no space left", "make room on the server's disk; nothing was committed"),
    _Kind(("25P03",), "idle-in-transaction", "gave up waiting for this commit", "nothing was committed; run it again"),
    _Kind(
        ("57014", "55P03"),
        "statement timeout|lock timeout",
        "gave up after a time that is set for {user}",
        "nothing was committed; run it again, or let an administrator raise statement_timeout and lock_timeout",
    ),
    _Kind(
        ("57P01", "57P02", "08"),
        "closed the connection|connection already closed|terminating connection|SSL connection has been closed",
        "was stopped or the connection was cut",
        "nothing was committed by this attempt; run it again",
    ),
    _Kind(
        (),
        "refused|timeout expired|timed out|could not translate host name|unreachable|No such file|No route",
        "cannot be reached",
        _CHECK,
    ),
)


def named(error: DBAPIError, address: PostgresAddress) -> LedgerError:
    """``error`` as one of ours: what the server at ``address`` did not do, its own words, what to do. No password."""
    sentence, hint = explained(error.orig, address, "QMD_POSTGRES_URL")
    return LedgerError(sentence, hint=hint)


def explained(error: BaseException | None, address: PostgresAddress, setting: str) -> tuple[str, str | None]:
    """A driver's error as a sentence and a hint; ``setting`` is where the address was read from. No password."""
    code = getattr(error, "pgcode", None) or ""
    said = address.without_secrets(" ".join(str(error).split()))
    kind = next((kind for kind in _KINDS if code.startswith(kind.codes)), None) if code else None
    kind = kind or next((kind for kind in _KINDS if re.search(kind.words, said)), None)
    what, hint = (kind.what, kind.hint) if kind else ("cannot be used", _CHECK if not code else None)
    parts = {"user": address.user or "this user", "database": address.database, "schema": address.schema}
    hint = hint and hint.format(setting=setting, **parts)
    return f"PostgreSQL at {address.where} {what.format(**parts)}: {said}", hint


def is_certain(error: DBAPIError) -> bool:
    """Whether an error at COMMIT proves that nothing was committed: the server itself said so, and is still there."""
    code = _code(error)
    return bool(code) and not error.connection_invalidated and not code.startswith(("08", "57P"))


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "pgcode", None) or ""
