"""The receipt's picture: what it says, and that it stays small."""

from base64 import b64decode
from pathlib import Path
from subprocess import run
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.quality.chart import markdown_image, svg
from tests.quality.tables import all_there, clean, partition, with_value

WINDOW = partition().window
MINUTE = Timeframe.M1.step
RED, BLUE, ORANGE = "#d6453d", "#9db8d9", "#e39b2e"


def minutes(state: State, *starts: int, length: int = 1) -> list[Run]:
    begin = WINDOW.start
    return [Run(Window(begin + at * MINUTE, begin + (at + length) * MINUTE), state) for at in starts]


def texts(picture: str) -> list[str]:
    nodes = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 - our own text
    return [node.text or "" for node in nodes]


def test_a_picture_names_its_title_dates_and_prices():
    candles = clean()
    said = texts(svg(candles, all_there(partition()), WINDOW, "binance:BTC/USDT:1h <2026-02> & more"))
    assert said[0] == "binance:BTC/USDT:1h <2026-02> & more"
    assert {"Feb 1", "Feb 8", "Feb 15", "Feb 22", "present"} < set(said)
    prices = {text.replace(",", "") for text in said}
    for price in (candles.high.max(), candles.low.min(), candles.close[-1]):
        assert any(text.replace(".", "").isdigit() and abs(float(text) - price) <= 0.05 for text in prices)


def test_months_are_named_where_a_picture_spans_several():
    window = Window.of("2026-01-15", "2026-04-10")
    assert {"Feb 2026", "Mar 2026", "Apr 2026"} < set(texts(svg(clean(), [], window, "t")))


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.H1, Timeframe.D1])
def test_a_receipts_picture_is_at_most_8_kb_whatever_the_coverage(timeframe: Timeframe):
    days = range(0, 1440 * 27, 1440)
    for runs in ([], all_there(partition()), minutes(State.MISSING, *days), minutes(State.VERIFIED_EMPTY, *days[::2])):
        picture = markdown_image(clean(timeframe), [*runs, *minutes(State.PRESENT, *range(1, 30_000, 7))], WINDOW, "t")
        assert len(picture) <= 8192


def test_a_markdown_image_carries_the_picture_in_its_address():
    picture = markdown_image(clean(), [], WINDOW, "a [title]")
    head, _, data = picture.removesuffix(")").partition("base64,")
    assert head == "![a (title)](data:image/svg+xml;"
    assert b64decode(data).decode() == svg(clean(), [], WINDOW, "a [title]")


@pytest.mark.parametrize("crowd", [0, 500], ids=["few runs", "hundreds of runs"])
def test_a_single_missing_candle_is_seen(crowd: int):
    runs = [*minutes(State.PRESENT, 0, length=1000), *minutes(State.VERIFIED_EMPTY, *range(2000, 2000 + 3 * crowd, 3))]
    assert RED not in svg(clean(), runs, WINDOW, "t")
    assert RED in svg(clean(), [*runs, *minutes(State.MISSING, 1001)], WINDOW, "t")
    assert ORANGE in svg(clean(), [*runs, *minutes(State.QUARANTINED, 1001)], WINDOW, "t")


def test_scattered_empty_candles_do_not_paint_a_traded_month_empty():
    present = minutes(State.PRESENT, *range(0, 40_000, 10), length=9)
    picture = svg(clean(), [*present, *minutes(State.VERIFIED_EMPTY, *range(9, 40_000, 10))], WINDOW, "t")
    assert f'z" fill="{BLUE}"' not in picture
    assert "verified empty" in picture


def test_no_line_is_drawn_over_a_hole():
    candles = clean()
    holed = candles.take(np.r_[0:200, 400 : len(candles)])
    whole, cut = (svg(c, [], WINDOW, "t") for c in (candles, holed))
    lines = [picture.split('fill="none"')[0].rsplit('d="', 1)[1].count("M") for picture in (whole, cut)]
    assert lines == [1, 2]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_candles_still_make_a_picture(rows: int):
    picture = svg(clean().take(slice(0, rows)), all_there(partition()), WINDOW, "t")
    assert ("no candles" in texts(picture)) == (rows == 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_damaged_prices_do_not_spoil_the_picture(value: float):
    damaged = clean()
    for column in ("open", "high", "low", "close"):
        damaged = with_value(damaged, column, [0, 5, -1], value)
    ET.fromstring(svg(damaged, [], WINDOW, "t"))  # noqa: S314 - our own text
    assert "nan" not in svg(damaged, [], WINDOW, "t").split('fill="none"')[0]


def test_all_prices_equal_make_a_flat_line():
    flat = Candles(clean().open_at, *(np.full(len(clean()), 2.5),) * 5)
    assert "2.5" in texts(svg(flat, [], WINDOW, "t"))


def test_a_browser_shows_the_picture(chromium: Path, tmp_path: Path):
    page, shot = tmp_path / "page.html", tmp_path / "shot.png"
    address = markdown_image(clean(), all_there(partition()), WINDOW, "t").partition("](")[2].removesuffix(")")
    page.write_text(
        f'<img id="i" src="{address}"><p id="p"></p>'
        "<script>i.onload=()=>{p.textContent=`drawn ${i.naturalWidth}x${i.naturalHeight}`}</script>"
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={shot.parent / 'profile'}"]
    done = run(
        [chromium, *flags, "--virtual-time-budget=3000", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "drawn 720x256" in done.stdout
