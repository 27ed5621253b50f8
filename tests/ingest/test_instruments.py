"""What becomes of markets that a venue's list lacks, and of lists that lack too much."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from qmd_platform.errors import BadPage
from qmd_platform.ingest.instruments import aged, instruments, keep, listed, listed_window
from qmd_platform.lake.store import Lake
from qmd_platform.venues.port import Instrument

HOUR = 3_600_000
AT = 1_790_000_000_000
BASES = ("AAA", "BBB", "CCC", "DDD")


def one(base: str, **said: object) -> Instrument:
    blank = Instrument(f"{base}/USDT", base, "spot", base, "USDT", "", True, 1.0, 0.1, None, AT - 900 * HOUR, "{}")
    return replace(blank, **said)


def seen(lake: Lake, found: Sequence[Instrument], at: int) -> dict[str, Instrument]:
    """What the lake holds after a list, without what a list does not say (``test_instrument_history`` looks at that)."""
    keep(found, "binance", lake, run_id="r", source="live:binance", at=at)
    told = instruments(lake, "binance")
    assert all(row.valid_to is None and row.multiplier == 1 for row in told.values())
    return {symbol: replace(row, valid_from=None, multiplier=None) for symbol, row in told.items()}


EVERY = [one(base) for base in BASES]


def test_a_market_that_vanished_stays_with_the_time_of_the_list_that_lacked_it_first(lake: Lake):
    assert seen(lake, EVERY, AT)["AAA/USDT"] == EVERY[0]
    for hour in (1, 2, 3):
        held = seen(lake, EVERY[1:], AT + hour * HOUR)
        assert held["AAA/USDT"] == replace(EVERY[0], active=False, delisted_at=AT + HOUR)
    assert list(held) == [f"{base}/USDT" for base in BASES]
    assert listed_window(held["AAA/USDT"]) == (AT - 900 * HOUR, AT + HOUR)
    assert listed_window(held["BBB/USDT"]) == (AT - 900 * HOUR, None)
    assert listed(lake, "binance") == {symbol: listed_window(instrument) for symbol, instrument in held.items()}


def test_a_market_that_comes_back_is_listed_again(lake: Lake):
    seen(lake, EVERY, AT)
    seen(lake, EVERY[1:], AT + HOUR)
    assert seen(lake, EVERY, AT + 2 * HOUR)["AAA/USDT"] == EVERY[0]


def test_the_venues_own_date_counts_more_than_the_list_it_was_seen_in(lake: Lake):
    seen(lake, EVERY, AT)
    dated = one("AAA", active=False, delisted_at=AT - 5 * HOUR)
    assert seen(lake, [dated, *EVERY[1:]], AT + HOUR)["AAA/USDT"] == dated
    assert seen(lake, EVERY[1:], AT + 2 * HOUR)["AAA/USDT"] == dated


def test_a_date_to_come_is_kept_of_a_market_that_is_still_traded(lake: Lake):
    announced = one("AAA", delisted_at=AT + 50 * HOUR)
    assert seen(lake, [announced, *EVERY[1:]], AT)["AAA/USDT"] == announced


def test_a_market_listed_as_no_longer_traded_is_delisted_since_it_was_first_so(lake: Lake):
    seen(lake, EVERY, AT)
    halted = one("AAA", active=False)
    for hour in (1, 2):
        assert seen(lake, [halted, *EVERY[1:]], AT + hour * HOUR)["AAA/USDT"].delisted_at == AT + HOUR


def test_a_market_that_is_not_traded_yet_is_not_delisted():
    coming = one("AAA", active=False, listed_at=AT + HOUR)
    assert aged({}, [coming], AT) == [coming]


@pytest.mark.parametrize("left", [0, 1])
def test_a_list_that_lacks_more_than_half_of_what_was_traded_is_not_believed(lake: Lake, left: int):
    seen(lake, EVERY, AT)
    before = instruments(lake, "binance")
    with pytest.raises(BadPage, match=f"lacks {4 - left} of the 4 markets"):
        seen(lake, EVERY[:left], AT + HOUR)
    assert instruments(lake, "binance") == before


def test_half_of_a_list_may_go(lake: Lake):
    seen(lake, EVERY, AT)
    held = seen(lake, EVERY[:2], AT + HOUR)
    assert [instrument.active for instrument in held.values()] == [True, True, False, False]


def test_a_list_of_which_all_is_suddenly_inactive_is_not_believed(lake: Lake):
    seen(lake, EVERY, AT)
    with pytest.raises(BadPage):
        seen(lake, [replace(instrument, active=False) for instrument in EVERY], AT + HOUR)


def test_markets_that_went_long_ago_do_not_make_a_list_look_faulty(lake: Lake):
    seen(lake, EVERY, AT)
    seen(lake, EVERY[:2], AT + HOUR)
    held = seen(lake, EVERY[:1], AT + 2 * HOUR)
    assert [instrument.active for instrument in held.values()] == [True, False, False, False]


def test_an_empty_first_list_is_kept_as_it_is(lake: Lake):
    assert seen(lake, [], AT) == {}
