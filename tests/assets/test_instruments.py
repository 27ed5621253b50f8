"""The instruments asset, run by Dagster against a sandbox exchange."""

from pathlib import Path

import dagster as dg

from assets.instruments import instruments_of
from qmd_platform.ingest.instruments import instruments
from qmd_platform.lake.store import Lake
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
