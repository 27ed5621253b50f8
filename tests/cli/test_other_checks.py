"""What the demo says of rules about other tables than candles: what the ledger says, and nothing else."""

from pathlib import Path

from qmd_platform.cli.other_checks import OtherChecks
from qmd_platform.lake.rows import empty
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import FUNDING_RATES
from tests.cli.past import MARCH, START, day


def funding(symbol: str, month: str = "2025-03") -> Partition:
    return Partition(Series.funding(Market("gate", symbol)), month)


def verdict(partition: Partition, rule: str, severity: str, offenders: int) -> Verdict:
    return Verdict(partition, rule, severity, not offenders, offenders, "[]", "v", START, 1)


def judged(home: Path, world: str, *verdicts: Verdict) -> OtherChecks:
    partitions = {one.partition for one in verdicts} - {MARCH}
    with Lake.open(home / "lake") as lake:
        lake.claim_world(world)
        writes = [day(0), *(Write(one, empty(FUNDING_RATES)) for one in sorted(partitions))]
        lake.commit(writes, run_id="r", source="sandbox:gate")
        lake.ledger.record_verdicts(verdicts)
        return OtherChecks.of(lake)


def test_what_is_broken_is_counted_by_rule_and_said_with_its_asset_and_markets(tmp_path: Path):
    btc, eth = funding("BTC/USDT:USDT"), funding("ETH/USDT:USDT")
    found = judged(
        tmp_path,
        "sandbox",
        verdict(MARCH, "complete", "WARN", 3),  # the table of candles has that one
        verdict(btc, "not_at_cap", "WARN", 12),
        verdict(btc, "settled_once", "ERROR", 1),
        verdict(eth, "not_at_cap", "WARN", 2),
        verdict(eth, "settled_once", "ERROR", 0),
    )
    lines = list(found.lines())
    assert lines[0] == "Checks of the tables that are not candles: 1 ok, [red]1 failed[/], [yellow]2 warnings[/]."
    assert lines[1].endswith(
        "gate, funding_rates] not_at_cap warns in 2 partitions (BTC/USDT:USDT, ETH/USDT:USDT): 14 rows"
    )
    assert lines[2].endswith("gate, funding_rates] settled_once fails in 1 partition (BTC/USDT:USDT): 1 row")
    assert "on purpose" in lines[3]
    document = found.as_document()
    assert (document["passed"], [one["offenders"] for one in document["broken"]]) == (1, [14, 1])


def test_of_real_data_nothing_is_said_to_be_on_purpose_and_what_is_well_is_one_line(tmp_path: Path):
    btc = funding("BTC/USDT:USDT")
    real = judged(tmp_path / "real", "live", verdict(btc, "not_at_cap", "WARN", 1))
    assert [line for line in real.lines() if "on purpose" in line] == []
    well = judged(tmp_path / "well", "sandbox", verdict(btc, "not_at_cap", "WARN", 0))
    assert list(well.lines()) == ["Checks of the tables that are not candles: 1 ok."]
