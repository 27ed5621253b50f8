"""What the UI says about a table: its columns, units and where each column comes from.

What lives here: the library's tables translated to Dagster's metadata. What does not: the tables
(``qmd_platform.model.tables``).
"""

import dagster as dg

from qmd_platform.model.tables import CANDLES, Table

OWNERS = ["team:market-data"]
TYPES = {"instant": "timestamp[ms, UTC]"}


def schema(table: Table) -> dg.TableSchema:
    """The table's columns with type, unit and sentence."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                TYPES.get(column.dtype, column.dtype),
                description=f"{column.sentence} ({column.unit})" if column.unit else column.sentence,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,)),
            )
            for column in table.columns
        ]
    )


def rolled_up_from(base: dg.AssetKey) -> dg.TableColumnLineage:
    """Where a longer candle's columns come from: the same column of the shorter candles, by their open times."""
    names = [column.name for column in CANDLES.columns]
    deps = {name: [dg.TableColumnDep(base, name), dg.TableColumnDep(base, "open_at")] for name in names[1:]}
    return dg.TableColumnLineage({"open_at": [dg.TableColumnDep(base, "open_at")], **deps})
