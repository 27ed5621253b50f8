"""Files of Tardis's: downloaded once, whole or not at all, and every refusal told as what it is."""

import asyncio
import gzip
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pytest

from qmd_platform.errors import ArchiveAbsent, ArchiveDamaged, BadPage, LakeError, Refused, UnknownMarket, VenueDown
from qmd_platform.model.window import Window
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.tardis import KEY
from qmd_platform.venues.retry import Patience
from qmd_platform.venues.tardis import api, reading
from qmd_platform.venues.tardis.datasets import TYPES, days
from qmd_platform.venues.tardis.downloads import File, Files
from qmd_platform.venues.tardis.wire import Wire
from tests.venues.asking import QUICK
from tests.venues.writtenserver import Reply, Server, writing

T = TypeVar("T")
FIRST, SECOND = days(Window.of("2026-11-01", "2026-11-03"))
NAME = "/v1/bybit/trades/2026/11/01/BTCUSDT.csv.gz"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TARDIS_API_KEY", raising=False)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now="2026-11-20T12:00:00Z") as served:
        yield served


@pytest.fixture(autouse=True)
def healthy(sandbox: Sandbox) -> Iterator[None]:
    sandbox.reset()
    yield
    sandbox.plan_faults(None)


def with_wire(url: str, ask: Callable[[Wire], Awaitable[T]], *, key: str = "", patience: Patience = QUICK) -> T:
    async def go() -> T:
        async with Wire(url=url, key=key, patience=patience) as wire:
            return await ask(wire)

    return asyncio.run(go())


def fetched(url: str, root: Path, day: Window = FIRST, **options: Any) -> File:
    return with_wire(url, lambda wire: Files(root, wire).file("bybit", "trades", day, "BTCUSDT"), **options)


def left(root: Path) -> list[Path]:
    return [one for one in root.rglob("*") if one.is_file()]


def test_a_file_is_downloaded_once_kept_as_it_came_and_found_again(sandbox: Sandbox, tmp_path: Path):
    new = fetched(sandbox.url, tmp_path)
    again = fetched(sandbox.url, tmp_path)
    assert (new.is_new, again.is_new) == (True, False)
    assert (new.digest, new.name, new.day) == (again.digest, NAME, FIRST)
    assert new.digest == hashlib.sha256(new.path.read_bytes()).hexdigest()
    assert left(tmp_path) == [tmp_path / NAME[1:]]
    assert [one["status"] for one in sandbox.requests()] == [200]
    assert sum(batch.num_rows for batch in reading.batches(new.path, TYPES["trades"])) > 5_000


def test_a_day_that_is_not_the_first_of_a_month_is_refused_without_a_key(sandbox: Sandbox, tmp_path: Path):
    with pytest.raises(Refused, match=r"HTTP 401: .*first day of each month") as caught:
        fetched(sandbox.url, tmp_path, SECOND)
    assert caught.value.hint == "there is no key; set TARDIS_API_KEY. The first day of each month is free without one"
    assert [one["status"] for one in sandbox.requests()] == [401]
    assert not left(tmp_path)


