"""What a person does in Dagster's UI: find the assets, click one partition, backfill a range."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from assets.checks import CHECKS
from tests.browser.served import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUNS = """
query($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId status tags { key value } } } }
}"""
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
PATIENCE_SECONDS = 150
RULES = sum(len(check.rules) for check in CHECKS)
"""That every candle table is judged by; ``agrees_with_archive`` says nothing of a month that came from the API."""

Picture = Callable[[str], None]


def partition_page(venue: str, slug: str, month: str) -> str:
    return f"/assets/{venue}/candles_1m?view=partitions&partition={quote(f'{slug}|{month}')}"


def runs(ui: Served, **tags: str) -> list[dict[str, Any]]:
    """Runs with these tags, once there are any and all are over."""
    wanted = {"tags": [{"key": f"dagster/{key}", "value": value} for key, value in tags.items()]}
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found: list[dict[str, Any]] = ui.ask(RUNS, filter=wanted)["runsOrError"]["results"]
        if found and all(run["status"] in FINISHED for run in found):
            return found
        time.sleep(0.5)
    raise TimeoutError(f"no finished runs with {tags} after {PATIENCE_SECONDS} s")


def tag(run: dict[str, Any], key: str) -> str | None:
    return next((one["value"] for one in run["tags"] if one["key"] == f"dagster/{key}"), None)


def materialize(page: Page) -> None:
    """Click the page's Materialize button, up to the choice of partitions."""
    page.get_by_role("button", name="Materialize").first.click()
    confirm, choice = page.get_by_role("button", name="Confirm"), page.get_by_text("Partition selection")
    expect(confirm.or_(choice)).to_be_visible()
    if confirm.is_visible():  # the instruments are not materialised yet; the run fetches them itself
        confirm.click()
    expect(choice).to_be_visible()


def test_assets_are_found_grouped_by_venue_with_their_lineage(page: Page, picture: Picture):
    page.goto("/asset-groups")
    for venue in ("binance", "bitfinex", "gate"):
        expect(page.get_by_text(venue, exact=True).first).to_be_visible()
    page.goto("/locations/qmd_platform/asset-groups/binance/list")
    for table in ("instruments", "candles_1m", "candles_1h"):
        expect(page.get_by_text(re.compile(rf"\b{table}$")).first).to_be_attached()
    page.set_viewport_size({"width": 2600, "height": 2600})  # of the graph only what is in sight is drawn
    page.goto("/locations/qmd_platform/asset-groups/binance")
    expect(page.get_by_text("candles_1m", exact=True).first).to_be_visible()
    picture("lineage")


def test_an_asset_says_what_it_holds_column_by_column(page: Page, picture: Picture):
    page.goto("/assets/binance/candles_1m")
    expect(page.get_by_text("1m candles fetched from binance").first).to_be_visible()
    expect(page.get_by_text("highest price of the step (quote per base)")).to_be_visible()
    expect(page.get_by_text("market-data").first).to_be_visible()
    picture("asset")


def test_a_partition_clicked_is_filled_and_shows_its_receipt(
    page: Page, ui: Served, months: list[str], picture: Picture
):
    slug, month = "binance~BTC-USDT", months[1]
    page.goto(partition_page("binance", slug, month))
    materialize(page)
    picture("materialize")
    page.get_by_role("button", name="Launch 1 run").click()
    (run,) = runs(ui, partition=f"{slug}|{month}")
    assert run["status"] == "SUCCESS"

    page.goto(partition_page("binance", slug, month))
    receipt = page.get_by_role("table").filter(has_text="verified empty")
    expect(receipt.get_by_role("row", name=re.compile(r"^expected"))).to_contain_text(re.compile(r"4\d{4}"))
    expect(receipt.get_by_role("row", name=re.compile(r"^missing"))).to_contain_text("0")
    expect(receipt.get_by_role("row", name=re.compile(r"^checks"))).to_contain_text(f"all {RULES} rules passed")
    expect(receipt.get_by_role("row", name=re.compile(r"^data version"))).to_contain_text(re.compile(r"[0-9a-f]{32}"))
    picture("receipt")
    receipt.get_by_text("[Show Markdown]").click()
    chart = page.get_by_role("img", name=f"binance:BTC/USDT:1m {month}")
    expect(chart).to_be_visible()
    assert chart.evaluate("image => image.naturalWidth") == 720
    picture("chart")


def test_a_backfill_over_all_markets_and_months_runs_as_one_range_a_market(
    page: Page, ui: Served, months: list[str], picture: Picture
):
    page.goto(partition_page("bitfinex", "bitfinex~BTC-USD", months[0]))
    materialize(page)
    for button in page.get_by_role("button", name="All", exact=True).all():
        button.click()
    expect(page.get_by_text("6 partitions", exact=True)).to_be_visible()
    picture("backfill")
    page.get_by_role("button", name=re.compile("^Launch")).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto("/runs?view=backfills")

    found = runs(ui, backfill=_latest_backfill(ui))
    assert [run["status"] for run in found] == ["SUCCESS"] * 2
    ranges = {(tag(run, "asset_partition_range_start"), tag(run, "asset_partition_range_end")) for run in found}
    slugs = ("bitfinex~BTC-USD", "bitfinex~ETH-USD")
    assert ranges == {(f"{slug}|{months[0]}", f"{slug}|{months[-1]}") for slug in slugs}
    page.goto("/assets/bitfinex/candles_1m?view=partitions")
    expect(page.get_by_text("Materialized (6)")).to_be_visible()
    picture("partitions")


def _latest_backfill(ui: Served) -> str:
    query = "{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }"
    return str(ui.ask(query)["partitionBackfillsOrError"]["results"][0]["id"])
