"""The rules as data: named once, explained, and equal to the docs."""

from pathlib import Path

import pytest

from qmd_platform.model import tables
from qmd_platform.quality import funding_rules
from qmd_platform.quality.rule import Rule
from qmd_platform.quality.rules import CANDLE_RULES, ROW_RULES, TOLD_RULES, markdown

DOCS = Path(__file__).parents[2] / "docs" / "quality.md"


def test_the_documented_rules_are_the_rules():
    assert markdown() in DOCS.read_text()


def test_the_documented_rules_of_funding_are_the_rules():
    assert funding_rules.markdown() in DOCS.read_text()


def test_no_two_rules_share_a_name():
    assert len({rule.name for rule in CANDLE_RULES}) == len(CANDLE_RULES)


@pytest.mark.parametrize("rule", [*CANDLE_RULES, *TOLD_RULES], ids=lambda rule: rule.name)
def test_a_rule_is_one_sentence_and_one_expectation(rule: Rule):
    assert rule.sentence[0].isupper()
    assert rule.sentence.endswith(".")
    assert ". " not in rule.sentence
    assert str(rule.expectation)


def test_a_row_that_ingest_keeps_out_would_block_if_it_got_in():
    assert all(rule.blocking for rule in ROW_RULES)


def test_only_errors_block():
    assert all(rule.severity.value == "ERROR" for rule in CANDLE_RULES if rule.blocking)


def test_the_rules_know_every_type_that_a_candle_column_has():
    assert {column.dtype for column in tables.CANDLES.columns} == {"instant", "float64"}
