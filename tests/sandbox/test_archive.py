"""The sandbox's archive: the layout of data.binance.vision over the same market, with files gone wrong on order."""

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import instant
from qmd_platform.sandbox import archive_defects
from qmd_platform.sandbox.archive import Archive, endpoint
from qmd_platform.sandbox.archive_defects import KINDS, Defect
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.server import running
from qmd_platform.sandbox.universe import listings

SPOT = "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2026-10.zip"
SPOT_MS = "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.zip"
USDM = "/data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2026-10.zip"
DAY = "/data/spot/daily/klines/ETHUSDT/5m/ETHUSDT-5m-2026-11-18.zip"
NOW = "2026-11-20T12:34:56.789Z"
HOURS = 31 * 24


def archive(*defects: Defect) -> Archive:
    return Archive(Exchange(listings()), defects)


def ask(path: str, *defects: Defect, now: str = NOW) -> tuple[int, bytes]:
    answer = archive(*defects).answer(path, instant(now))
    return answer.status, answer.body


def rows_of(body: bytes) -> tuple[str, list[list[str]]]:
    """The one member's name, and its lines."""
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        (name,) = packed.namelist()
        return name, list(csv.reader(io.StringIO(packed.read(name).decode())))


@pytest.mark.parametrize("path", [SPOT, SPOT_MS, USDM, DAY])
def test_a_files_checksum_is_that_of_its_bytes_and_names_it(path: str):
    status, body = ask(path)
    assert status == 200
    stated = ask(path + ".CHECKSUM")[1].decode()
    assert stated == f"{hashlib.sha256(body).hexdigest()}  {path.rpartition('/')[2]}\n"


def test_a_file_holds_one_csv_of_its_name_with_every_candle_of_its_month():
    name, rows = rows_of(ask(SPOT)[1])
    assert name == "BTCUSDT-1h-2026-10.csv"
    assert len(rows) == HOURS
    assert {len(row) for row in rows} == {12}


def test_spot_counts_in_microseconds_since_2025_and_has_no_header():
    _, rows = rows_of(ask(SPOT)[1])
    assert rows[0][0] == str(instant("2026-10-01") * 1000)
    assert rows[0][6] == str((instant("2026-10-01T01:00:00Z") * 1000) - 1)
    _, rows = rows_of(ask(SPOT_MS)[1])
    assert (rows[0][0], rows[0][6]) == (str(instant("2024-12-01")), str(instant("2024-12-01T01:00:00Z") - 1))


def test_futures_count_in_milliseconds_and_have_a_header():
    _, rows = rows_of(ask(USDM)[1])
    assert rows[0][:6] == ["open_time", "open", "high", "low", "close", "volume"]
    assert rows[1][0] == str(instant("2026-10-01"))


def test_a_file_prints_what_the_api_prints(get: Callable[..., Any]):
    with running(now=NOW) as url:
        query = {"symbol": "BTCUSDT", "interval": "1h", "startTime": instant("2024-12-01"), "limit": 1000}
        page = get(url, "/api/v3/klines", **query, endTime=instant("2025-01-01") - 1).json()
        _, rows = rows_of(get(url, SPOT_MS).body)
    assert rows == [[str(cell) for cell in row] for row in page]


@pytest.mark.parametrize(
    ("path", "moment"),
    [
        (DAY, "2026-11-19T08:00:00Z"),  # eight hours into the next day
        (SPOT, "2026-11-02T06:00:00Z"),  # the first Monday of November
        ("/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05.zip", "2026-06-01T06:00:00Z"),  # a Monday itself
    ],
)
def test_a_file_appears_at_its_time_by_the_sandboxs_clock(path: str, moment: str):
    published = instant(moment)
    for suffix in ("", ".CHECKSUM"):
        assert archive().answer(path + suffix, published - 1).status == 404
        assert archive().answer(path + suffix, published).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/data/spot/monthly/klines/NOSUCHUSDT/1h/NOSUCHUSDT-1h-2026-10.zip",
        "/data/spot/monthly/klines/BTCUSDT/7h/BTCUSDT-7h-2026-10.zip",
        "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2026-13.zip",
        "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-02-30.zip",
        "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-10.zip",
        "/data/spot/monthly/klines/BTCUSDT/1h/ETHUSDT-1h-2026-10.zip",
        "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2017-07.zip",  # before the listing
        "/data/futures/um/monthly/klines/BNBUSDT/1h/BNBUSDT-1h-2026-10.zip",  # a spot market only
        "/data/",
    ],
)
def test_what_the_archive_does_not_have_is_404_in_its_own_words(path: str):
    status, body = ask(path)
    assert status == 404
    assert b"NoSuchKey" in body


