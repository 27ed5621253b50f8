"""A page from a cache under later times, on markets of every kind."""

import numpy as np
import pytest

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.quality.contamination import of_repeats
from tests.quality.tables import changed, clean

PAGE = 100


def again(rows: Candles, first: int, later: int) -> Candles:
    """The page that begins at ``first`` once more, in the place of the one that begins at ``later``."""
    columns = {name: getattr(rows, name).copy() for name in COLUMNS[1:]}
    for values in columns.values():
        values[later : later + PAGE] = values[first : first + PAGE]
    return changed(rows, **columns)


def in_contracts(rows: Candles, kinds: int) -> Candles:
    """As a venue counts that trades few whole contracts: only so many different volumes."""
    return changed(rows, volume=1.0 + np.arange(len(rows)) * 7919 % kinds)


@pytest.mark.parametrize("kinds", [2, 50, 10_000])
def test_a_page_again_is_named_however_few_different_volumes_there_are(kinds: int):
    rows = in_contracts(clean(), kinds)
    assert not of_repeats(rows)["repeats_after"].any()
    found = of_repeats(again(rows, 100, 400))["repeats_after"]
    assert set(found[:400]) == {0}
    assert set(found[400 : 400 + PAGE]) <= {0, 300}
    assert np.count_nonzero(found == 300) > PAGE * 0.9
    assert not found[400 + PAGE :].any()
