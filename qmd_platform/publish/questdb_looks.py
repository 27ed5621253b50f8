"""What QuestDB has of a table, before its rows are looked at.

What lives here: whether it is there, whether it is as qmd makes it, what it was loaded with by ``qmd_loaded``, whether somebody
emptied it. What does not: rows (``questdb``), HTTP (``questdb_http``).
"""

from collections.abc import Mapping

from qmd_platform.publish import questdb_sql as sql
from qmd_platform.publish.port import Loaded, Name, spec_of, time_column
from qmd_platform.publish.questdb_http import Quest
from qmd_platform.publish.shape import REMAKE, unlike


def is_there(quest: Quest, table: str) -> bool:
    """Whether there is a table."""
    return bool(quest.ask(sql.there(table)))


def refuse_another(quest: Quest, table: str) -> None:
    """StoreError if ``table`` lacks a column, or has it of another type."""
    columns = {row[0]: row[1] for row in quest.ask(sql.columns(table))}
    if said := unlike(spec_of(table), sql.TYPES, columns):
        raise quest.failed(f"has another {table}", said, REMAKE)


def refuse_without_keys(quest: Quest, table: str) -> None:
    """StoreError if rows that come again would not take the place of those that are there."""
    shape = quest.ask(sql.shape(table))
    if shape != [[time_column(spec_of(table)), True, True]]:
        said = f"its designated timestamp, WAL and dedup are {shape}"
        raise quest.failed(f"has another {table}", said, REMAKE)


def written(quest: Quest, table: str) -> dict[Name, Loaded]:
    """What ``table`` was loaded with, as it is written down."""
    if not is_there(quest, sql.LOADED):
        return {}
    quest.wait(sql.LOADED)
    return {(row[0], row[1], row[2]): Loaded(row[3] or "", *row[4:]) for row in quest.ask(sql.loaded(table))}


def is_emptied(quest: Quest, table: str, loaded: Mapping[Name, Loaded]) -> bool:
    """Whether ``table`` has no row at all, though it was ``loaded`` with some."""
    return any(one.rows > 0 for one in loaded.values()) and not quest.ask(sql.first(table))
