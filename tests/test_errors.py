"""Errors name who must act, and say what to do."""

import pytest

from qmd_platform import errors

FEW = ["1m", "5m", "1h"]
MANY = [f"coin{number}" for number in range(100)]


def every_error() -> list[type[errors.QmdError]]:
    """All classes of the tree."""
    found = [errors.QmdError]
    for kind in found:
        found += [below for below in kind.__subclasses__() if below.__module__ == errors.__name__]
    return found


def test_a_hint_is_shown_with_the_message():
    assert str(errors.ConfigError("no such thing", hint="take another")) == "no such thing (take another)"
    assert str(errors.ConfigError("no such thing")) == "no such thing"


def test_few_choices_are_all_shown_in_their_own_order_and_the_close_ones_first():
    assert errors.choices("zzz", FEW) == "choose from 1m, 5m, 1h"
    assert errors.choices("6m", FEW).startswith("did you mean ")
    assert errors.choices("6m", FEW).endswith("choose from 1m, 5m, 1h")


def test_of_many_choices_the_close_ones_are_shown_or_the_first_and_how_many_more():
    assert errors.choices("con7", MANY).startswith("did you mean coin7")
    assert "choose" not in errors.choices("con7", MANY)
    assert errors.choices("BTC/USDT", MANY).endswith(" and 88 more")


def test_upper_and_lower_case_count_as_the_same_and_the_choice_is_spelled_as_it_is():
    assert errors.choices("btc/usdt", ["BTC/USDT", "LTC/USDT"]).startswith("did you mean BTC/USDT? ")


def test_long_names_are_not_listed_in_an_endless_line():
    names = [f"binance:COIN{number:02d}/USDT:USDT:1m" for number in range(12)]
    assert len(errors.choices("zzz", names)) < 160
    assert errors.choices("zzz", names).endswith(" and 8 more")


def test_choices_without_an_order_are_sorted():
    assert errors.choices("zzz", {"b", "c", "a"}) == "choose from a, b, c"


def test_what_the_user_must_mend_exits_with_2_as_a_wrong_option_does():
    assert errors.ConfigError.exit_code == errors.UnknownMarket.exit_code == 2


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_no_error_exits_as_if_all_were_well(kind: type[errors.QmdError]):
    assert kind.exit_code in range(1, 64)


def test_a_bad_page_keeps_only_the_beginning_of_what_came():
    assert errors.BadPage("gate", "HTML", sample=b"x" * 10_000).sample == b"x" * 200
