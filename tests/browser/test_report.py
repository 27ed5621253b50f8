"""The report in a browser that has no network: the board, one pair, sorting and filtering, both looks, a phone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from qmd_platform.arbitrage.rules import Rules
from qmd_platform.cli.report import Written, write_report
from tests.report.conftest import NOW, arbitraged

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1600, "height": 1000}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder: Path = tmp_path_factory.mktemp("report")
    with arbitraged(folder / "lake") as lake:
        return write_report(lake, folder / "report.html", Rules(), now=NOW)


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, written: Written) -> Iterator[Opened]:
    """The file opened offline; whatever it asks for, and whatever the console says, fails the test."""
    asked: list[str] = []
    said: list[str] = []
    contexts = []

    def make(**look: object) -> Page:
        context = browser.new_context(offline=True, **look)  # type: ignore[arg-type] # playwright's own keywords
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(written.path.as_uri())
        return page

    yield make
    for context in contexts:
        context.close()
    assert [url for url in asked if url.partition("#")[0] != written.path.as_uri()] == []
    assert said == []


def kept(page: Page, name: str, folder: Path) -> int:
    """Keep what is seen as a picture; how many bytes it has."""
    place = Path(os.environ.get("QMD_TEST_SCREENSHOTS") or folder)
    place.mkdir(parents=True, exist_ok=True)
    return len(page.screenshot(path=place / f"{name}.png", animations="disabled"))


def test_the_board_is_the_first_thing_seen_and_a_pair_is_one_click_away(
    opened: Opened, written: Written, tmp_path: Path
):
    page = opened(viewport=WIDE)
    expect(page).to_have_title("Funding arbitrage 2026-05-01 00:00 UTC")
    rows = page.locator("table.board tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.first).to_be_in_viewport()
    best = written.report.entries[0].pair
    expect(rows.first).to_contain_text(best.row["underlying"])
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"], "nothing is cut off"
    assert kept(page, "report", tmp_path) > 60_000, "a page that is not empty"
    rows.first.get_by_role("link").click()
    section = page.locator(f"#{best.anchor}")
    expect(section).to_be_in_viewport()
    expect(section.get_by_role("img")).to_have_count(3)
    expect(section.get_by_text("Every line that is in the table agrees with it.")).to_be_visible()
    section.locator("summary").first.click()
    expect(section.locator("table.settled tbody tr").first).to_be_visible()
    assert kept(page, "report-pair", tmp_path) > 60_000


def test_a_head_sorts_by_the_tables_own_values_and_words_filter(opened: Opened):
    page = opened(viewport=WIDE)
    board = page.locator("table.board").first
    board.get_by_role("button", name="Break-even").click()
    values = board.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => row.querySelector('[data-label=break-even]').dataset.v)"
    )
    hours = [float(value) for value in values]
    assert hours == sorted(hours, reverse=True)
    expect(board.locator("th[aria-sort=descending]")).to_have_count(1)
    page.get_by_role("searchbox").fill("doge gate")
    expect(page.locator("table.board tbody tr:visible")).to_have_count(2)
    expect(page.get_by_role("status")).to_have_text("2 pairs shown")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_a_pair_is_a_card_and_nothing_hangs_over(opened: Opened, scheme: str, tmp_path: Path):
    page = opened(viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_role("table").first.get_by_role("row").nth(2)).to_contain_text("seen")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(13, 16, 20)") == (scheme == "dark")
    assert kept(page, f"report-phone-{scheme}", tmp_path) > 20_000


def test_without_script_it_says_the_same(opened: Opened):
    page = opened(viewport=WIDE, java_script_enabled=False)
    expect(page.locator("table.board tbody tr")).to_have_count(8)
    expect(page.get_by_role("searchbox")).to_have_count(0)
    page.locator("table.board a").first.click()
    expect(page.locator("section.pair svg").first).to_be_visible()
