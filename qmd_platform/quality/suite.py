"""Rules made into Great Expectations suites, and run.

What lives here: the only use of Great Expectations: one ephemeral context a process, a suite for each set of
rules, and the positions of the rows it objects to. What does not: what the rules say (``rules``), what a frame
holds (``measures``), what is made of a verdict (``judge``).

Every rule is one expectation on one column, because each expectation costs about 2 ms whatever the number of rows.
All rules are first asked only yes or no; those broken are asked again for every offending row.

One process, one thread: Great Expectations keeps the current context in a global.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import QmdError
from qmd_platform.quality.loading import great_expectations
from qmd_platform.quality.measures import Columns
from qmd_platform.quality.rule import Expectation, Rule, Same, Unique

if TYPE_CHECKING:
    import pandas as pd


def objections(rules: Sequence[Rule], columns: Columns) -> dict[str, NDArray[np.intp]]:
    """What Great Expectations objects to in a table.

    Args:
        rules: whose measures are all in ``columns``.
        columns: of one length.

    Returns:
        for each broken rule, by name, the positions of all rows that break it, ascending.

    Raises:
        QmdError: Great Expectations could not judge a rule.
    """
    frame = _frame(rules, columns)
    answers = _validated(tuple(rules), frame, "BOOLEAN_ONLY")
    broken = tuple(rule for rule in rules if not answers[rule.name].success)
    if not broken:
        return {}
    answers = _validated(broken, frame, "COMPLETE")
    return {
        rule.name: np.sort(np.array(answers[rule.name].result["unexpected_index_list"], np.intp)) for rule in broken
    }


def _frame(rules: Sequence[Rule], columns: Columns) -> "pd.DataFrame":
    """The measures the rules look at, and nothing else; the index is the position."""
    import pandas as pd  # noqa: PLC0415 - a second, and quarantining rows does not need it

    expectations = [rule.expectation for rule in rules]
    names = [e.measure for e in expectations] + [e.other for e in expectations if isinstance(e, Same)]
    return pd.DataFrame({name: columns[name] for name in dict.fromkeys(names)}, copy=False)


def _validated(rules: tuple[Rule, ...], frame: "pd.DataFrame", result_format: str) -> dict[str, Any]:
    """Great Expectations' answer to each rule, by rule name."""
    batch = _batch_definition().get_batch({"dataframe": frame})
    answers = {
        answer.expectation_config.meta["rule"]: answer
        for answer in batch.validate(_suite(rules), result_format=result_format).results
    }
    for name, answer in answers.items():
        # An error passes for a failed expectation, and is told apart only by the shape of this field.
        if not answer.success and (answer.exception_info or {}).get("raised_exception") is not False:
            raise QmdError(f"Great Expectations could not judge {name}: {answer.exception_info}")
    return answers


@cache
def _suite(rules: tuple[Rule, ...]) -> Any:  # noqa: ANN401 - Great Expectations comes late and untyped
    gx = great_expectations()
    return gx.ExpectationSuite(name="candles", expectations=[_translated(rule) for rule in rules])


def _translated(rule: Rule) -> Any:  # noqa: ANN401 - as above
    expectation: Expectation = rule.expectation
    told = {"meta": {"rule": rule.name}, "description": rule.sentence, "severity": _SEVERITIES[rule.severity.value]}
    expectations = great_expectations().expectations
    if isinstance(expectation, Unique):
        return expectations.ExpectColumnValuesToBeUnique(column=expectation.measure, **told)
    if isinstance(expectation, Same):
        return expectations.ExpectColumnPairValuesToBeEqual(
            column_A=expectation.measure, column_B=expectation.other, **told
        )
    return _within()(
        column=expectation.measure,
        min_value=expectation.least,
        max_value=expectation.most,
        strict_min=expectation.is_strict,
        **told,
    )


_SEVERITIES = {"ERROR": "critical", "WARN": "warning"}


@cache
def _within() -> Any:  # noqa: ANN401 - as above
    """``ExpectColumnValuesToBeBetween``, remembering its own configuration.

    Great Expectations 1.24 derives the configuration from the fields about fifty times a validation, which is
    nearly half of what an expectation costs (3.1 ms, so 1.8 ms). Its fields do not change in between.
    """
    gx = great_expectations()
    from great_expectations.compatibility import pydantic  # noqa: PLC0415 - comes late, as above

    class ExpectMeasureWithin(gx.expectations.ExpectColumnValuesToBeBetween):  # type: ignore[misc, name-defined]  # gx is untyped
        _known: Any = pydantic.PrivateAttr(default=None)

        @property
        def configuration(self) -> Any:  # noqa: ANN401 - as above
            if self._known is None:
                self._known = super().configuration
            return self._known

    return ExpectMeasureWithin


@cache
def _batch_definition() -> Any:  # noqa: ANN401 - as above
    """One context a process; whole data frames are its batches."""
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("candles")
    return asset.add_batch_definition_whole_dataframe("partition")
