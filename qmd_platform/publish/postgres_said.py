"""What PostgreSQL's errors mean for who loads rows there.

What lives here: what is other than for a ledger (``ledger.postgres_errors``): what was kept, whose the tables are. What does
not: when an error is raised (``postgres``).
"""

from qmd_platform.ledger.address import PostgresAddress
from qmd_platform.publish.opening import SETTINGS
from qmd_platform.publish.shape import REMAKE

SETTING = SETTINGS["postgres"]

_OTHER_TABLE = frozenset({"42703", "42804", "42P10", "22P03", "23502"})
"""No such column, another type, no such key, a value of another width, no value for a column that we do not know."""

_DENIED = "42501"

_KEPT = "what was loaded before stays, the month at work is as it was"


def explained(error: BaseException, address: PostgresAddress) -> tuple[str, str | None]:
    """A driver's error as a sentence and a hint."""
    from qmd_platform.ledger import postgres_errors  # noqa: PLC0415 - loads SQLAlchemy, and only an error needs it

    sentence, hint = postgres_errors.explained(error, address, SETTING)
    code, said = getattr(error, "pgcode", None) or "", str(error)
    if code == _DENIED:
        hint = _allowed(said, address) or hint
    elif code in _OTHER_TABLE:
        hint = REMAKE
    elif "invalid connection option" in said:
        hint = f"after the ? in {SETTING} go schema=NAME and libpq's own parameters, as sslmode=verify-full"
    elif hint:
        # A ledger's commit is all or nothing; a load is a transaction a month.
        hint = hint.replace("nothing was committed by this attempt", _KEPT).replace("nothing was committed", _KEPT)
    return sentence, hint


def _allowed(said: str, address: PostgresAddress) -> str | None:
    """What an administrator is to say for a right that lacks; None where there is no schema yet."""
    user, schema = address.user or "this user", address.schema
    if "temporary" in said:
        return f"let an administrator say: GRANT TEMPORARY ON DATABASE {address.database} TO {user};"
    if "schema" in said:
        return f"let an administrator say: ALTER SCHEMA {schema} OWNER TO {user}; (for --check: GRANT USAGE ON SCHEMA)"
    if "database" not in said:
        return (
            f"the tables in {schema} must be of {user}: name their owner in {SETTING}, or let an administrator say "
            f"ALTER TABLE ... OWNER TO {user}; (for --check: GRANT SELECT)"
        )
    return None
