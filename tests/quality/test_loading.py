"""Imports that are postponed until somebody uses them, and real then."""

import gc
import sys
from importlib import import_module

import pytest

from qmd_platform.quality.loading import collected_later, postponed

SMALL = "colorsys"
"""A module of the standard library that nobody here needs."""


@pytest.fixture(autouse=True)
def not_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, SMALL, raising=False)


def test_a_postponed_module_is_imported_when_it_is_first_used():
    with postponed((SMALL,)):
        early = import_module(SMALL)
        assert "rgb_to_hsv" not in vars(early)
    assert early.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)


def test_a_postponed_module_that_nobody_uses_is_not_imported():
    with postponed((SMALL,)):
        import_module(SMALL)
    assert SMALL not in sys.modules


def test_whoever_imports_it_afterwards_gets_the_real_one():
    with postponed((SMALL,)):
        early = import_module(SMALL)
    late = import_module(SMALL)
    assert late.__file__
    assert early.hls_to_rgb is late.hls_to_rgb


def test_a_module_that_is_there_already_stays_as_it_is():
    real = import_module(SMALL)
    with postponed((SMALL,)):
        assert import_module(SMALL) is real
    assert sys.modules[SMALL] is real


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(was_on: bool):  # noqa: FBT001 - a parameter of the test
    (gc.enable if was_on else gc.disable)()
    try:
        with collected_later():
            assert not gc.isenabled()
        assert gc.isenabled() == was_on
    finally:
        gc.enable()
