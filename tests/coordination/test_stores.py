"""A store keeps texts, changes them only from what they were, has a clock, and is the same for all processes."""

import time
from pathlib import Path

import pytest

from qmd_platform.coordination.away import StoreAway
from qmd_platform.coordination.opening import Coordination
from tests.coordination.crew import Process, together
from tests.coordination.stores import Somewhere


def test_a_text_is_changed_only_from_what_it_was(coordination: Coordination):
    store = coordination.store
    key = "k"
    assert store.read(key).text is None
    assert not store.swap(key, "something", "new")
    assert store.swap(key, None, "eins, zwei äöü€ ' \" \\")
    assert not store.swap(key, None, "again")
    assert store.read(key).text == "eins, zwei äöü€ ' \" \\"
    assert not store.swap(key, "other", "new")
    assert store.swap(key, "eins, zwei äöü€ ' \" \\", "new")
    assert (store.read(key).text, store.read("another").text) == ("new", None)


def test_its_clock_is_about_right_and_goes_on(coordination: Coordination):
    first = coordination.store.read("k").now
    second = coordination.store.read("k").now
    assert first <= second
    assert abs(second - time.time()) < 5


@pytest.mark.slow
def test_of_changes_that_race_none_is_lost(place: Somewhere, racers: list[Process]):
    together(racers, lambda _: [place.text, "count", "100"])
    with place.opened() as coordination:
        assert coordination.store.read("count").text == "800"


def test_a_store_that_is_closed_opens_again(coordination: Coordination):
    coordination.store.swap("k", None, "kept")
    coordination.store.close()
    assert coordination.store.read("k").text == "kept"


@pytest.mark.parametrize("server", ["postgresql://qmd:secret@127.0.0.1:1/qmd", "redis://:secret@127.0.0.1:1/0"])
def test_a_server_that_is_not_there_is_away_at_once_and_its_password_is_not_told(server: str, tmp_path: Path):
    place = Somewhere(str(tmp_path), **{server.partition(":")[0].replace("postgresql", "postgres"): server})
    began = time.monotonic()
    with place.opened() as coordination, pytest.raises(StoreAway) as told:
        coordination.store.read("k")
    assert time.monotonic() - began < 10
    assert "secret" not in str(told.value)
    assert "127.0.0.1" in str(told.value)
