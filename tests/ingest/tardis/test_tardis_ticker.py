"""Contracts' states that Tardis heard: predictions and open interest by the venues' own meaning, never what is settled."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.instruments import instruments, keep, refresh
from qmd_platform.ingest.snapshots import capture
from qmd_platform.ingest.tardis import Brought
from qmd_platform.ingest.tardis_states import States, Thinned
from qmd_platform.ingest.tardis_ticker import EVERY, states_of_contract
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth

DAY = Window.of("2026-11-01", "2026-11-02")
PREDICTED, OUTSTANDING = "funding_predictions", "open_interest"
STATES = 8640
"""A day of the sandbox's: one every ten seconds."""


def of(venue: str) -> Market:
    return Market(venue, "BTC/USDT:USDT")


def bring(lake: Lake, sandbox: Sandbox, market: Market, root: Path, **options: Any) -> dict[str, Brought]:
    found = states_of_contract(lake, market, DAY, root, run_id="r", url=sandbox.url, **options)
    assert {one.account.lost for one in found.values()} == {0}
    return found


def rows(lake: Lake, table: str, venue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(Series(table, venue)).to_pylist()
    return [
        {name: round(one.timestamp() * 1000) if name.endswith("_at") else one for name, one in row.items()}
        for row in found
    ]


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "bitfinex"])
def test_what_was_predicted_is_that_of_the_next_settlement(lake: Lake, sandbox: Sandbox, tmp_path: Path, venue: str):
    market = of(venue)
    if venue == "bitfinex":  # what accrues does so over an interval that only settlements prove
        fill_funding(lake, [Partition(Series.funding(market), "2026-11")], run_id="r", url=sandbox.url)
    account = bring(lake, sandbox, market, tmp_path)[PREDICTED].account
    told = rows(lake, PREDICTED, venue)
    assert (account.rows, account.used, len(told)) == (STATES, 96, 96)
    next_at, rates = predictions_truth(market, np.array([row["seen_at"] for row in told]))
    assert [row["next_settlement_at"] for row in told] == next_at.tolist()
    if venue == "bitfinex":
        assert told[0]["predicted_rate"] is None  # in the first minute hardly anything has accrued
        assert [row["interval_hours"] for row in told] == [8.0] * 96
        after = [(row["predicted_rate"], rate) for row, rate in zip(told, rates, strict=True) if row["accrued_rate"]]
        assert all(mine == pytest.approx(rate, abs=5e-7) for mine, rate in after)
        assert len(after) > 85
    else:
        assert [row["predicted_rate"] for row in told] == rates.tolist()
        assert {row["accrued_rate"] for row in told} == {None}


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "bitfinex"])
def test_open_interest_is_counted_in_contracts_and_in_base_coins(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, venue: str
):
    account = bring(lake, sandbox, of(venue), tmp_path)[OUTSTANDING].account
    told = rows(lake, OUTSTANDING, venue)
    assert (account.silent, account.used, len(told)) == (3, 96, 96)
    truth = open_interest_truth(of(venue), np.array([row["counted_at"] for row in told]))
    assert [row["open_interest_contracts"] for row in told] == truth.contracts.tolist()
    assert [row["open_interest_base"] for row in told] == truth.base.tolist()
    assert [row["open_interest_quote"] for row in told] == pytest.approx(truth.quote.tolist())
    assert not any(row["is_history"] for row in told)


def test_nothing_of_it_is_ever_a_settled_rate(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, of("bybit"), tmp_path)
    assert {one.table for one in lake.series()} == {"instruments", PREDICTED, OUTSTANDING}
    assert all(row["next_settlement_at"] > row["seen_at"] for row in rows(lake, PREDICTED, "bybit"))


