"""``qmd dev`` on PostgreSQL as a team runs it: clicked, backfilled by the daemon, and its server killed under it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from qmd_platform.sandbox.server import running
from tests.browser.conftest import PATIENCE_MS, UNIVERSE
from tests.browser.served import Served, served
from tests.browser.test_ui import PATIENCE_SECONDS, materialize, partition_page, runs
from tests.services import Postgres

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]

BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"


@pytest.fixture(scope="module")
def server(postgres_programs: Path) -> Iterator[Postgres]:
    """A PostgreSQL server of this module alone: it is killed."""
    with closing(Postgres(postgres_programs)) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, months: list[str]) -> Path:
    home = tmp_path_factory.mktemp("team")
    (home / "universe.toml").write_text(UNIVERSE.format(start=months[0]), encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def team(server: Postgres, home: Path) -> Iterator[Served]:
    """The UI with ledger and runs in PostgreSQL, by the one setting."""
    with pytest.MonkeyPatch.context() as patch, running() as venues:
        patch.setenv("QMD_POSTGRES_URL", server.url)
        with served(home, venues, "binance", "candles_1m") as it:
            yield it


@pytest.fixture
def page(browser: Browser, team: Served) -> Iterator[Page]:
    page = browser.new_page(base_url=team.url, viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


def answered(team: Served, query: str, **variables: Any) -> Any:
    """The answer, after as many errors as the UI has connections that it does not know to be gone: one a storage."""
    for _ in range(3):
        try:
            return team.ask(query, **variables)
        except requests.HTTPError:
            time.sleep(0.5)
    return team.ask(query, **variables)


def backfill(team: Served, slug: str, months: list[str]) -> list[dict[str, Any]]:
    """Launch one over months of one market, through the daemon; its runs once they are over."""
    asset = {"path": ["bitfinex", "candles_1m"]}
    params = {"assetSelection": [asset], "partitionNames": [f"{slug}|{month}" for month in months]}
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        launched = answered(team, BACKFILL, params=params)["launchPartitionBackfill"]
        # The market is a partition once the universe's sensor has looked.
        if launched["__typename"] != "PartitionKeysNotFoundError" or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return runs(team, backfill=launched["backfillId"])


def asked(server: Postgres, query: str, *values: str) -> list[Any]:
    with closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def eventually(is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.5)


def test_a_partition_clicked_is_filled_and_all_of_it_is_in_the_database(
    page: Page, team: Served, server: Postgres, home: Path, months: list[str]
):
    slug, month = "binance~BTC-USDT", months[1]
    page.goto(partition_page("binance", slug, month))
    materialize(page)
    page.get_by_role("button", name="Launch 1 run").click()
    (run,) = runs(team, partition=f"{slug}|{month}")
    assert run["status"] == "SUCCESS"
    page.goto(partition_page("binance", slug, month))
    receipt = page.get_by_role("table").filter(has_text="verified empty")
    expect(receipt.get_by_role("row", name=re.compile(r"^missing"))).to_contain_text("0")

    assert asked(server, "SELECT status FROM public.runs WHERE run_id = %s", run["runId"]) == [("SUCCESS",)]
    assert asked(server, "SELECT count(*) > 0 FROM qmd.commit WHERE run_id = %s", run["runId"]) == [(True,)]
    assert not list(home.rglob("*.sqlite")) + list(home.rglob("*.db"))


def test_a_backfill_goes_through_the_daemon_and_survives_a_killed_server(
    team: Served, server: Postgres, home: Path, months: list[str]
):
    first = backfill(team, "bitfinex~BTC-USD", months[:2])
    assert {run["status"] for run in first} == {"SUCCESS"}

    log = home / "dev.log"
    server.kill()
    eventually(lambda: "too many retries for DB connection" in log.read_text(), "the daemon did not notice")
    server.start()

    def is_healthy() -> bool:
        statuses = answered(team, DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(one["healthy"] for one in statuses if one["required"])

    eventually(is_healthy, "the daemon did not go on")
    second = backfill(team, "bitfinex~ETH-USD", months[:2])
    assert {run["status"] for run in second} == {"SUCCESS"}
    assert {run["runId"] for run in first}.isdisjoint(run["runId"] for run in second)
    password = server.url.split(":")[2].partition("@")[0]
    assert password not in log.read_text()
