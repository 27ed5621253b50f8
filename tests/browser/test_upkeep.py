"""The lake's upkeep in Dagster's UI: on from the start, launched by hand, one at a time, with its numbers to look at."""

import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served import Served
from tests.browser.test_ui import FINISHED, PATIENCE_SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""
RUNS = """
query($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId jobName status startTime endTime } } }
}"""
SCHEDULES = """
query($where: RepositorySelector!) {
  schedulesOrError(repositorySelector: $where) { ... on Schedules { results { name scheduleState { status } } } }
}"""
LAST = """{
  assetOrError(assetKey: {path: ["lake", "verify"]}) {
    ... on Asset { assetMaterializations(limit: 1) { runOrError { ... on Run { status } } } }
  }
}"""
LIMITS = "{ instance { concurrencyLimits { concurrencyKey limit } } }"


def ended(ui: Served, number: int, **wanted: Any) -> list[dict[str, Any]]:
    """That many runs, once they are over."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found: list[dict[str, Any]] = ui.ask(RUNS, filter=wanted)["runsOrError"]["results"]
        if len(found) == number and all(run["status"] in FINISHED for run in found):
            return found
        time.sleep(0.5)
    raise TimeoutError(f"no {number} finished runs with {wanted} after {PATIENCE_SECONDS} s")


def launched(ui: Served, job: str) -> str:
    where = {"repositoryLocationName": "qmd_platform", "repositoryName": "__repository__", "jobName": job}
    said = ui.ask(LAUNCH, params={"selector": where, "runConfigData": {}, "mode": "default"})["launchRun"]
    return str(said["run"]["runId"])


def test_its_schedules_are_on_and_those_that_ask_an_exchange_are_off(
    page: Page, ui: Served, picture: Callable[[str], None]
):
    where = {"repositoryLocationName": "qmd_platform", "repositoryName": "__repository__"}
    schedules = ui.ask(SCHEDULES, where=where)["schedulesOrError"]["results"]
    states = {schedule["name"]: schedule["scheduleState"]["status"] for schedule in schedules}
    upkeep = {"lake_seal", "lake_verify", "lake_vacuum"}
    assert {name for name, status in states.items() if status == "RUNNING"} == {*upkeep, "coverage"}
    assert {"binance_tail", "instruments_daily"} <= states.keys() - upkeep
    page.goto("/automation")
    for name in sorted(upkeep):
        expect(page.get_by_role("link", name=f"schedule {name}")).to_be_visible()
    picture("automation")


def test_a_verification_clicked_shows_what_it_found(page: Page, ui: Served, picture: Callable[[str], None]):
    page.goto("/assets/lake/verify")
    page.get_by_role("button", name="Materialize").first.click()
    until = time.monotonic() + PATIENCE_SECONDS
    while not (last := ui.ask(LAST)["assetOrError"].get("assetMaterializations")):
        assert time.monotonic() < until, "nothing was materialized"
        time.sleep(0.5)
    assert last[0]["runOrError"]["status"] in {"STARTED", "SUCCESS"}
    page.goto("/assets/lake/verify?view=events")
    numbers = page.get_by_role("table").filter(has_text="damaged files").first
    expect(numbers.get_by_role("row", name=re.compile("^damaged files"))).to_contain_text("0")
    expect(numbers.get_by_role("row", name=re.compile("^orphans"))).to_contain_text("0")
    picture("verify")


def test_no_two_of_its_runs_are_at_work_at_once(ui: Served):
    until = time.monotonic() + PATIENCE_SECONDS
    while {"concurrencyKey": "lake", "limit": 1} not in ui.ask(LIMITS)["instance"]["concurrencyLimits"]:
        assert time.monotonic() < until, "the pool was not limited"
        time.sleep(0.5)
    asked = [launched(ui, job) for job in ("lake_seal", "lake_verify", "lake_vacuum")]
    runs = sorted(ended(ui, 3, runIds=asked), key=lambda run: run["startTime"])
    assert [run["status"] for run in runs] == ["SUCCESS"] * 3
    for before, after in pairwise(runs):
        assert before["endTime"] <= after["startTime"]
