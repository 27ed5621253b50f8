"""What the report says of the life of a pair is what `qmd opportunities` says of it."""

from qmd_platform.model.window import instant, iso
from qmd_platform.report.records import Change, Life

BEGAN, HELD, ENDED = (instant(f"2026-11-{day}T00:00Z") for day in (15, 16, 18))
WATCHED = Change(BEGAN, "NONE", "WATCH", "net return above 10.00% a year", 5, BEGAN)
OPENED = Change(HELD, "WATCH", "HOLD", "for 3 settlements in a row", 5, BEGAN)
CLOSED = Change(ENDED, "HOLD", "NONE", "net return below 0.00% a year", 5, BEGAN)


def test_since_when_it_is_held_is_told_apart_from_when_its_episode_began():
    assert Life((WATCHED,)).told(iso) == f"since {iso(BEGAN)} UTC, episode 5 since {iso(BEGAN)}"
    assert Life((WATCHED, OPENED)).told(iso) == f"since {iso(HELD)} UTC, episode 5 since {iso(BEGAN)}"


def test_an_episode_that_is_over_is_told_by_its_end():
    assert Life((WATCHED, OPENED, CLOSED)).told(iso) == f"episode 5 ended {iso(ENDED)} UTC"
