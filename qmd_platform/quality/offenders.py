"""Who breaks a rule, decided in numpy: fast enough for every page that comes in.

What lives here: the rules applied to measures. What does not: the same judgement by Great Expectations
(``suite``), which asset checks show; a test holds the two equal.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.quality.measures import Columns, of_rows
from qmd_platform.quality.rule import Rule, Unique, Within
from qmd_platform.quality.rules import ROW_RULES


def row_offenders(candles: Candles, step: int) -> dict[str, NDArray[np.bool_]]:
    """For each rule a row can break by itself: which rows break it.

    Args:
        candles: of any order and with any values; types as ``Candles`` promises.
        step: length of a candle in ms.

    Returns:
        one mask a rule of ``rules.ROW_RULES``, by rule name, in that order.
    """
    columns = of_rows(candles, step)
    return {rule.name: offenders(rule, columns) for rule in ROW_RULES}


def offenders(rule: Rule, columns: Columns) -> NDArray[np.bool_]:
    """The rows of ``columns`` that break ``rule``. A NaN measure breaks nothing."""
    expectation = rule.expectation
    values = columns[expectation.measure]
    if isinstance(expectation, Within):
        return _outside(values, expectation)
    if isinstance(expectation, Unique):
        return _repeated(values)
    return np.asarray(values != columns[expectation.other])


def _outside(values: NDArray[Any], bounds: Within) -> NDArray[np.bool_]:
    broken = np.zeros(len(values), bool)
    if bounds.least is not None:
        broken |= values <= bounds.least if bounds.is_strict else values < bounds.least
    if bounds.most is not None:
        broken |= values > bounds.most
    return broken


def _repeated(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Every occurrence of a value that occurs more than once."""
    order = np.argsort(values, kind="stable")  # a merge of sorted runs: one pass where the rows are in order
    same = values[order[1:]] == values[order[:-1]]
    repeated = np.zeros(len(values), bool)
    repeated[order[1:]] |= same
    repeated[order[:-1]] |= same
    return repeated