def test_a_month_begins_with_the_listing():
    _, rows = rows_of(ask("/data/spot/monthly/klines/LATEUSDT/1m/LATEUSDT-1m-2026-10.zip")[1])
    assert rows[0][0] == str(instant("2026-10-15T08:37:00Z") * 1000)


def test_its_requests_are_counted_by_themselves_and_cost_no_weight(get: Callable[..., Any]):
    with running(now=NOW) as url:
        got = get(url, SPOT)
        get(url, SPOT + ".CHECKSUM")
        get(url, "/data/other")
        stats = get(url, "/__sandbox/stats").json()
    assert "X-MBX-USED-WEIGHT-1M" not in got.headers
    assert got.headers["Content-Type"] == "application/zip"
    zips = "/data/spot/monthly/klines/{file}.zip"
    assert stats["requests"] == {"archive": {zips: 1, zips + ".CHECKSUM": 1, "/data/{other}": 1}}
    assert stats["rows"]["archive"] == HOURS
    assert stats["candles"] == []


def test_endpoints_are_few_whatever_is_asked():
    assert endpoint(DAY) == "/data/spot/daily/klines/{file}.zip"
    assert endpoint(USDM + ".CHECKSUM") == "/data/futures/um/monthly/klines/{file}.zip.CHECKSUM"


def stated(*defects: Defect) -> str:
    return ask(SPOT + ".CHECKSUM", *defects)[1].decode()[:64]


def sha(*defects: Defect) -> str:
    return hashlib.sha256(ask(SPOT, *defects)[1]).hexdigest()


def test_an_absent_file_has_no_checksum_either_and_a_file_may_lack_only_that():
    assert ask(SPOT, Defect("absent"))[0] == ask(SPOT + ".CHECKSUM", Defect("absent"))[0] == 404
    assert ask(SPOT, Defect("no_checksum"))[0] == 200
    assert ask(SPOT + ".CHECKSUM", Defect("no_checksum"))[0] == 404


def test_a_wrong_checksum_is_wrong_as_often_as_told():
    assert stated(Defect("wrong_checksum")) != sha(Defect("wrong_checksum"))
    shelf = archive(Defect("wrong_checksum", times=1))
    told = [shelf.answer(SPOT + ".CHECKSUM", instant(NOW)).body.decode()[:64] for _ in range(3)]
    assert told[0] != sha()
    assert told[1:] == [sha(), sha()]
    shelf.reset()
    assert shelf.answer(SPOT + ".CHECKSUM", instant(NOW)).body.decode()[:64] == told[0]


def test_a_broken_or_cut_zip_has_the_right_checksum_and_cannot_be_unpacked():
    for kind in ("broken_zip", "truncated_zip", "html"):
        assert stated(Defect(kind)) == sha(Defect(kind))
        with pytest.raises((zipfile.BadZipFile, zlib.error)):
            rows_of(ask(SPOT, Defect(kind))[1])


def lines(kind: str, path: str = SPOT, **options: int) -> list[list[str]]:
    return rows_of(ask(path, Defect(kind, **options))[1])[1]


def test_a_bomb_is_small_and_unpacks_to_much():
    body = ask(SPOT, Defect("bomb"))[1]
    assert len(body) < 1 << 20
    assert zipfile.ZipFile(io.BytesIO(body)).infolist()[0].file_size == 64 << 20


