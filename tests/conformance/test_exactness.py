"""Every float64 comes back with the bits it had, through commit, sealing and rebuilding of files (P8)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.making import MINUTE, MINUTES, far_future, noise

JANUARY = Partition(MINUTES, "2026-01")
FEW = 1500
"""Rows of the small tests: more than one day, so sealing has something to do."""

decimals = st.builds(lambda whole, digits: whole / 10.0**digits, st.integers(-(2**53), 2**53), st.integers(0, 16))
patterns = st.integers(0, 2**64 - 1).map(lambda number: float(np.array([number], np.uint64).view(np.float64)[0]))
values = st.one_of(decimals, patterns, st.floats(width=32), st.integers(-(2**63), 2**63).map(float))


def all_kinds() -> NDArray[np.float64]:
    """Every exponent and sign with the least, the greatest and two other fractions: all kinds of float64 there are."""
    rng = np.random.default_rng(7)
    exponents = np.arange(2048, dtype=np.uint64) << np.uint64(52)
    fractions = [np.zeros(2048, np.uint64), np.ones(2048, np.uint64), np.full(2048, 2**52 - 1, np.uint64)]
    fractions.append(rng.integers(0, 2**52, 2048, np.uint64))
    positive = np.concatenate([exponents | fraction for fraction in fractions])
    return np.concatenate([positive, positive | np.uint64(1 << 63)]).view(np.float64)


def test_all_kinds_of_numbers_come_back_as_they_were(backend: Backend):
    column = all_kinds()
    at = JANUARY.window.start + np.arange(len(column)) * MINUTE
    turned = [np.roll(column, number * 1000) for number in range(5)]
    with backend.open() as lake:
        assert_exact(lake, Candles(at, *turned))
    record("bit-exact, all kinds of float64", backend.name, trials=5 * len(column))


@pytest.mark.parametrize("place", ["first", "last", "alone in its column", "everywhere"])
def test_odd_numbers_among_plain_ones_come_back_as_they_were(backend: Backend, examples: int, place: str):
    @settings(max_examples=examples, deadline=None)
    @given(st.lists(values, min_size=1, max_size=8))
    def run(odd: list[float]) -> None:
        candles = noise(JANUARY, 1000, 1000 + FEW, seed=1)
        column = candles.volume if place == "alone in its column" else candles.close
        column[slice(-len(odd), None) if place == "last" else slice(len(odd))] = odd
        if place == "everywhere":
            rng = np.random.default_rng(len(odd))
            for name in ("open", "high", "low", "close", "volume"):
                getattr(candles, name)[:] = rng.choice(odd, FEW)
        with backend.fresh().open() as lake:
            assert_exact(lake, candles)

    run()
    record("bit-exact, odd numbers among plain ones", backend.name, trials=examples * FEW * 5)


def assert_exact(lake: Lake, candles: Candles) -> None:
    """Commit in two parts, read, seal, read."""
    half = len(candles) // 2
    for part in (candles.take(slice(half)), candles.take(slice(half, None))):
        lake.commit([Write(JANUARY, part.to_arrow())], run_id="r", source="s")
    assert lake.candles(MINUTES).equals(candles)
    seal(lake, run_id="r", now=far_future())
    assert len(lake.ledger.segments(MINUTES)) == 1
    assert lake.candles(MINUTES).equals(candles)
    assert Candles.from_arrow(lake.read(MINUTES)).equals(candles)
