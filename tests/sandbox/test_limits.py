"""Limits: what passes, what is refused, who is banned and for how long."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.sandbox.limits import GRACE, LONGEST_BAN, VENUES, Limiter
from qmd_platform.sandbox.server import running
from qmd_platform.venues import facts

Get = Callable[..., Any]
KLINES = "/api/v3/klines"
PAIRS = "/api/v4/spot/currency_pairs"
SIXTY_FOURTHS = st.integers(0, 192).map(lambda n: n / 64)
"""Seconds whose sums and differences are exact: the end of a window would be a matter of rounding otherwise."""


def test_the_limits_are_the_ones_the_clients_facts_were_written_from():
    """Written twice on purpose: what differs is a mistake in one of them."""
    for venue in facts.VENUES:
        for bucket, budget in facts.budgets(venue).items():
            ours = VENUES[venue].buckets[bucket]
            assert (ours.weight, ours.seconds) == (budget.weight, budget.seconds)


@given(st.lists(st.tuples(SIXTY_FOURTHS, st.integers(1, 4)), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(asked: list[tuple[float, int]]):
    limiter = Limiter({"gate": (10, 2.0)})
    now, passed = 0.0, []
    for pause, weight in asked:
        now += pause
        if limiter.verdict("gate", PAIRS, weight, now) is None:
            passed.append((now, weight))
    for end, _ in passed:
        assert sum(weight for at, weight in passed if end - 2.0 < at <= end) <= 10


@given(st.lists(st.floats(0, 1.5), max_size=60))
def test_whoever_waits_as_told_is_let_through_and_never_banned(pauses: list[float]):
    limiter = Limiter({"binance": (10, 2.0)})
    now = 0.0
    for pause in pauses:
        now += pause
        refusal = limiter.verdict("binance", KLINES, 2, now)
        if refusal is not None:
            assert refusal.status == 429
            now += refusal.retry_after
            assert limiter.verdict("binance", KLINES, 2, now) is None


def test_a_refusal_holds_for_its_bucket_until_the_time_it_names():
    limiter = Limiter({"gate": (2, 3.0)})
    assert [limiter.verdict("gate", PAIRS, 1, at) for at in (0.0, 0.4)] == [None, None]
    refusals = [limiter.verdict("gate", PAIRS, 1, at) for at in (0.5, 1.0, 2.9)]
    assert [(one.status, one.retry_after) for one in refusals if one] == [(429, 3), (429, 3), (429, 1)]
    assert limiter.verdict("gate", "/api/v4/futures/usdt/contracts", 1, 1.0) is None
    assert limiter.verdict("gate", PAIRS, 1, 3.5) is None


def test_who_asks_again_while_refused_is_banned_for_all_of_the_venue_and_longer_each_time():
    limiter = Limiter({"binance": (2, 10.0)})
    now, lengths = 0.0, []
    for _ in range(3):
        limiter.verdict("binance", KLINES, 2, now)
        on_the_way = [limiter.verdict("binance", KLINES, 2, now + part * GRACE) for part in (0, 0.5, 1.0)]
        assert [one.status for one in on_the_way if one] == [429] * 3
        ban = limiter.verdict("binance", KLINES, 2, now + 2 * GRACE)
        assert ban is not None
        assert ban.status == 418
        lengths.append(ban.retry_after)
        elsewhere = limiter.verdict("binance", "/fapi/v1/time", 1, now + 3 * GRACE)
        assert elsewhere is not None
        assert elsewhere.status == 418
        assert limiter.verdict("gate", PAIRS, 1, now + 3 * GRACE) is None
        now += 2 * GRACE + ban.retry_after
        assert limiter.verdict("binance", "/fapi/v1/time", 1, now) is None
        now += 100
    assert lengths == [20, 40, 80]
    assert lengths[-1] < LONGEST_BAN


def test_a_venue_without_bans_refuses_and_nothing_else():
    limiter = Limiter({"gate": (1, 10.0)})
    verdicts = [limiter.verdict("gate", PAIRS, 1, at / 10) for at in range(50)]
    assert {verdict.status for verdict in verdicts[1:] if verdict} == {429}


def test_without_limits_everything_passes_and_is_counted():
    limiter = Limiter()
    for at in range(300):
        assert limiter.verdict("gate", PAIRS, 1, at / 100) is None
    spot: Any = limiter.as_dict()["gate"]["spot"]  # type: ignore[index]  # JSON
    assert (spot["fullest"], spot["requests"], spot["refused"], spot["limit"]) == (300, 300, 0, 200)


def test_what_is_refused_is_counted_where_it_happened(get: Get):
    with running(limits={"binance": (10, 2.0), "gate.spot": (1, 30)}) as url:
        statuses = [get(url, KLINES, symbol="BTCUSDT", interval="1m").status for _ in range(7)]
        get(url, PAIRS)
        refused = get(url, PAIRS)
        stats = get(url, "/__sandbox/stats").json()
        get(url, "/__sandbox/reset", method="POST")
        after = get(url, PAIRS)
    assert statuses == [200] * 5 + [429] * 2
    assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
    assert refused.json()["label"] == "TOO_MANY_REQUESTS"
    spot = stats["limits"]["binance"]["spot"]
    assert (spot["weight"], spot["fullest"], spot["refused"], spot["bans"]) == (14, 14, 2, 0)
    assert stats["limits"]["gate"]["spot"]["refused"] == 1
    assert stats["statuses"] == {"200": 6, "429": 3}
    assert after.status == 200


def test_a_ban_speaks_as_binance_does(get: Get):
    with running(limits={"binance": (1, 30)}) as url:
        get(url, "/api/v3/ping")
        get(url, "/api/v3/ping")
        time.sleep(GRACE + 0.1)
        banned = get(url, "/fapi/v1/time"), get(url, "/api/v3/ping"), get(url, "/fapi/v1/time")
    assert [one.status for one in banned] == [200, 418, 418]
    assert banned[1].headers["Retry-After"] == "60"
    assert "IP banned" in banned[1].json()["msg"]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"gaet": (1, 1)}, "unknown venue 'gaet'.*did you mean gate"),
        ({"gate.spt": (1, 1)}, "gate has no bucket 'spt'.*did you mean spot"),
        ({"gate": (0, 1)}, "gate must be more than 0"),
    ],
)
def test_limits_that_cannot_be_are_refused(limits: dict[str, tuple[float, float]], says: str):
    with pytest.raises(ConfigError, match=says):
        Limiter(limits)
