"""Any faults together, in any order, over any window: nothing false is ever held, every row is accounted for, and once
the faults are over one more run makes it the truth."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qmd_platform.errors import VenueError
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.ingest.accounts import BITFINEX, BYBIT, GATE, NOW, OKX, SPOT, USDM, Fault, Played

LAST = instant("2026-03-05T12:00:00Z")

_WHICH = st.one_of(
    st.fixed_dictionaries({"every": st.integers(1, 4)}),
    st.fixed_dictionaries({"at": st.lists(st.integers(1, 8), min_size=1, max_size=4)}),
    st.fixed_dictionaries({"first": st.integers(1, 5)}),
)
_BODIES = ["truncated_json", "html", "cut_connection", "server_error"]
_ROWS = ["empty_page", "short_page", "descending", "duplicates", "contradicting", "forming", "outside", "misaligned"]


def _of(kind: str) -> st.SearchStrategy[Fault]:
    return st.builds(lambda which: {"kind": kind, **which}, _WHICH)


_BAD = st.builds(
    lambda value, which: {"kind": "bad_values", "value": value, **which},
    st.sampled_from(["low_above_high", "negative"]),
    _WHICH,
)
# Failing answers cost waits, so they strike at most twice: what they do for ever has tests of its own.
_FAILING = st.builds(lambda kind, at: {"kind": kind, "at": at}, st.sampled_from(_BODIES), st.just([2, 5]))
_SKEW = st.builds(lambda seconds: {"kind": "clock_skew", "seconds": seconds}, st.integers(-600, 0))
REQUESTS = st.lists(st.one_of(*map(_of, _ROWS), _BAD, _FAILING, _SKEW), min_size=1, max_size=4)


@st.composite
def gaps(draw: st.DrawFn, market: Market) -> list[Fault]:
    """Up to two gaps of the market itself, which stay."""
    found: list[Fault] = []
    for _ in range(draw(st.integers(0, 2))):
        start = LAST - draw(st.integers(1, 700)) * MINUTE
        end = start + draw(st.integers(1, 90)) * MINUTE
        flat = {"flat": True} if market.venue != "bitfinex" and draw(st.booleans()) else {}
        # Candles follow: a gap that reaches up to now is not told from an outage yet.
        end = min(end, LAST - 5 * MINUTE)
        found.append({"kind": "gap", "market": str(market), "start": start, "end": end, **flat})
    return [gap for gap in found if gap["start"] < gap["end"]]  # type: ignore[operator]  # both are instants


pytestmark = pytest.mark.slow  # the waits between tries


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=instant(NOW)) as served:
        yield served


@contextmanager
def fresh(sandbox: Sandbox) -> Iterator[Played]:
    """An empty lake, and the sandbox's counters at zero."""
    sandbox.reset()
    with tempfile.TemporaryDirectory() as folder, Lake.open(Path(folder) / "lake") as lake:
        yield Played(lake, sandbox)


# Shrinking asks a server hundreds of times more, waits and all; the seed that is printed reproduces a failure.
@settings(
    max_examples=30, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
@given(
    data=st.data(),
    market=st.sampled_from([SPOT, USDM, GATE, BITFINEX, OKX, BYBIT]),
    first=st.integers(30, 700),
    length=st.integers(1, 700),
    faults=REQUESTS,
)
def test_any_faults_together_leave_no_false_candle_no_lost_row_and_end_in_the_truth(
    sandbox: Sandbox, *, data: st.DataObject, market: Market, first: int, length: int, faults: list[Fault]
):
    lasting = data.draw(gaps(market), label="gaps")
    window = Window(LAST - first * MINUTE, min(LAST - (first - length) * MINUTE, LAST))
    sandbox.plan_faults([*faults, *lasting])
    with fresh(sandbox) as played:
        try:
            played.fill([market], window)
        except VenueError:  # every answer failed: nothing is held, and the rows are in no receipt
            played.receipts.clear()
            sandbox.reset()
        true = played.truth(market, window)
        held = played.held(market)
        assert set(held.open_at.tolist()) <= set(true.open_at.tolist())
        assert held.equals(true.take([at in set(held.open_at.tolist()) for at in true.open_at.tolist()]))
        empty = played.windows(market, State.VERIFIED_EMPTY, window)
        assert not any(one.contains(at) for one in empty for at in true.open_at.tolist())
        sandbox.plan_faults(lasting)
        played.fill([market], window)
        played.assert_true([market], window)
        played.assert_conserved([market])
