"""qmd opportunities: what is shown, in which zone, since when; and what to do where there is nothing."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake
from qmd_platform.ledger.opportunities import KeptEpisode, Source, keep
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, instant
from tests.cli.conftest import Qmd, answer
from tests.ingest.fundedlake import every, put_funding

HOUR = 3_600_000


def held(now: Instant, hours: int = 1) -> KeptEpisode:
    return KeptEpisode(
        "binance:BTC/USDT:USDT",
        "gate:BTC/USDT:USDT",
        began=now - 30 * 24 * HOUR,
        number=3,
        kind="spread",
        underlying="BTC",
        state="HOLD",
        since=now - hours * HOUR,
        opened=now - 2 * HOUR,
        closed=None,
        ended=None,
        reason="net return above 10.00% a year for 3 settlements in a row",
        net_per_year=0.1234,
        best_net_per_year=0.2,
        break_even_hours=81.5,
        flags="INTERVAL_MISMATCH LOW_PERSISTENCE",
        rule_version="1-ab",
        data_versions="venue_spreads:0123",
    )


def put(home: Path, *episodes: KeptEpisode) -> None:
    with Lake.open(home / "lake") as lake:
        keep(lake.ledger.database, episodes, Source(1, {"2026-11": "ab"}))


@pytest.fixture
def seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process lives in Seoul, nine hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    os.environ.pop("TZ")
    time.tzset()


@pytest.fixture
def now() -> Instant:
    return time.time_ns() // 1_000_000


def test_a_pair_is_shown_with_its_state_figures_flags_and_reason(qmd: Qmd, own_home: Path):
    at = instant("2026-11-20T14:05:00Z")
    put(own_home, held(at, 0), replace(held(at), began=1, state="NONE", ended=at, break_even_hours=float("inf")))
    result = qmd("opportunities")
    assert result.exit_code == 0, result.output
    first, second = [line for line in result.stdout.splitlines() if "binance:BTC/USDT:USDT" in line]
    for said in (
        "gate:BTC/USDT:USDT",
        "HOLD",
        "2026-11-20 14:05",
        "12.34 %",
        "82 h",
        "LOW_PERSISTENCE",
        "above 10.00%",
    ):
        assert said in first
    assert "NONE" in second
    assert "never" in second
    assert "since (UTC)" in result.stdout
    assert "2 episodes: 1 held, 0 watched." in result.stdout


def test_times_are_shown_in_the_zone_that_is_asked_for(qmd: Qmd, own_home: Path):
    put(own_home, held(instant("2026-11-20T14:05:00Z"), 0))
    shown = qmd("opportunities", "--zone", "Asia/Seoul").stdout
    assert "since (Asia/Seoul)" in shown
    assert "2026-11-20 23:05" in shown
    (document,) = answer(qmd("opportunities", "--zone", "+09:00", "--json"))
    assert document["since"] == "2026-11-20T23:05:00+09:00"
    assert instant(document["began_at"]) == held(instant("2026-11-20T14:05:00Z"), 0).began


@pytest.mark.usefixtures("seoul")
def test_the_last_day_has_its_24_hours_wherever_one_lives(qmd: Qmd, own_home: Path, now: Instant):
    # One that ended in each of the last 30 hours: in a clock nine hours ahead 15 of the 24 would be left.
    ended = [replace(held(now), began=hour, state="NONE", ended=now - hour * HOUR + HOUR // 2) for hour in range(1, 31)]
    put(own_home, *ended)
    assert len(answer(qmd("opportunities", "--since", "24h", "--json"))) == 24
    assert "24 episodes" in qmd("opportunities", "--since", "1d", "--zone", "America/New_York").stdout


def test_what_goes_on_is_there_however_long_ago_it_changed(qmd: Qmd, own_home: Path, now: Instant):
    put(own_home, held(now, 500), replace(held(now), began=2, state="NONE", ended=now - 500 * HOUR))
    (document,) = answer(qmd("opportunities", "--since", "24h", "--json"))
    assert (document["state"], document["episode"], document["net_per_year"]) == ("HOLD", 3, 0.1234)
    assert document["flags"] == ["INTERVAL_MISMATCH", "LOW_PERSISTENCE"]
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now - 501 * HOUR) / 1000))
    assert len(answer(qmd("opportunities", "--since", since, "--json"))) == 2


def test_they_are_chosen_by_coin_and_state(qmd: Qmd, own_home: Path, now: Instant):
    other = replace(held(now), underlying="ETH", began=2, state="WATCH", break_even_hours=float("inf"))
    put(own_home, held(now), other)
    assert [one["underlying"] for one in answer(qmd("opportunities", "--json"))] == ["BTC", "ETH"]
    assert [one["underlying"] for one in answer(qmd("opportunities", "--underlying", "eth", "--json"))] == ["ETH"]
    (watched,) = answer(qmd("opportunities", "--state", "watch", "--json"))
    assert (watched["break_even_hours"], watched["breaks_even"]) == (None, False)
    assert len(answer(qmd("opportunities", "--state", "WATCH", "--state", "HOLD", "--json"))) == 2


def test_more_than_fit_are_counted(qmd: Qmd, own_home: Path, now: Instant):
    put(own_home, *(replace(held(now), began=number) for number in range(5)))
    shown = qmd("opportunities", "--limit", "2").stdout
    assert shown.count("HOLD") == 2
    assert "... and 3 more: --limit N" in shown
    assert "5 episodes: 5 held" in shown


def test_where_there_is_nothing_one_is_told_what_to_do(qmd: Qmd, own_home: Path, now: Instant):
    with Lake.open(own_home / "lake"):
        pass
    assert "materialise arbitrage/opportunities" in qmd("opportunities").stdout
    assert answer(qmd("opportunities", "--json")) == []
    put(own_home)
    assert "[arbitrage.opportunities]" in qmd("opportunities").stdout
    put(own_home, held(now))
    with Lake.open(own_home / "lake") as lake:
        put_funding(lake, Market.parse("gate:DOGE/USDT:USDT"), every(8, [1e-4] * 3, first=now // HOUR * HOUR))
    nothing = qmd("opportunities", "--underlying", "DOGE")
    assert (nothing.exit_code, "There are some of: BTC." in nothing.stdout) == (0, True)
    assert "leave out --state" in qmd("opportunities", "--underlying", "BTC", "--state", "WATCH").stdout


def test_a_coin_that_the_lake_has_no_market_of_is_refused_with_those_that_look_like_it(
    qmd: Qmd, own_home: Path, now: Instant
):
    put(own_home, held(now), replace(held(now), underlying="ETH", began=2))
    for more in ((), ("--json",), ("--state", "WATCH")):
        refused = qmd("opportunities", "--underlying", "btcc", *more)
        assert refused.exit_code == 2
        assert "the lake has no market of 'BTCC'" in refused.output
        assert "did you mean BTC?" in refused.output


def test_figures_that_are_as_old_as_the_change_are_named_so(qmd: Qmd, own_home: Path, now: Instant):
    put(own_home, held(now))
    shown = qmd("opportunities").stdout
    head = next(line for line in shown.splitlines() if "coin" in line)
    assert ("net then" in head, "even then" in head) == (True, True)
    assert "then: net a year and break-even at the change that decided" in shown


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is not a length of time", "24h"),
        (("--since", "24"), "has no unit", "2026-11-01T08:30:00Z"),
        (("--since", "-24h"), "is negative", "24h"),
        (("--since", "2026-11-01T08:30"), "has no time zone", "Z for UTC"),
        (("--since", "2026-13-01"), "is not a time", "2026-11-01"),
        (("--state", "OPENED"), "'OPENED' is not a state", "OPEN"),
        (("--zone", "KST9"), "'KST9' is not a time zone", "Europe/London"),
        (("--limit", "0"), "0 is not in the range", "--help"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    qmd: Qmd, own_home: Path, given: tuple[str, ...], says: str, hint: str
):
    put(own_home, held(instant("2026-11-20")))
    result = qmd("opportunities", *given)
    assert result.exit_code == 2
    assert says in result.stderr
    assert hint in result.stderr


def test_a_lake_that_is_not_there_is_not_made_by_looking(qmd: Qmd, own_home: Path):
    assert qmd("opportunities").exit_code == 2
    assert not own_home.exists()
