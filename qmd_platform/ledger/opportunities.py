"""Opportunities in the ledger: one row an episode, to be asked by coin, state and time.

What lives here: the rows, keeping them equal to the lake's table, asking for them. What does not: the rules that made them
(``arbitrage.lifecycle``), making episodes of the table's rows (``ingest.opportunities``).

The table in the lake is the truth; these rows are made of it and can be made again. They are written in one transaction
together with which commit they are of: of two who write, the one that read the lake earlier changes nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, or_, select

from qmd_platform.ledger import schema as db
from qmd_platform.ledger.database import Database
from qmd_platform.model.window import Instant

_KEY = "opportunities"
"""In ``about``: which state of the table the rows are of."""

_NAME = ("short_market", "long_market", "began")
"""What names an episode."""


@dataclass(frozen=True, slots=True)
class KeptEpisode:
    """One opportunity, from WATCH to its end, in one direction of a pair. Times are epoch ms.

    Attributes:
        short_market, long_market: what is sold, what is bought.
        began: when it began to be watched.
        number: counts the episodes of the pair in this direction.
        kind: ``spread`` or ``cash_and_carry``.
        underlying: the coin.
        state: where it stands.
        since: since when.
        opened, closed: when the position was opened and closed.
        ended: when it was closed, or given up; None while it goes on.
        reason: in words, of the change that decided: that it was closed, else opened, else the last.
        net_per_year: at that change, a fraction; None where it was not known.
        best_net_per_year: the highest at any of its changes.
        break_even_hours: at that change; infinite for never, None where it was not known.
        flags: at that change, names with spaces between.
        rule_version, data_versions: of the last change (``model.opportunity_tables``).
    """

    short_market: str
    long_market: str
    began: Instant
    number: int
    kind: str
    underlying: str
    state: str
    since: Instant
    opened: Instant | None
    closed: Instant | None
    ended: Instant | None
    reason: str
    net_per_year: float | None
    best_net_per_year: float | None
    break_even_hours: float | None
    flags: str
    rule_version: str
    data_versions: str

    @property
    def name(self) -> tuple[str, str, Instant]:
        """What no other episode has."""
        return self.short_market, self.long_market, self.began


@dataclass(frozen=True, slots=True)
class Source:
    """A state of the table: the commit it was read at, and the content hash of each month."""

    commit: int
    versions: Mapping[str, str]


def source(database: Database) -> Source | None:
    """Of which state of the table the episodes are; None before the first."""
    with database.reading() as connection:
        return _source(connection)


def keep(database: Database, episodes: Iterable[KeptEpisode], of: Source) -> bool:
    """Make ``episodes`` all that there are; False, and nothing changed, where those of a later commit are there already."""
    wanted = {one.name: one for one in episodes}
    with database.writing() as connection:
        there = _source(connection)
        if there is not None and there.commit > of.commit:
            return False
        held = {one.name: one for one in _found(connection)}
        changed = [name for name, one in held.items() if wanted.get(name) != one]
        for name in changed:
            same = [db.episode.c[column] == value for column, value in zip(_NAME, name, strict=True)]
            connection.execute(delete(db.episode).where(*same))
        if fresh := [asdict(one) for name, one in wanted.items() if held.get(name) != one]:
            connection.execute(insert(db.episode), fresh)
        connection.execute(delete(db.about).where(db.about.c.key == _KEY))
        said = json.dumps({"commit": of.commit, "versions": dict(of.versions)}, sort_keys=True)
        connection.execute(insert(db.about).values(key=_KEY, value=said))
    return True


def episodes(
    database: Database,
    *,
    since: Instant | None = None,
    underlying: str | None = None,
    states: Collection[str] = (),
) -> list[KeptEpisode]:
    """The episodes that went on at any time from ``since`` on, the one that changed last first.

    Args:
        database: the ledger's.
        since: epoch ms; None for all.
        underlying: only of this coin.
        states: only those that stand in one of these; none for any.
    """
    with database.reading() as connection:
        return _found(connection, since=since, underlying=underlying, states=states)


def underlyings(database: Database) -> list[str]:
    """The coins there are episodes of, sorted."""
    query = select(db.episode.c.underlying).distinct().order_by(db.episode.c.underlying)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


def _found(
    connection: Connection,
    *,
    since: Instant | None = None,
    underlying: str | None = None,
    states: Collection[str] = (),
) -> list[KeptEpisode]:
    columns = db.episode.c
    query = select(db.episode).order_by(columns.since.desc(), *(columns[name] for name in _NAME))
    if since is not None:
        query = query.where(or_(columns.ended.is_(None), columns.ended >= since))
    if underlying is not None:
        query = query.where(columns.underlying == underlying)
    if states:
        query = query.where(columns.state.in_(list(states)))
    return [KeptEpisode(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


def _source(connection: Connection) -> Source | None:
    said = connection.execute(select(db.about.c.value).where(db.about.c.key == _KEY)).scalar()
    return None if said is None else Source(**json.loads(said))