def test_gates_states_say_neither_when_is_settled_nor_open_interest_which_is_said_before_anything_is_asked_for(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    with pytest.raises(ConfigError, match="of gate-io-futures says neither when is settled nor open interest"):
        bring(lake, sandbox, of("gate"), tmp_path)
    assert sandbox.requests() == []


def test_one_state_of_each_span_is_kept_the_first_that_tells_something(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    account = bring(lake, sandbox, of("okx"), tmp_path, every=60 * MINUTE)[OUTSTANDING].account
    assert (account.used, account.thinned) == (24, STATES - 3 - 24)
    at = [row["counted_at"] for row in rows(lake, OUTSTANDING, "okx")]
    assert at[0] == DAY.start + 30_000  # three states without it came before
    assert at[1:] == [DAY.start + hour * 60 * MINUTE for hour in range(1, 24)]


def test_a_day_is_read_once_unless_it_is_wanted_again(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    bring(lake, sandbox, of("okx"), tmp_path)
    before = lake.ledger.last_commit()
    assert {one.account.rows for one in bring(lake, sandbox, of("okx"), tmp_path).values()} == {0}
    again = bring(lake, sandbox, of("okx"), tmp_path, again=True)[PREDICTED].account
    assert (again.held, again.used) == (96, 0)
    assert lake.ledger.last_commit() <= before + 2
    finer = bring(lake, sandbox, of("okx"), tmp_path, again=True, every=5 * MINUTE)[PREDICTED].account
    assert (finer.held, finer.used) == (96, 192)


def test_who_is_killed_after_a_commit_has_the_day_in_both_tables(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    commit = Lake.commit

    def killed(self: Lake, writes: Sequence[Write], **how: Any) -> Any:
        done = commit(self, writes, **how)
        if {one.partition.series.table for one in writes} & {PREDICTED, OUTSTANDING}:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            bring(lake, sandbox, of("binance"), tmp_path)
    bring(lake, sandbox, of("binance"), tmp_path)
    assert [len(rows(lake, table, "binance")) for table in (PREDICTED, OUTSTANDING)] == [96, 96]


@pytest.mark.parametrize("lacking", [PREDICTED, OUTSTANDING])
def test_a_day_that_only_one_table_has_is_looked_at_again(lake: Lake, sandbox: Sandbox, tmp_path: Path, lacking: str):
    with Lake.open(tmp_path / "whole") as whole:
        bring(whole, sandbox, of("binance"), tmp_path)
        (other,) = {PREDICTED, OUTSTANDING} - {lacking}
        half = Series(other, "binance")
        said = tuple(answer for _, answer in whole.evidence(half, DAY))
        write = Write(Partition(half, "2026-11"), whole.read(half), evidence=said)
    lake.commit([write], run_id="r", source="sandbox:binance/tardis")
    found = bring(lake, sandbox, of("binance"), tmp_path)
    assert (found[lacking].account.used, found[other].account.held) == (96, 96)


def test_a_row_of_the_lakes_own_looks_stays(lake: Lake, tmp_path: Path):
    market = of("bybit")
    with serving(now="2026-11-01T10:00:00Z") as early:
        capture(lake, "bybit", [market], run_id="r", url=early.url)
    (own,) = rows(lake, PREDICTED, "bybit")
    with serving(now="2026-11-20T12:00:00Z") as later:
        account = bring(lake, later, market, tmp_path)[PREDICTED].account
    told = [row for row in rows(lake, PREDICTED, "bybit") if row["seen_at"] == instant("2026-11-01T10:00Z")]
    assert (account.held, told) == (1, [own])


def test_contracts_are_converted_with_the_size_of_their_time(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    market, changed = of("okx"), instant("2026-11-01T12:00Z")
    refresh(lake, "okx", run_id="r", url=sandbox.url)
    listed = list(instruments(lake, "okx").values())
    early = [replace(one, contract_size=0.1) if one.symbol == market.symbol else one for one in listed]
    with Lake.open(tmp_path / "other") as other:
        keep(early, "okx", other, run_id="r", source="sandbox:okx", at=DAY.start)
        keep(listed, "okx", other, run_id="r", source="sandbox:okx", at=changed)
        bring(other, sandbox, market, tmp_path / "files")
        sizes = {
            (row["counted_at"] >= changed, round(row["open_interest_base"] / row["open_interest_contracts"], 9))
            for row in rows(other, OUTSTANDING, "okx")
        }
    assert sizes == {(False, 0.1), (True, 0.01)}


@given(
    came=st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=60).map(sorted),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    every=st.integers(1, 10**5),
)
def test_of_every_span_one_state_is_kept_whatever_the_batches_and_each_row_is_accounted_for(
    came: list[tuple[int, bool]], cuts: list[int], every: int
):
    thinned, ends = Thinned(every), sorted({0, *(cut for cut in cuts if cut < len(came)), len(came)})
    for start, end in pairwise(ends):
        at = np.array([local for local, _ in came[start:end]], np.int64)
        states = States(at, at, at, {"open_interest": at.astype(np.float64)})
        thinned.add(states, np.array([telling for _, telling in came[start:end]], np.bool_))
    first: dict[int, int] = {}
    for local, telling in came:
        if telling:
            first.setdefault(local // every, local)
    account = thinned.account
    assert [at for part in thinned.parts for at in part.at.tolist()] == list(first.values())
    assert (account.rows, account.used, account.lost) == (len(came), len(first), 0)
    assert account.silent == sum(not telling for _, telling in came)


def test_spot_and_no_span_are_refused_before_anything_is_asked(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    with pytest.raises(ConfigError, match="is no perpetual"):
        bring(lake, sandbox, Market("bybit", "BTC/USDT"), tmp_path)
    with pytest.raises(ConfigError, match="of 0 ms"):
        bring(lake, sandbox, of("bybit"), tmp_path, every=0)
    assert EVERY == 15 * MINUTE
