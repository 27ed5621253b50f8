"""The instruments asset, run by Dagster against a sandbox exchange."""

from pathlib import Path

import dagster as dg

from assets import checks
from assets.instruments import instruments_of
from qmd_platform.ingest.instruments import instruments
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.quality.listing_rules import LISTING_RULES
from qmd_platform.sandbox.server import running
from resources.lake import LakeResource
from resources.venues import VenuesResource
from tests.graph import NOW


def test_what_the_venue_lists_is_kept_and_a_second_look_finds_nothing_new(tmp_path: Path):
    with running(now=NOW) as url, dg.DagsterInstance.ephemeral() as instance:
        resources = {"lake": LakeResource(home=str(tmp_path)), "venues": VenuesResource(url=url)}
        runs = [dg.materialize([instruments_of("gate")], instance=instance, resources=resources) for _ in range(2)]
    told = [run.asset_materializations_for_node("gate__instruments")[0].metadata for run in runs]
    with Lake.open(tmp_path / "lake") as lake:
        held = instruments(lake, "gate")
    assert {"BTC/USDT", "BTC/USDT:USDT"} <= set(held)
    assert [one["new"].value for one in told] == [len(held), 0]
    assert told[0]["data version"].value == told[1]["data version"].value


def test_the_list_is_judged_and_its_verdicts_are_checks_and_kept(tmp_path: Path):
    with running(now=NOW) as url, dg.DagsterInstance.ephemeral() as instance:
        resources = {"lake": LakeResource(home=str(tmp_path)), "venues": VenuesResource(url=url)}
        run = dg.materialize([instruments_of("gate")], instance=instance, resources=resources)
    found = {one.check_name: (one.passed, one.partition) for one in run.get_asset_check_evaluations()}
    assert found == {check.name: (True, None) for check in checks.LISTING_CHECKS}
    with Lake.open(tmp_path / "lake") as lake:
        kept = lake.ledger.verdicts(Series.instruments("gate"))
    assert {verdict.rule for verdict in kept} == {rule.name for rule in LISTING_RULES}


def test_what_changed_since_the_list_before_is_a_table_for_people(tmp_path: Path):
    listings = [{"market": "gate:SOL/USDT:USDT", "changes_at": NOW, "contract_size": "0.1"}]
    listings.append({"market": "gate:ADA/USDT", "delisted_at": NOW})
    with dg.DagsterInstance.ephemeral() as instance:
        told = []
        for changes in (None, listings):
            with running(now=NOW, listings=changes) as url:
                resources = {"lake": LakeResource(home=str(tmp_path)), "venues": VenuesResource(url=url)}
                run = dg.materialize([instruments_of("gate")], instance=instance, resources=resources)
                told.append(run.asset_materializations_for_node("gate__instruments")[0].metadata)
    tables = [[dict(record.data) for record in one["what changed"].records] for one in told]
    assert tables[0] == []
    assert {(row["symbol"], row["fact"]): (row["before"], row["after"]) for row in tables[1]} == {
        ("SOL/USDT:USDT", "contract_size"): ("1.0", "0.1"),
        ("ADA/USDT", "active"): ("True", "False"),
        ("ADA/USDT", "delisted_at"): ("", NOW),
    }
    assert told[1]["changes"].value == 3
