"""Which commit a snapshot is of: a number, a time or a name.

What lives here: ``AsOf`` and what it comes to, in an open transaction. What does not: the state at that commit
(``ledger.questions``), making pins (``ledger.ledger``).
"""

import json
import time

from sqlalchemy import Connection, func, select

from qmd_platform.errors import BadSnapshot, Vacuumed
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.records import Pin
from qmd_platform.model.series import Series
from qmd_platform.model.window import instant

NOW = "now"
"""The name that stands for the latest commit."""

SKEW_MS = 60_000
"""How far two machines' clocks may be apart before a time is taken for one to come."""

AsOf = int | str | None
"""A snapshot: a commit's id, a time as ISO text, a pin's name; None or ``now`` for now."""


def resolved(connection: Connection, as_of: AsOf, series: Series | None = None) -> int:
    """The commit a snapshot (of ``series``; None for all) is of, in an open transaction.

    Raises:
        BadSnapshot: there is no such commit, or no pin of this name.
        Vacuumed: a vacuum took what it was made of.
    """
    last = int(connection.execute(select(func.coalesce(func.max(db.commit.c.id), 0))).scalar_one())
    if as_of is None or as_of == NOW:
        return last
    is_number = isinstance(as_of, int) or as_of.isdecimal()
    number = int(as_of) if is_number else _named_or_timed(connection, str(as_of))
    if not 0 <= number <= last:  # the ids have no holes
        raise BadSnapshot(f"the lake has no commit {number}", hint=f"the latest is {last}; see `qmd log`")
    oldest = int(connection.execute(select(db.about.c.value).where(db.about.c.key == "oldest")).scalar() or 0)
    if 0 < number < oldest and not any(pin.commit == number and pin.covers(series) for pin in pinned(connection)):
        raise Vacuumed(
            f"commit {number} cannot be read any more: a vacuum took what only it and older ones used",
            hint=f"commit {oldest} and later ones can be read, and what pins hold (`qmd pins`)",
        )
    return number


def pinned(connection: Connection) -> list[Pin]:
    """All pins, by name, in an open transaction."""
    return [
        Pin(row.name, row.commit_id, series_of(row.series), row.until, row.note, row.made_at)
        for row in connection.execute(select(db.pin).order_by(db.pin.c.name))
    ]


def series_of(text: str) -> tuple[Series, ...] | None:
    """The series a pin is of, from the text in its row."""
    said = json.loads(text)
    return None if said is None else tuple(Series(*one) for one in said)


def _named_or_timed(connection: Connection, as_of: str) -> int:
    pins = {pin.name: pin.commit for pin in pinned(connection)}
    if as_of in pins:
        return pins[as_of]
    if not as_of[:1].isdecimal():
        known = f"pins: {', '.join(pins)}" if pins else "there are no pins"
        raise BadSnapshot(f"the lake has no snapshot {as_of!r}", hint=f"give a commit, a time or a pin; {known}")
    at = instant(as_of, "as_of")
    last = int(connection.execute(select(func.coalesce(func.max(db.commit.c.at), 0))).scalar_one())
    if at > max(last, time.time_ns() // 1_000_000) + SKEW_MS:  # after a clock that jumped back, commits are ahead of it
        raise BadSnapshot(f"{as_of} is in the future: the lake is not yet what it will be then", hint=f"say {NOW}")
    query = select(func.coalesce(func.max(db.commit.c.id), 0)).where(db.commit.c.at <= at)
    return int(connection.execute(query).scalar_one())