def test_rows_are_missing_repeated_or_changed_as_told():
    right = lines("ms", SPOT_MS)
    assert lines("short", SPOT_MS) == right[: len(right) // 3]
    assert lines("holes", SPOT_MS) == right[:200] + right[300:500] + right[600:]
    assert lines("duplicated", SPOT_MS) == sorted(right[:100] * 2) + right[100:]
    changed = [(old, new) for old, new in zip(right, lines("restated", SPOT_MS, every=7), strict=True) if old != new]
    assert len(changed) == -(-len(right) // 7)
    assert all(float(new[5]) == 2 * float(old[5]) for old, new in changed)


def test_a_mix_up_is_one_of_the_name_or_one_of_the_candles():
    assert rows_of(ask(SPOT, Defect("wrong_member"))[1]) == ("OTHERBTCUSDT-1h-2026-10.csv", lines("us"))
    name, rows = rows_of(ask(SPOT, Defect("wrong_market"))[1])
    assert name == "BTCUSDT-1h-2026-10.csv"
    assert [row[0] for row in rows] == [row[0] for row in lines("us")]
    assert rows != lines("us")


def test_a_file_is_written_as_told():
    assert lines("header")[0][0] == "open_time"
    assert lines("no_header", USDM)[0][0] == str(instant("2026-10-01"))
    assert lines("us", USDM)[1][0] == str(instant("2026-10-01") * 1000)
    assert lines("seconds", SPOT_MS)[0][0] == str(instant("2024-12-01") // 1000)
    assert {len(row) for row in lines("columns")} == {11}


def test_only_the_files_it_is_about_are_wrong_and_the_others_right():
    wrong = Defect("absent", path="BTCUSDT-1h-2026")
    assert ask(SPOT, wrong)[0] == 404
    assert ask(SPOT_MS, wrong)[0] == 200


def test_a_list_of_defects_is_read_from_a_file(tmp_path: Path, get: Callable[..., Any]):
    file = tmp_path / "archive.toml"
    file.write_text('[[file]]\ndefect = "short"\npath = "BTCUSDT"\n[[file]]\ndefect = "wrong_checksum"\ntimes = 2\n')
    assert archive_defects.load(file) == [Defect("short", "BTCUSDT"), Defect("wrong_checksum", times=2)]
    with running(now=NOW, archive_files=file) as url:
        assert len(rows_of(get(url, SPOT).body)[1]) == HOURS // 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[file]]\ndefect = "shrot"', ["unknown defect 'shrot'", "did you mean short"]),
        ('[[file]]\npath = "BTC"', ["the key defect is missing"]),
        ('[[file]]\ndefect = "short"\ntimes = 1', ["times says nothing about short"]),
        ('[[file]]\ndefect = "short"\nwhen = 1', ["unknown key 'when'"]),
    ],
)
def test_a_bad_list_is_refused_with_what_is_wrong(tmp_path: Path, text: str, words: Sequence[str]):
    file = tmp_path / "archive.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        archive_defects.load(file)
    assert all(word in str(caught.value) for word in words)


def test_every_defect_is_documented():
    table = str(archive_defects.__doc__)
    assert [kind for kind in KINDS if f"``{kind}``" not in table] == []


def test_files_forgotten_are_made_again_the_same():
    shelf = archive()
    first = shelf.answer(DAY, instant(NOW)).body
    for day in range(1, 31):
        for coin in ("BTC", "SOL", "XRP"):
            path = f"/data/spot/daily/klines/{coin}USDT/1h/{coin}USDT-1h-2026-09-{day:02d}.zip"
            assert shelf.answer(path, instant(NOW)).status == 200
    assert shelf.answer(DAY, instant(NOW)).body == first


@pytest.mark.parametrize(("since", "is_in_the_file"), [("2026-11-19T07:59:59Z", True), ("2026-11-19T08:00:01Z", False)])
def test_what_is_restated_after_a_file_was_published_is_restated_at_the_api_only(
    get: Callable[..., Any],
    since: str,
    is_in_the_file: bool,  # noqa: FBT001 - a column of the table
):
    day = {"start": "2026-11-18T00:00:00Z", "end": "2026-11-19T00:00:00Z"}
    restated = {"kind": "restated", "market": "binance:ETH/USDT", "ticks": 7, "since": since, **day}
    query = {"symbol": "ETHUSDT", "interval": "5m", "startTime": instant(day["start"]), "limit": 288}
    with running(now=NOW, faults=[restated]) as url:
        api = [row[1:6] for row in get(url, "/api/v3/klines", **query).json()]
        file = [row[1:6] for row in rows_of(get(url, DAY).body)[1]]
    assert len(api) == len(file) == 288
    assert (api == file) is is_in_the_file
    right = [row[1:6] for row in rows_of(ask(DAY)[1])[1]]
    assert (file == right) is not is_in_the_file


def test_a_recorded_series_is_in_the_archive_too_and_nothing_else_of_its_market(
    tmp_path: Path, get: Callable[..., Any]
):
    at = [instant("2026-10-05") + minute * 60_000 for minute in range(3)]
    rows = "".join(f"{one},10.5,11,10,10.75,{number}.25\n" for number, one in enumerate(at))
    (tmp_path / "near.csv").write_text("open_at,open,high,low,close,volume\n" + rows)
    (tmp_path / "replay.toml").write_text(
        '[[series]]\nvenue = "binance"\nmarket = "NEAR/USDT"\ntable = "candles_1m"\nfile = "near.csv"\n'
    )
    with running(now=NOW, replay=tmp_path) as url:
        name, found = rows_of(get(url, "/data/spot/monthly/klines/NEARUSDT/1m/NEARUSDT-1m-2026-10.zip").body)
        longer = get(url, "/data/spot/monthly/klines/NEARUSDT/1h/NEARUSDT-1h-2026-10.zip")
    assert name == "NEARUSDT-1m-2026-10.csv"
    assert [row[:6] for row in found] == [
        [str(one * 1000), "10.5", "11", "10", "10.75", f"{number}.25"] for number, one in enumerate(at)
    ]
    assert longer.status == 404