def test_a_key_of_the_environment_is_sent_and_a_wrong_one_is_told_apart_from_none(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TARDIS_API_KEY", "TD.other")
    with pytest.raises(Refused) as caught:
        fetched(sandbox.url, tmp_path, SECOND)
    assert "the key in TARDIS_API_KEY is not valid, or does not reach so far" in str(caught.value)
    assert "TD.other" not in str(caught.value)
    monkeypatch.setenv("TARDIS_API_KEY", KEY)
    assert fetched(sandbox.url, tmp_path, SECOND).is_new


def test_a_day_that_is_not_published_is_absent_and_asked_for_once(sandbox: Sandbox, tmp_path: Path):
    (unpublished,) = days(Window.of("2026-11-20", "2026-11-21"))
    with pytest.raises(ArchiveAbsent, match=r"2026/11/20/BTCUSDT\.csv\.gz"):
        fetched(sandbox.url, tmp_path, unpublished, key=KEY)
    assert [one["status"] for one in sandbox.requests()] == [404]
    assert not left(tmp_path)


def test_a_refusal_for_speed_is_waited_out_as_long_as_it_says(sandbox: Sandbox, tmp_path: Path):
    sandbox.plan_faults([{"kind": "throttle", "path": "/v1/bybit", "retry_after": 0.25, "times": 2}])
    traffic = with_wire(sandbox.url, lambda wire: _fetched_with(wire, tmp_path))
    assert [one["status"] for one in sandbox.requests()] == [429, 429, 200]
    assert traffic.failures == {"Throttled": 2}
    assert traffic.waits_seconds >= 0.4


async def _fetched_with(wire: Wire, root: Path) -> Any:
    await Files(root, wire).file("bybit", "trades", FIRST, "BTCUSDT")
    return wire.traffic


def test_a_server_that_fails_or_hangs_up_is_asked_again(sandbox: Sandbox, tmp_path: Path):
    faults = [{"kind": kind, "path": "/v1/bybit", "times": 1} for kind in ("server_error", "cut_connection")]
    sandbox.plan_faults(faults)
    assert fetched(sandbox.url, tmp_path).is_new
    assert [one["status"] for one in sandbox.requests()] == [503, None, 200]


def test_a_server_that_stays_down_is_told_after_the_last_try(sandbox: Sandbox, tmp_path: Path):
    sandbox.plan_faults([{"kind": "server_error", "path": "/v1/bybit"}])
    with pytest.raises(VenueDown, match="HTTP 503"):
        fetched(sandbox.url, tmp_path)
    assert len(sandbox.requests()) == QUICK.tries
    assert not left(tmp_path)


def test_a_cut_file_is_asked_for_once_more_and_never_kept(sandbox: Sandbox, tmp_path: Path):
    sandbox.plan_faults([{"kind": "truncated_json", "path": "/v1/bybit", "times": 1}])
    assert fetched(sandbox.url, tmp_path / "once").is_new
    sandbox.plan_faults([{"kind": "truncated_json", "path": "/v1/bybit"}])
    with pytest.raises(ArchiveDamaged, match="is cut short"):
        fetched(sandbox.url, tmp_path / "always")
    assert [one["fault"] for one in sandbox.requests()] == ["truncated_json", None, "truncated_json", "truncated_json"]
    assert not left(tmp_path / "always")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "is no packed file"),
        (gzip.compress(b"x") + b"y", "something behind its end"),
        (gzip.compress(b"x") + b"yyy", "is no packed file"),
        (gzip.compress(b"x") + gzip.compress(b"y")[:-1], "is cut short"),
        (b"", "is cut short"),
    ],
    ids=["a page", "more behind it", "much more behind it", "a second part that is cut", "nothing"],
)
def test_what_is_no_packed_file_is_refused(tmp_path: Path, body: bytes, why: str):
    async def go() -> Server:
        async with writing(lambda number, path: Reply(body)) as server, Wire(url=server.url, patience=QUICK) as wire:
            with pytest.raises(ArchiveDamaged, match=why):
                await Files(tmp_path, wire).file("bybit", "trades", FIRST, "BTCUSDT")
            return server

    assert asyncio.run(go()).asked == [NAME, f"{NAME}?retryAttempt=1"]
    assert not left(tmp_path)


