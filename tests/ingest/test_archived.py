"""What the archive gives of a month and the API adds to it is the month, whatever is wrong with the files."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.coverage.sources import Source
from qmd_platform.ingest.archived import Shelved, agreed, shelved
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.pages import convinced
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_window
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.server import running
from qmd_platform.venues import paging
from qmd_platform.venues.archive import Archive
from qmd_platform.venues.archive_check import Disagreement
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Traffic
from qmd_platform.venues.retry import Patience

NOW = "2026-11-20T13:00:00Z"
BTC = Market("binance", "BTC/USDT")
M5 = Timeframe.M5
STEP = M5.step
OCTOBER = month_window("2026-10")
PAGES = 9
"""Of a month of 5m candles."""

LIMIT = 1000


@dataclass
class Came:
    """A month as it came."""

    shelf: Shelved
    asked: list[Window]
    again: list[Window]
    differing: list[Disagreement]
    compared: int
    answers: list[Fetched] = field(default_factory=list)

    @property
    def candles(self) -> Candles:
        """All rows; of a candle that both sources have, the API's, which is committed last."""
        rows = Candles.concat([one.candles for one in [*self.shelf.taken, *self.answers]])
        last = {int(at): row for row, at in enumerate(rows.open_at)}
        return rows.take(np.array([last[at] for at in sorted(last)]))


