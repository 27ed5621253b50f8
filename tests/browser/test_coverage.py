"""What is there and what is not, in Dagster's UI: the map of a venue, and why its gap sensor asks for what it asks for."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from qmd_platform.sandbox.server import running
from tests.browser.conftest import PATIENCE_MS
from tests.browser.served import Served, served
from tests.browser.test_ui import PATIENCE_SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNIVERSE = """
start = "{start}-01"
timeframes = ["1d"]

[venues.binance]
base = "1h"
markets = ["BTC/USDT", "ETH/USDT"]
"""
LAST = """{
  assetOrError(assetKey: {path: ["binance", "coverage"]}) {
    ... on Asset { assetMaterializations(limit: 1) { runId } }
  }
}"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, months: list[str]) -> Iterator[Served]:
    """A UI on a home that nobody has filled: its sensor, once it is on, has everything to ask for."""
    home: Path = tmp_path_factory.mktemp("empty")
    (home / "universe.toml").write_text(UNIVERSE.format(start=months[0]), encoding="utf-8")
    with running() as venues, served(home, venues, "binance", "candles_1h") as it:
        yield it


@pytest.fixture
def page(browser: Browser, empty: Served) -> Iterator[Page]:
    page = browser.new_page(base_url=empty.url, viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


def test_the_map_of_a_venue_is_made_with_a_click_and_shown(page: Page, empty: Served, picture: Callable[[str], None]):
    page.goto("/assets/binance/coverage")
    page.get_by_role("button", name="Materialize").first.click()
    confirm = page.get_by_role("button", name="Confirm")
    page.wait_for_timeout(3000)
    if (
        confirm.is_visible()
    ):  # it is asked for where the candles it reads of were not materialised by another test before
        confirm.click()
    until = time.monotonic() + PATIENCE_SECONDS
    while not empty.ask(LAST)["assetOrError"].get("assetMaterializations"):
        assert time.monotonic() < until, "nothing was materialized"
        time.sleep(0.5)
    page.goto("/assets/binance/coverage")
    page.get_by_text("[Show Markdown]").first.click()
    shown = page.get_by_role("img", name="binance", exact=True)
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 760
    picture("coverage")


def test_a_tick_of_the_gap_sensor_lists_its_decisions(page: Page, months: list[str], picture: Callable[[str], None]):
    page.goto("/locations/qmd_platform/sensors/binance_gaps")
    switch = page.locator("label").filter(has=page.locator("input[type=checkbox]")).first
    switch.click()
    requested = page.get_by_role("row").filter(has_text=re.compile(r"[1-9] runs? requested"))
    expect(requested.first).to_be_visible(timeout=PATIENCE_MS * 3)
    switch.click()
    requested.last.get_by_role("button", name="View logs").click()
    decision = f"binance:BTC/USDT to ETH/USDT (2 markets), 1h, {months[0]} to {months[-1]}: asked now"
    expect(page.get_by_text(decision).first).to_be_visible()
    picture("tick")
