"""The UI on a lake of its own with a sandbox exchange beside it, and a browser before it.

``QMD_TEST_SCREENSHOTS`` names a folder to keep the pictures in; without it they are left in the test's folder.
"""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qmd_platform.sandbox.server import running
from tests.browser.served import Served, served

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Headless, and silent towards the world: the browser fetches nothing of its own."""

PATIENCE_MS = 30_000

UNIVERSE = """
start = "{start}-01"

[venues.binance]
markets = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"]

[venues.bitfinex]
markets = ["BTC/USD", "ETH/USD"]

[venues.gate]
markets = ["BTC/USDT:USDT"]
"""


@pytest.fixture(scope="session")
def months() -> list[str]:
    """The universe's months: the current one and the two before it."""
    now = datetime.now(UTC)
    last = now.year * 12 + now.month - 1
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(last - 2, last + 1)]


@pytest.fixture(scope="session")
def ui(tmp_path_factory: pytest.TempPathFactory, months: list[str]) -> Iterator[Served]:
    """Dagster's UI, ready to be clicked; the exchange behind it is a sandbox."""
    home = tmp_path_factory.mktemp("ui")
    (home / "universe.toml").write_text(UNIVERSE.format(start=months[0]), encoding="utf-8")
    with running() as venues, served(home, venues, "binance", "candles_1m") as it:
        yield it


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()
    # Playwright closes its event loop without waiting for the loop's worker threads.
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio_"):
            thread.join(10)


@pytest.fixture
def page(browser: Browser, ui: Served) -> Iterator[Page]:
    """A page of its own a test; relative addresses are the UI's."""
    page = browser.new_page(base_url=ui.url, viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


@pytest.fixture
def picture(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Keep what the page shows under a name."""
    folder = Path(os.environ.get("QMD_TEST_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return take
