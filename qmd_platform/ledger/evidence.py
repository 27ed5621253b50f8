"""What the ledger is asked about asking: what was asked for in vain, which answers a partition rests on, what is a gap.

What lives here: one read transaction a question. What does not: how both are written down (``ledger.asked``), when to ask
again (``coverage.recheck``).
"""

from collections.abc import Collection
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, Connection, and_, select, true

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.asked import NONSENSE, answers_of, attempts_of, checksum_of
from qmd_platform.ledger.checksums import damaged
from qmd_platform.ledger.snapshots import AsOf, resolved
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window, month_of


def attempts(connection: Connection, where: ColumnElement[bool]) -> dict[Partition, tuple[Attempt, ...]]:
    """What was asked for in vain; a partition without is not there. LedgerError if it is damaged."""
    query = select(*rows.NAMES, db.attempt.c.attempts, db.attempt.c.checksum).join_from(db.attempt, db.partition)
    found: dict[Partition, tuple[Attempt, ...]] = {}
    for row in connection.execute(query.where(where).order_by(*rows.NAMES)):
        one = rows.named(row)
        if row.checksum != checksum_of(one, 0, row.attempts):
            raise damaged(one)
        try:
            found[one] = attempts_of(row.attempts)
        except NONSENSE as error:
            raise damaged(one) from error
    return found


def evidence(connection: Connection, where: ColumnElement[bool]) -> list[tuple[int, Partition, tuple[Answered, ...]]]:
    """The answers by commit and partition, in the order of the commits. LedgerError if they are damaged."""
    columns = db.evidence.c
    query = select(*rows.NAMES, db.evidence).join_from(db.evidence, db.partition).where(where)
    found: list[tuple[int, Partition, tuple[Answered, ...]]] = []
    for row in connection.execute(query.order_by(columns.commit_id, *rows.NAMES)):
        one = rows.named(row)
        if row.checksum != checksum_of(one, row.commit_id, row.answers):
            raise damaged(one)
        try:
            found.append((row.commit_id, one, answers_of(row.answers)))
        except NONSENSE as error:
            raise damaged(one) from error
    return found


def of_months(window: Window | None) -> ColumnElement[bool]:
    """The partitions a window touches, and those that are not cut by month."""
    if window is None:
        return true()
    return db.partition.c.month.between(month_of(window.start), month_of(window.end - 1))


def answers(
    connection: Connection, series: Series, window: Window | None, as_of: AsOf = None
) -> list[tuple[int, Answered]]:
    """Every answer that speaks about ``window``, with its commit, oldest commit first; each once."""
    mine = and_(rows.of_series(series), of_months(window))
    if as_of is not None:
        mine = and_(mine, db.evidence.c.commit_id <= resolved(connection, as_of, series))
    said = ((commit, one) for commit, _, found in evidence(connection, mine) for one in found)
    # A page that touches two months is evidence in both.
    return list(dict.fromkeys(one for one in said if window is None or one[1].window.intersection(window)))


def known_by_series(connection: Connection, series: Collection[Series]) -> dict[Series, list[Run]]:
    """Coverage by series, touching neighbours that say the same made one; a series without has an empty list.

    Made from the rows as they come: runs and partitions as values would take most of the time.
    """
    found: dict[Series, list[Run]] = {one: [] for one in series}
    if not found:
        return found
    columns = db.coverage.c
    name = rows.NAMES[:3]
    query = select(*name, columns.start, columns.end, columns.state, columns.cause).join_from(db.coverage, db.partition)
    query = query.where(rows.of_any(list(found)), rows.live(db.coverage)).order_by(*name, columns.start)
    for of, group in groupby(connection.execute(query).all(), key=itemgetter(0, 1, 2)):
        runs = found[Series(*of)]
        begin = until = 0
        before: tuple[str, str] | None = None
        for _, _, _, start, end, state, cause in group:
            if before == (state, cause) and until == start:
                until = end
                continue
            if before:
                runs.append(rows.run(begin, until, *before))
            begin, until, before = start, end, (state, cause)
        if before:
            runs.append(rows.run(begin, until, *before))
    return found


def attempts_by_series(connection: Connection, series: Collection[Series]) -> dict[Series, list[Attempt]]:
    """What was asked for in vain, in order of time; a series without has an empty list."""
    found: dict[Series, list[Attempt]] = {one: [] for one in series}
    if found:
        for partition, known in attempts(connection, rows.of_any(list(found))).items():
            found[partition.series] += known
    return found
