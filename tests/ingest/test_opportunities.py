"""The table of opportunities out of a lake: every row as it must be, and the ledger's episodes equal to it."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import delete

from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError, Conflict
from qmd_platform.ingest import opportunities as module
from qmd_platform.ingest.arbitrage import TRIES, partition
from qmd_platform.ingest.opportunities import derive_opportunities, keep_episodes
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger import opportunities as kept
from qmd_platform.ledger import schema as db
from qmd_platform.model.window import Window, iso, month_window
from tests.ingest.fundedlake import Row, rows
from tests.ingest.hedgedlake import BINANCE, COST_BPS, EIGHT, GATE, HOUR, SPOT, hedges, put_hedges

RULES = Rules(thresholds=Thresholds(confirmations=2))
MARCH, APRIL = month_window("2026-03"), month_window("2026-04")
MONTHS = ("2026-03", "2026-04")
START = MARCH.end - 4 * EIGHT + 60_000
"""Four rows of March, and then those of April."""

TURNING = [0.6] * 6 + [-0.6] * 8
"""0.475 a year net one way; from the seventh row on it is -0.725, and the other way round."""


def net(yearly: float) -> float:
    return yearly - COST_BPS / 1e4 / 168 * 8760


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    opened = Lake.open(tmp_path)
    put_hedges(opened, "venue_spreads", [hedges(TURNING, START)])
    put_hedges(opened, "cash_and_carry", [hedges([0.1, 0.2, -0.4], START, (BINANCE, SPOT), borrow=0.1)])
    return opened


def told(found: list[Row], short: str, long: str) -> list[tuple[int, str, str, int]]:
    """Of one direction: episode, states before and after, and the row of the hedges."""
    mine = [row for row in found if (row["short_market"], row["long_market"]) == (short, long)]
    mine.sort(key=lambda row: row["changed_at"])
    return [(row["episode"], row["before"], row["after"], (row["changed_at"] - START) // EIGHT) for row in mine]


def test_the_whole_table_is_the_one_worked_out_by_hand(lake: Lake):
    receipts = derive_opportunities(lake, MONTHS, run_id="r", rules=RULES)
    found = rows(lake, "opportunities")
    assert told(found, BINANCE, GATE) == [
        (1, "NONE", "WATCH", 0),
        (1, "WATCH", "OPEN", 1),  # the second settlement in a row, eight hours after the watch began
        (1, "OPEN", "HOLD", 2),
        (1, "HOLD", "CLOSE", 7),  # the second event below 0
        (1, "CLOSE", "NONE", 8),
    ]
    assert told(found, GATE, BINANCE) == [
        (1, "NONE", "WATCH", 6),
        (1, "WATCH", "OPEN", 7),
        (1, "OPEN", "HOLD", 8),
    ]
    # Nothing was heard of these two for three days after the third row, which told one of them that it was over already.
    assert told(found, BINANCE, SPOT) == [(1, "NONE", "WATCH", 1), (1, "WATCH", "NONE", 11)]
    assert told(found, SPOT, BINANCE) == [(1, "NONE", "WATCH", 2), (1, "WATCH", "NONE", 12)]
    assert len(found) == 12
    assert [(one.rows, one.version) for one in receipts] == [(5, 1), (7, 1)]


def test_a_row_says_what_it_was_decided_from(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="r", rules=RULES)
    found = {(row["short_market"], row["long_market"], row["before"]): row for row in rows(lake, "opportunities")}
    closed = found[BINANCE, GATE, "HOLD"]
    assert (closed["kind"], closed["underlying"], closed["flags"]) == ("spread", "BTC", "")
    assert closed["began_at"] == START
    assert closed["reason"] == "net return below 0.00% a year for 2 events"
    assert closed["net_per_year"] == pytest.approx(net(-0.6))
    assert closed["break_even_hours"] == float("inf")
    opened = found[BINANCE, GATE, "WATCH"]
    assert opened["net_per_year"] == pytest.approx(net(0.6))
    assert opened["break_even_hours"] == pytest.approx(COST_BPS / 1e4 / 0.6 * 8760)
    assert {row["rule_version"] for row in found.values()} == {RULES.thresholds.version}
    reverse = found[SPOT, BINANCE, "NONE"]
    assert (reverse["kind"], reverse["data_versions"].partition(":")[0]) == ("cash_and_carry", "cash_and_carry")
    assert reverse["net_per_year"] == pytest.approx(net(0.4 - 0.1))


def test_the_mirror_of_a_carry_borrows_what_it_sells(tmp_path: Path):
    lake = Lake.open(tmp_path)
    put_hedges(lake, "cash_and_carry", [hedges([-0.4, 0.1], START, (BINANCE, SPOT), borrow=0.1)])
    rules = Rules(thresholds=Thresholds(closing_events=1))
    derive_opportunities(lake, MONTHS, run_id="r", rules=rules)
    lapsed = next(row for row in rows(lake, "opportunities") if row["after"] == "NONE")
    assert lapsed["net_per_year"] == pytest.approx(net(-0.1 - 0.1))


def test_a_blocking_flag_closes_and_a_risk_does_not(tmp_path: Path):
    lake = Lake.open(tmp_path)
    flags = {3: "INTERVAL_MISMATCH LOW_PERSISTENCE", 5: "SUSPECT_GAP"}
    put_hedges(lake, "venue_spreads", [hedges([0.6] * 6, START, flags=flags)])
    derive_opportunities(lake, MONTHS, run_id="r", rules=RULES)
    found = rows(lake, "opportunities")
    assert told(found, BINANCE, GATE)[-1] == (1, "HOLD", "CLOSE", 5)
    (closed,) = (row for row in found if row["after"] == "CLOSE")
    assert (closed["flags"], closed["reason"]) == ("SUSPECT_GAP", "flag SUSPECT_GAP")


def test_a_month_does_not_depend_on_which_months_are_asked_for(lake: Lake, tmp_path: Path):
    together = derive_opportunities(lake, MONTHS, run_id="r", rules=RULES)
    with Lake.open(tmp_path / "other") as other:
        put_hedges(other, "venue_spreads", [hedges(TURNING, START)])
        put_hedges(other, "cash_and_carry", [hedges([0.1, 0.2, -0.4], START, (BINANCE, SPOT), borrow=0.1)])
        (april,) = derive_opportunities(other, ["2026-04"], run_id="r", rules=RULES)
        (march,) = derive_opportunities(other, ["2026-03"], run_id="r", rules=RULES)
        assert [march.data_version, april.data_version] == [one.data_version for one in together]
        assert kept.episodes(other.ledger.database) == kept.episodes(lake.ledger.database)


def test_another_future_changes_no_row_of_the_past(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    until = START + 6 * EIGHT
    before = [row for row in rows(lake, "opportunities") if row["changed_at"] < until]
    put_hedges(lake, "venue_spreads", [hedges([*TURNING[:6], *[0.9] * 30], START)])
    derive_opportunities(lake, MONTHS, run_id="second", rules=RULES)
    assert [row for row in rows(lake, "opportunities") if row["changed_at"] < until] == before
    assert told(rows(lake, "opportunities"), BINANCE, GATE)[-1] == (1, "OPEN", "HOLD", 2)


def test_making_them_again_changes_nothing(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    commit, episodes = lake.ledger.resolved(None), kept.episodes(lake.ledger.database)
    again = derive_opportunities(lake, MONTHS, run_id="second", rules=RULES)
    assert lake.ledger.resolved(None) == commit
    assert [(one.new, one.changed, one.version) for one in again] == [(0, 0, 1), (0, 0, 1)]
    assert kept.episodes(lake.ledger.database) == episodes
    assert not keep_episodes(lake)


def test_the_ledger_has_one_row_an_episode_over_all_months(lake: Lake):
    derive_opportunities(lake, ["2026-03"], run_id="march", rules=RULES)
    (held,) = (one for one in kept.episodes(lake.ledger.database) if one.kind == "spread")
    assert (held.state, held.opened, held.ended) == ("HOLD", START + EIGHT, None)
    derive_opportunities(lake, ["2026-04"], run_id="april", rules=RULES)
    found = {(one.short_market, one.long_market): one for one in kept.episodes(lake.ledger.database)}
    assert len(found) == len(kept.episodes(lake.ledger.database)) == 4
    over = found[BINANCE, GATE]
    assert (over.began, over.state, over.since) == (START, "NONE", START + 8 * EIGHT)
    assert (over.opened, over.closed, over.ended) == (START + EIGHT, START + 7 * EIGHT, START + 7 * EIGHT)
    assert over.reason == "net return below 0.00% a year for 2 events"
    assert (over.net_per_year, over.best_net_per_year) == (pytest.approx(net(-0.6)), pytest.approx(net(0.6)))
    assert found[GATE, BINANCE].state == "HOLD"
    assert found[GATE, BINANCE].reason == "net return above 10.00% a year for 2 settlements in a row"


def test_a_run_stopped_between_the_table_and_the_ledger_is_made_up_for_by_the_next(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    derive_opportunities(lake, ["2026-03"], run_id="whole", rules=RULES)
    expected = kept.episodes(lake.ledger.database)

    def stopped(_: Lake) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "keep_episodes", stopped)
        with pytest.raises(KeyboardInterrupt):
            derive_opportunities(lake, ["2026-04"], run_id="stopped", rules=RULES)
    assert kept.episodes(lake.ledger.database) == expected
    commit = lake.ledger.resolved(None)
    derive_opportunities(lake, ["2026-04"], run_id="next", rules=RULES)
    assert lake.ledger.resolved(None) == commit, "the table was there already"
    assert len(kept.episodes(lake.ledger.database)) == 4


@pytest.mark.parametrize("times", [1, TRIES])
def test_who_is_overtaken_makes_them_again_and_gives_up_in_the_end(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, times: int
):
    rivals = [Rules(thresholds=Thresholds(watch=0.01 + number / 1000)) for number in range(times)]
    history = module._history  # noqa: SLF001 - the rival comes after the versions were looked at and before the commit

    def overtaken(of: Lake, last: str, rules: Rules) -> Iterator[tuple[str, pa.Table]]:
        if rules is RULES and rivals:
            derive_opportunities(of, ["2026-04"], run_id="rival", rules=rivals.pop())
        return history(of, last, rules)

    monkeypatch.setattr(module, "_history", overtaken)
    if times == TRIES:
        with pytest.raises(Conflict, match="made by somebody else first"):
            derive_opportunities(lake, ["2026-04"], run_id="slow", rules=RULES)
    else:
        derive_opportunities(lake, ["2026-04"], run_id="slow", rules=RULES)
        assert {row["rule_version"] for row in rows(lake, "opportunities")} == {RULES.thresholds.version}


def test_a_ledger_that_was_made_again_gets_its_episodes_with_the_next_run(lake: Lake, tmp_path: Path):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    expected = kept.episodes(lake.ledger.database)
    lake.close()
    (tmp_path / "ledger.sqlite").unlink()
    rebuild(tmp_path, now=1)
    with Lake.open(tmp_path) as anew:
        assert kept.episodes(anew.ledger.database) == []
        derive_opportunities(anew, ["2026-04"], run_id="next", rules=RULES)
        assert kept.episodes(anew.ledger.database) == expected


def test_rows_that_are_gone_take_their_episodes_along(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    put_hedges(lake, "cash_and_carry", [hedges([0.0] * 3, START, (BINANCE, SPOT))])
    derive_opportunities(lake, MONTHS, run_id="second", rules=RULES)
    assert {one.kind for one in kept.episodes(lake.ledger.database)} == {"spread"}
    with lake.ledger.database.writing() as connection:
        connection.execute(delete(db.episode))
    assert not keep_episodes(lake), "the ledger says it is of this state of the table"


def test_a_lake_without_hedges_has_no_opportunities_and_a_month_that_is_none_is_refused(tmp_path: Path):
    lake = Lake.open(tmp_path)
    assert [(one.rows, one.version) for one in derive_opportunities(lake, MONTHS, run_id="r")] == [(0, 0), (0, 0)]
    assert derive_opportunities(lake, [], run_id="r") == []
    assert kept.episodes(lake.ledger.database) == []
    with pytest.raises(ConfigError, match="'2026-13' is not a month"):
        derive_opportunities(lake, ["2026-13"], run_id="r")


def test_other_thresholds_are_another_version_of_the_rules(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    strict = Rules(thresholds=Thresholds(watch=0.5, open=0.6))
    (march, april) = derive_opportunities(lake, MONTHS, run_id="second", rules=strict)
    assert (march.rows, april.rows) == (0, 0)
    assert rows(lake, "opportunities") == kept.episodes(lake.ledger.database) == []


def test_a_pair_that_stopped_in_the_last_month_is_closed_in_this_one(tmp_path: Path):
    lake = Lake.open(tmp_path)
    stopped, going = hedges([0.6] * 4, START), hedges([0.0] * 40, START, ("okx:ETH/USDT:USDT", GATE), coin="ETH")
    put_hedges(lake, "venue_spreads", [stopped, going])
    derive_opportunities(lake, MONTHS, run_id="r", rules=RULES)
    closed = next(row for row in rows(lake, "opportunities") if row["after"] == "CLOSE")
    assert iso(closed["changed_at"]) == iso(START + 3 * EIGHT + 72 * HOUR)
    assert Window(APRIL.start, APRIL.end).contains(closed["changed_at"])
    assert (closed["reason"], closed["net_per_year"], closed["break_even_hours"]) == ("flag VENUE_INCIDENT", None, None)


STRICTER = Rules(thresholds=Thresholds(confirmations=4))
"""Opens in another month than RULES do, two settlements later."""


def made_whole(root: Path, yearly: list[float], rules: Rules) -> tuple[list[Row], list[kept.KeptEpisode]]:
    """The table and the ledger of a lake that was never made of anything else."""
    with Lake.open(root) as lake:
        put_hedges(lake, "venue_spreads", [hedges(yearly, START)])
        derive_opportunities(lake, MONTHS, run_id="whole", rules=rules)
        return rows(lake, "opportunities"), kept.episodes(lake.ledger.database)


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize(
    ("yearly", "rules"),
    [(TURNING, STRICTER), ([0.01] * 3 + TURNING[3:], RULES), ([0.0] * len(TURNING), RULES)],
    ids=["other thresholds", "other hedges in the past", "nothing is earned any more"],
)
def test_one_month_made_again_leaves_nothing_of_lives_that_are_no_longer(
    month: str, yearly: list[float], rules: Rules, tmp_path: Path
):
    lake = Lake.open(tmp_path / "here")
    put_hedges(lake, "venue_spreads", [hedges(TURNING, START)])
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    before = rows(lake, "opportunities")
    put_hedges(lake, "venue_spreads", [hedges(yearly, START)])
    (receipt,) = derive_opportunities(lake, [month], run_id="again", rules=rules)
    assert receipt.partition.month == month
    found = rows(lake, "opportunities")
    assert (found, kept.episodes(lake.ledger.database)) == made_whole(tmp_path / "there", yearly, rules)
    assert found != before


def test_a_position_of_an_earlier_month_is_there_when_a_later_one_is_the_first_to_be_made(tmp_path: Path):
    steady = [0.6] * 8
    with Lake.open(tmp_path / "here") as lake:
        put_hedges(lake, "venue_spreads", [hedges(steady, START)])
        (april,) = derive_opportunities(lake, ["2026-04"], run_id="r", rules=RULES)
        assert (april.partition.month, april.rows) == ("2026-04", 0)
        (held,) = kept.episodes(lake.ledger.database)
        assert (held.state, held.opened) == ("HOLD", START + EIGHT)
        assert (rows(lake, "opportunities"), [held]) == made_whole(tmp_path / "there", steady, RULES)


def test_a_month_whose_hedges_are_all_gone_loses_its_rows_with_the_next_run(lake: Lake):
    derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    gone = [partition(name, "2026-03") for name in ("venue_spreads", "cash_and_carry")]
    lake.commit([Write(one, lake.read(one.series).slice(0, 0), replace=True) for one in gone], run_id="r", source="s")
    derive_opportunities(lake, ["2026-04"], run_id="second", rules=RULES)
    assert min(row["began_at"] for row in rows(lake, "opportunities")) >= APRIL.start


def test_months_that_come_out_as_they_are_keep_their_version(lake: Lake):
    (march, _) = derive_opportunities(lake, MONTHS, run_id="first", rules=RULES)
    put_hedges(lake, "venue_spreads", [hedges([*TURNING[:6], *[0.9] * 30], START)])
    (april,) = derive_opportunities(lake, ["2026-04"], run_id="second", rules=RULES)
    states = {one.partition.month: (one.version, one.data_version) for one in lake.states(april.partition.series)}
    assert states == {"2026-03": (1, march.data_version), "2026-04": (2, april.data_version)}


def test_a_later_month_made_by_others_meanwhile_is_of_the_same_lives_in_the_end(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    derive_opportunities(lake, ["2026-03"], run_id="first", rules=RULES)
    rivals = [RULES]
    history = module._history  # noqa: SLF001 - the rival comes after the versions were looked at and before the commit

    def overtaken(of: Lake, last: str, rules: Rules) -> Iterator[tuple[str, pa.Table]]:
        if rules is STRICTER and rivals:
            derive_opportunities(of, ["2026-04"], run_id="rival", rules=rivals.pop())
        return history(of, last, rules)

    monkeypatch.setattr(module, "_history", overtaken)
    derive_opportunities(lake, ["2026-03"], run_id="slow", rules=STRICTER)
    assert {row["rule_version"] for row in rows(lake, "opportunities")} == {STRICTER.thresholds.version}
