"""The map as a picture: it is small, it names what it shows, and a single missing candle is seen in it."""

import base64
import re
from xml.etree import ElementTree as ET

import pytest

from qmd_platform.coverage.causes import UNPROVEN
from qmd_platform.coverage.gaps import gaps
from qmd_platform.coverage.heatmap import Line, line
from qmd_platform.coverage.picture import ROWS, markdown_image, svg
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, months
from tests.coverage.days import NOW

YEARS = Window.of("2023-12-01", "2026-11-21")
RED, AMBER, GREEN, BLUE = "#d6453d", "#e39b2e", "#3f9c6b", "#b7c6dc"


def one(name: str, runs: list[Run], window: Window = YEARS, timeframe: Timeframe = Timeframe.M1) -> Line:
    series = Series.candles(Market("binance", f"{name}/USDT:USDT"), timeframe)
    return line(series, window, window, runs, gaps([window], runs, [], NOW, timeframe.step))


def whole(name: str) -> Line:
    return one(name, [Run(YEARS, State.PRESENT)])


def torn(name: str, at: int = 0, state: State = State.MISSING) -> Line:
    """All there but one minute."""
    hole = Window(YEARS.start + at * MINUTE, YEARS.start + (at + 1) * MINUTE)
    runs = [Run(hole, state, UNPROVEN), Run(Window(hole.end, YEARS.end), State.PRESENT)]
    return one(
        name, runs if hole.start == YEARS.start else [Run(Window(YEARS.start, hole.start), State.PRESENT), *runs]
    )


def paths(picture: str) -> dict[str, str]:
    """The path of each colour."""
    return {colour: path for path, colour in re.findall(r'<path d="([^"]+)" fill="([^"]+)"', picture)}


def texts(picture: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(picture).iter() if node.tag.endswith("text")]  # noqa: S314 - our own


@pytest.mark.parametrize(("state", "colour"), [(State.MISSING, RED), (State.QUARANTINED, AMBER)])
def test_one_minute_of_three_years_is_seen(state: State, colour: str):
    picture = svg([torn("AAA", 700_000, state)], "binance")
    assert len(paths(picture)[colour].split("z")) == 2
    assert colour not in paths(svg([whole("AAA")], "binance"))
    assert "99.99 % of 1,563,840 candles" in texts(picture)[0]


def test_what_nobody_asked_for_is_not_drawn_as_missing():
    picture = svg([one("AAA", [])], "binance")
    assert set(paths(picture)) == {BLUE}
    assert "never asked for" in texts(picture)
    assert "missing" not in texts(picture)


def test_a_cell_is_filled_as_far_as_its_month_is_there():
    window = Window.of("2026-06-01", "2026-07-01")
    half = Window(window.start, (window.start + window.end) // 2)
    found = paths(svg([one("AAA", [Run(half, State.PRESENT)], window)], "binance"))
    deep = {colour: int(re.search(r"v(\d+)", path)[1]) for colour, path in found.items()}
    assert deep[GREEN] == deep[BLUE] == 9


def test_the_series_that_lack_most_are_on_top_and_the_rest_is_counted():
    lines = [whole(f"W{number:03d}") for number in range(ROWS)] + [torn("BAD"), torn("BBB")]
    said = texts(svg(lines, "binance"))
    names = [text for text in said if text.endswith("USDT:USDT")]
    assert names[:2] == ["BAD/USDT:USDT", "BBB/USDT:USDT"]
    assert len(names) == ROWS
    assert f"the {ROWS} worst of {ROWS + 2} series" in said[1]


@pytest.mark.parametrize("rows", [1, 16, 17, 30, 31, ROWS])
def test_pictures_stay_small_and_well_formed_however_many_series(rows: int):
    picture = svg([torn(f"M{row:03d}", row * 11_000) for row in range(rows)], "binance")
    height = int(ET.fromstring(picture).attrib["height"])  # noqa: S314 - our own
    assert height <= 740
    assert len(picture) < 32_000


def test_years_and_months_are_named():
    said = texts(svg([whole("AAA")], "binance"))
    letters = [text for text in said if len(text) == 1]
    assert [text for text in said if text in {"2023", "2024", "2025", "2026"}] == ["2024", "2025", "2026"]
    assert "".join(letters) == "DJFMAMJJASONDJFMAMJJASONDJFMAMJJASON"
    assert len(letters) == len(list(months(YEARS)))


def test_a_venue_with_two_timeframes_names_them():
    hours = one("AAA", [], timeframe=Timeframe.H1)
    said = texts(svg([whole("AAA"), hours], "binance"))
    assert {"AAA/USDT:USDT 1m", "AAA/USDT:USDT 1h"} <= set(said)


def test_nothing_at_all_is_a_picture_too():
    assert "nothing is missing" in texts(svg([], "binance"))


def test_it_travels_inside_markdown():
    picture = markdown_image([whole("AAA")], "a [map]")
    address = re.fullmatch(r"!\[a \(map\)\]\(data:image/svg\+xml;base64,(.+)\)", picture)
    assert address
    assert base64.b64decode(address[1]).decode() == svg([whole("AAA")], "a [map]")
