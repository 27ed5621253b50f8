"""Whether a table of a store is as qmd makes it. Pure.

What lives here: its columns beside those of the lake's table. What does not: asking for them (``postgres``, ``questdb``).

A column that was dropped shows in no count: rows would be served without it, or the next load would end in the middle.
"""

from collections.abc import Mapping

from qmd_platform.model.columns import Table
from qmd_platform.publish.port import PLACE

REMAKE = "the table is not as this version of qmd makes it: drop it, and it is made and loaded anew"


def unlike(spec: Table, types: Mapping[str, str], held: Mapping[str, str]) -> str:
    """What is not as qmd makes it in a table with the columns ``held``, each with its type; "" if all is.

    ``types`` are the store's, by those of ``model.columns``. Columns that somebody added are left out of account.
    """
    wanted = dict.fromkeys(PLACE, types["string"]) | {one.name: types[one.dtype] for one in spec.columns}
    said = [_said(name, kind, held.get(name)) for name, kind in wanted.items() if held.get(name) != kind]
    return ", ".join(said)


def _said(name: str, wanted: str, held: str | None) -> str:
    return f"{name} is not there" if held is None else f"{name} is {held} and not {wanted}"
