"""Tables as the UI shows them."""

import pytest

from assets import describe
from qmd_platform.model.tables import CANDLES, INSTRUMENTS, Table


@pytest.mark.parametrize("table", [CANDLES, INSTRUMENTS], ids=lambda table: table.name)
def test_every_column_is_shown_with_its_unit_and_sentence(table: Table):
    shown = {column.name: column for column in describe.schema(table).columns}
    assert list(shown) == [column.name for column in table.columns]
    for column in table.columns:
        assert column.sentence in str(shown[column.name].description)
        assert column.unit in str(shown[column.name].description)
        assert shown[column.name].constraints.nullable == column.nullable


def test_only_the_key_is_said_to_be_unique():
    assert [column.name for column in describe.schema(CANDLES).columns if column.constraints.unique] == ["open_at"]