def test_a_file_of_several_packed_parts_is_one_file(sandbox: Sandbox, tmp_path: Path):
    whole = fetched(sandbox.url, tmp_path / "one").path
    text = gzip.decompress(whole.read_bytes())
    middle = text.index(b"\n", len(text) // 2) - 7  # in the middle of a row
    body = gzip.compress(text[:middle]) + gzip.compress(text[middle:])

    async def go() -> Path:
        async with writing(lambda number, path: Reply(body)) as server, Wire(url=server.url, patience=QUICK) as wire:
            return (await Files(tmp_path / "two", wire).file("bybit", "trades", FIRST, "BTCUSDT")).path

    kept = asyncio.run(go())
    assert kept.read_bytes() == body
    rows = [list(reading.batches(path, TYPES["trades"])) for path in (kept, whole)]
    assert pa.Table.from_batches(rows[0]).equals(pa.Table.from_batches(rows[1]))


def test_what_a_killed_download_left_is_cleared_away_and_that_of_a_running_one_is_not(sandbox: Sandbox, tmp_path: Path):
    folder = (tmp_path / NAME[1:]).parent
    folder.mkdir(parents=True)
    for name, age_s in (("old", 100_000), ("new", 10)):
        part = folder / f".BTCUSDT.csv.gz.{name}"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age_s,) * 2)
    fetched(sandbox.url, tmp_path)
    assert sorted(one.name for one in left(tmp_path)) == [".BTCUSDT.csv.gz.new", "BTCUSDT.csv.gz"]


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(sandbox: Sandbox, tmp_path: Path):
    sandbox.plan_faults([{"kind": "hang", "path": "/v1/bybit", "seconds": 30}])

    async def go() -> None:
        async with Wire(url=sandbox.url, patience=Patience(tries=1), timeout_seconds=0.3) as wire:
            with pytest.raises(VenueDown, match=r"nothing came for 0\.3 s"):
                await Files(tmp_path, wire).file("bybit", "trades", FIRST, "BTCUSDT")

    asyncio.run(go())
    assert not left(tmp_path)


def test_the_key_goes_to_tardis_only_and_not_to_where_an_answer_points(tmp_path: Path):
    async def go() -> Server:
        moved = Reply(b"", 302, {"Location": "http://127.0.0.1:9/elsewhere"})
        async with (
            writing(lambda number, path: moved) as server,
            Wire(url=server.url, key="TD.x", patience=QUICK) as wire,
        ):
            with pytest.raises(Refused, match="HTTP 302"):
                await Files(tmp_path, wire).file("bybit", "trades", FIRST, "BTCUSDT")
            return server

    (headers,) = asyncio.run(go()).headers
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer TD.x"


def test_a_file_that_cannot_be_written_is_the_disks_fault(sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "v1").write_text("in the way")
    with pytest.raises(LakeError, match=r"cannot keep .*BTCUSDT\.csv\.gz"):
        fetched(sandbox.url, tmp_path)


def test_what_tardis_says_it_has_is_read(sandbox: Sandbox):
    listed = with_wire(sandbox.url, api.exchanges)
    assert {"binance", "gate-io-futures", "okex-swap", "kraken"} <= {one.id for one in listed}
    kraken = with_wire(sandbox.url, lambda wire: api.details(wire, "kraken"))
    old, new = kraken.dataset("XBT-USD", "trades"), kraken.dataset("BTC-USD", "trades")
    assert old.available_to == new.available_since
    assert api.span_of(new, kraken.exported_until) == Window.of("2026-07-01", "2026-11-20")
    with pytest.raises(UnknownMarket, match="kraken has no derivative_ticker of BTC-USD"):
        kraken.dataset("BTC-USD", "derivative_ticker")
    with pytest.raises(UnknownMarket, match="did you mean"):
        kraken.dataset("BTC-USB", "trades")


def test_an_answer_about_exchanges_that_is_not_as_documented_is_refused():
    async def go() -> None:
        wrong = Reply(b'{"id": 3}')
        async with writing(lambda number, path: wrong) as server, Wire(url=server.url, patience=QUICK) as wire:
            with pytest.raises(BadPage, match=r"/v1/exchanges/okex is not as documented"):
                await api.details(wire, "okex")

    asyncio.run(go())


def test_an_incident_that_lasts_has_no_end_yet():
    document = b'{"id":"x","name":"X","availableSince":"2020-01-01T00:00:00.000Z","incidentReports":[{"from":"2026-11-01T00:00:00.000Z"}]}'
    (incident,) = msgspec.json.decode(document, type=api.Details).incident_reports
    assert incident.window.start == FIRST.start
    assert incident.window.intersection(SECOND) == SECOND