def came(url: str, window: Window = OCTOBER, market: Market = BTC) -> Came:
    async def asked() -> Came:
        patience = Patience(tries=2, base_seconds=0.001)
        async with client("binance", venue_url=url, patience=patience) as api:
            listed: list[Instrument] = await api.instruments()
            async with Archive("binance", instruments=listed, venue_url=url, patience=patience) as archive:
                question = Question(api, market, M5, 0, instant(NOW) // STEP * STEP)
                shelf = await shelved(archive, question, [window], instant(NOW), Traffic())
                pages = shelf.pages(STEP, LIMIT)
                answers = [Fetched(page) for page in pages]
                for one in answers:
                    await convinced(question, one, Traffic())
                differing, compared, dropped = agreed(shelf, answers, STEP)
                again = [Fetched(page) for page in paging.pages(dropped, STEP, LIMIT)]
                for one in again:
                    await convinced(question, one, Traffic())
        return Came(shelf, pages, [one.window for one in again], differing, compared, [*answers, *again])

    return asyncio.run(asked())


@contextmanager
def exchange(tmp_path: Path, *defects: str) -> Iterator[str]:
    """A sandbox; each defect is ``kind part-of-the-path``."""
    file = tmp_path / "archive.toml"
    entries = [f'[[file]]\ndefect = "{kind}"\npath = "{path}"\n' for kind, path in map(str.split, defects)]
    file.write_text("\n".join(entries))
    with running(now=NOW, archive_files=file) as url:
        yield url


def right(window: Window = OCTOBER) -> Candles:
    return truth(BTC, M5, window, instant(NOW))


def test_a_closed_month_is_one_file_and_one_page_to_compare(tmp_path: Path):
    with exchange(tmp_path) as url:
        got = came(url)
    assert got.candles.equals(right())
    assert [one.source for one in got.shelf.taken] == [Source.MONTH]
    assert (got.asked, got.again) == ([got.shelf.sample], [])
    assert (got.compared, got.differing) == (LIMIT, [])


UNUSABLE = ("absent", "no_checksum", "wrong_checksum", "broken_zip", "truncated_zip")


@pytest.mark.parametrize("kind", UNUSABLE)
def test_the_api_takes_the_place_of_a_file_that_is_of_no_use(tmp_path: Path, kind: str):
    # A day of 5m candles is less than a page, so no day's file is worth it.
    with exchange(tmp_path, f"{kind} 5m-2026-10.zip") as url:
        got = came(url)
    assert got.candles.equals(right())
    assert got.shelf.taken == []
    assert len(got.asked) == PAGES
    (failed,) = got.shelf.failed
    assert failed.window == OCTOBER
    assert failed.error.startswith("binance: ")


def test_days_take_the_place_of_a_month_where_they_are_worth_it(tmp_path: Path):
    three = Window.of("2026-10-05", "2026-10-15")
    market, step = BTC, Timeframe.M1

    async def asked(url: str) -> Shelved:
        async with client("binance", venue_url=url) as api:
            listed = await api.instruments()
            async with Archive("binance", instruments=listed, venue_url=url) as archive:
                question = Question(api, market, step, 0, instant(NOW))
                return await shelved(archive, question, [three], instant(NOW), Traffic())

    with exchange(tmp_path, "broken_zip 1m-2026-10.zip", "absent 1m-2026-10-07") as url:
        shelf = asyncio.run(asked(url))
    assert [one.source for one in shelf.taken] == [Source.DAY] * 9
    assert shelf.left == [Window.of("2026-10-07", "2026-10-08")]
    assert len(shelf.failed) == 2
    assert shelf.sample is not None


def test_files_that_came_before_the_deadline_are_kept(tmp_path: Path):
    ten = Window.of("2026-10-05", "2026-10-15")
    hung = {"kind": "hang", "path": "1m-2026-10-07.zip", "seconds": 60}

    async def asked(url: str) -> Shelved:
        async with client("binance", venue_url=url) as api:
            listed = await api.instruments()
            async with Archive("binance", instruments=listed, venue_url=url) as archive:
                question = Question(api, BTC, Timeframe.M1, 0, instant(NOW))
                until = asyncio.get_running_loop().time() + 3
                return await shelved(archive, question, [ten], instant(NOW), Traffic(), until=until)

    file = tmp_path / "archive.toml"
    file.write_text('[[file]]\ndefect = "absent"\npath = "1m-2026-10.zip"\n')
    with running(now=NOW, archive_files=file, faults=[hung]) as url:
        shelf = asyncio.run(asked(url))
    assert shelf.left == [Window.of("2026-10-07", "2026-10-08")]
    assert len(shelf.taken) == 9
    assert shelf.sample is not None


@pytest.mark.parametrize("kind", ["header", "ms", "duplicated"])
def test_how_a_file_is_written_makes_no_difference(tmp_path: Path, kind: str):
    with exchange(tmp_path, f"{kind} 5m-2026-10") as url:
        got = came(url)
    assert got.candles.equals(right())
    assert len(got.asked) == 1
    assert sum(part.duplicates for one in got.shelf.taken for part in one.parts) == 100 * (kind == "duplicated")


def test_what_a_short_file_lacks_comes_from_the_api(tmp_path: Path):
    with exchange(tmp_path, "short 5m-2026-10.zip") as url:
        got = came(url)
    assert got.candles.equals(right())
    third = len(right()) // 3
    assert got.shelf.left == [Window(OCTOBER.start + third * STEP, OCTOBER.end)]
    assert len(got.shelf.taken[0].candles) == third
    assert len(got.asked) <= PAGES


def test_holes_in_a_file_are_asked_for_at_the_api_several_on_a_page(tmp_path: Path):
    with exchange(tmp_path, "holes 5m-2026-10.zip") as url:
        got = came(url)
    assert got.candles.equals(right())
    assert len(got.shelf.left) == 30
    assert len(got.asked) <= PAGES


@pytest.mark.parametrize("kind", ["wrong_market", "restated"])
def test_of_a_file_that_the_api_contradicts_nothing_is_taken(tmp_path: Path, kind: str):
    with exchange(tmp_path, f"{kind} 5m-2026-10") as url:
        got = came(url)
    assert got.candles.equals(right())
    assert got.shelf.taken == []
    (failed,) = got.shelf.failed
    assert failed.digest
    assert failed.error == f"the API contradicts it: {len(got.differing)} of 1000 candles"
    assert len(got.differing) == (LIMIT if kind == "wrong_market" else LIMIT // 50)
    assert got.again
    assert [one for one in got.again if got.asked[0].intersection(one)] == []  # the sample was asked for already


def test_of_single_candles_that_differ_the_api_has_the_say(tmp_path: Path):
    file = tmp_path / "archive.toml"
    file.write_text('[[file]]\ndefect = "restated"\nevery = 200\n')
    with running(now=NOW, archive_files=file) as url:
        got = came(url)
    assert [one.column for one in got.differing] == ["volume"] * 5
    assert all(one.archive == 2 * (one.api or 0) for one in got.differing)
    assert len(got.shelf.taken) == 1
    assert got.shelf.sample is not None
    assert got.candles.within(got.shelf.sample).equals(right(got.shelf.sample))
    assert not got.candles.equals(right())  # outside the sample nobody looked: the nightly verification does


def test_an_api_that_does_not_answer_contradicts_nothing(tmp_path: Path):
    with exchange(tmp_path) as url:
        got = came(url)
    silent = Fetched(got.asked[0], explained=[Run(got.asked[0], State.MISSING, "no answer")])
    assert agreed(got.shelf, [silent], STEP) == ([], 0, [])
    early = Fetched(got.asked[0], undecided=[got.asked[0]])
    assert agreed(got.shelf, [early], STEP) == ([], 0, [])
    assert agreed(got.shelf, [], STEP) == ([], 0, [])
    assert len(got.shelf.taken) == 1


def test_a_market_that_has_no_archive_is_left_to_the_api(tmp_path: Path):
    async def asked() -> Shelved:
        async with client("gate", venue_url="http://127.0.0.1:9") as api, Archive("gate") as archive:
            question = Question(api, Market("gate", "BTC/USDT"), M5, 0, instant(NOW))
            return await shelved(archive, question, [OCTOBER], instant(NOW), Traffic())

    shelf = asyncio.run(asked())
    assert (shelf.left, shelf.taken, shelf.failed, shelf.sample) == ([OCTOBER], [], [], None)
