"""docs/simulation.md tells what the recorded file gives today, and not what it once gave."""

import pytest

from tests.arbitrage.simulation import report
from tests.arbitrage.simulation.elsewhere import BINANCE, HYPERLIQUID
from tests.arbitrage.simulation.recorded import FILE

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not all(path.exists() for path in (FILE, BINANCE, HYPERLIQUID)), reason="no recorded data"),
]


def test_the_page_is_what_the_file_gives():
    assert report.page() == report.PAGE.read_text(encoding="utf-8"), "run `make simulation`"


def test_the_picture_is_what_the_file_gives():
    assert report.picture() + "\n" == report.PICTURE.read_text(encoding="utf-8"), "run `make simulation`"


def test_no_pair_of_binance_with_another_venue_is_told_and_every_other_one_is():
    venues = [{market.partition(":")[0] for market in pair} for pair in report.PAIRS]
    assert len(report.PAIRS) == 10
    assert not [each for each in venues if "binance" in each and len(each) > 1]
