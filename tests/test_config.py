"""Settings and the universe file: refusals that name the file, the line and what may stand there."""

import os
import re
from pathlib import Path

import pytest

from qmd_platform import config
from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant

GOOD = """\
# what we keep
start = "2025-01-01"
timeframes = ["5m", "1h"]

[venues.binance]
markets = [
    "BTC/USDT",
    "BTC/USDT:USDT",
]
native = ["1d"]

[venues.gate]
markets = ["ETH/USDT"]
base = "5m"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "universe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> ConfigError:
    """The refusal of a universe file with this text."""
    with pytest.raises(ConfigError) as refusal:
        config.load_universe(written(folder, text))
    return refusal.value


def test_a_good_file_says_what_is_kept(tmp_path: Path):
    universe = config.load_universe(written(tmp_path, GOOD))
    assert universe.start == instant("2025-01-01")
    assert universe.first_month == "2025-01"
    assert [str(market) for market in universe.markets] == [
        "binance:BTC/USDT",
        "binance:BTC/USDT:USDT",
        "gate:ETH/USDT",
    ]


def test_what_is_fetched_is_not_rolled_up_and_what_is_rolled_up_is_longer_than_its_base(tmp_path: Path):
    venues = config.load_universe(written(tmp_path, GOOD)).venues
    assert (venues["binance"].base, venues["gate"].base) == (Timeframe.M1, Timeframe.M5)
    assert venues["binance"].native == (Timeframe.D1,)
    assert venues["binance"].derived == (Timeframe.M5, Timeframe.H1)
    assert venues["gate"].derived == (Timeframe.H1,)


def test_the_checkouts_own_universe_is_good():
    universe = config.load_universe(config.universe_path())
    assert {"binance", "gate", "bitfinex"} <= set(universe.venues)


# what is put for what, the line it stands on, what the refusal must say
MISTAKES = {
    "an unknown key": ("start =", "begin =", 2, "unknown key 'begin'", "start"),
    "an unknown key of a venue": ("native =", "nativ =", 10, "unknown key 'nativ'", "native"),
    "an unknown key of the second venue": ("base =", "market =", 14, "unknown key 'market'", "markets"),
    "a key in the wrong table": ("base =", "timeframes =", 14, "unknown key 'timeframes'", "markets"),
    "an unknown venue": ("[venues.gate]", "[venues.gaet]", 12, "'gaet'", "gate"),
    "an unknown timeframe": ('"5m", "1h"', '"5m", "7h"', 3, "unknown timeframe '7h'", "1h"),
    "an unknown native timeframe": ('["1d"]', '["2d"]', 10, "unknown timeframe '2d'", "1d"),
    "an unknown base": ('"5m"\n', '"5"\n', 14, "unknown timeframe '5'", "5m"),
    "a malformed market": ('"BTC/USDT:USDT"', '"BTC"', 8, "'BTC' is not a symbol", "is the perpetual"),
    "a market twice": ('"BTC/USDT:USDT"', '"BTC/USDT"', 8, "'BTC/USDT' is listed twice", ""),
    "a time without a zone": ('"2025-01-01"', '"2025-01-01T00:00:00"', 2, "has no time zone", "Z for UTC"),
    "a start that is no time": ('"2025-01-01"', '"last year"', 2, "'last year' is not a time", "2026-11-01"),
    "a base the venue has no candles of": ('"5m"\n', '"6h"\n', 14, "gate has no 6h candles", "4h"),
    "a native timeframe the venue has no candles of": ('base = "5m"', 'native = ["3m"]', 14, "gate has no 3m", "5m"),
    "a kind of market the venue has no candles of": (
        '"ETH/USDT"',
        '"BTC/USDT:USDT-261225"',
        13,
        "'BTC/USDT:USDT-261225': gate has no candles of future markets",
        "spot, perpetual",
    ),
    "one market where a list belongs": ('["ETH/USDT"]', '"ETH/USDT"', 13, "venues.gate.markets", "array"),
    "a number among the markets": ('"BTC/USDT",\n', "7,\n", 6, "venues.binance.markets", "str"),
    "a number where a text belongs": ('"2025-01-01"', "2025", 2, "start", "str"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_file_line_and_what_may_stand_there(tmp_path: Path, mistake: str):
    old, new, line, says, hint = MISTAKES[mistake]
    assert old in GOOD
    head, _, tail = GOOD.rpartition(old)
    refusal = refused(tmp_path, head + new + tail)
    assert f"{tmp_path / 'universe.toml'}, line {line}:" in refusal.message
    assert says in refusal.message
    assert hint in str(refusal)


def test_a_key_that_must_be_there_is_named(tmp_path: Path):
    assert "start" in refused(tmp_path, GOOD.replace('start = "2025-01-01"\n', "")).message
    refusal = refused(tmp_path, GOOD.replace('markets = ["ETH/USDT"]\n', ""))
    assert "line 12:" in refusal.message
    assert "markets" in refusal.message


def test_what_is_not_toml_is_refused_with_file_and_line(tmp_path: Path):
    refusal = refused(tmp_path, GOOD.replace('["1d"]', '["1d"'))
    assert str(tmp_path / "universe.toml") in refusal.message
    assert re.search(r"line 1[0-2]\b", refusal.message)


def test_what_is_not_text_is_refused(tmp_path: Path):
    path = tmp_path / "universe.toml"
    path.write_bytes(b"start = \xff\xfe")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        config.load_universe(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 'none.toml'}: No such file")):
        config.load_universe(tmp_path / "none.toml")


def test_the_universe_in_force_is_the_named_one_then_the_homes_then_the_checkouts(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    assert config.universe_path().name == "universe.toml"
    assert config.universe_path().parent.name == "resources"
    own_home.mkdir()
    assert config.universe_path().parent.name == "resources"
    own = written(own_home, GOOD)
    assert config.universe_path() == own
    monkeypatch.setenv("QMD_UNIVERSE", str(tmp_path / "other.toml"))
    assert config.universe_path() == tmp_path / "other.toml"


def test_state_lives_in_the_users_home_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("QMD_HOME")
    assert config.qmd_home() == Path.home() / ".qmd"
    monkeypatch.setenv("QMD_HOME", "")
    assert config.qmd_home() == Path.home() / ".qmd"
    monkeypatch.setenv("QMD_HOME", str(tmp_path))
    assert config.lake_root() == tmp_path / "lake"
    assert not list(tmp_path.iterdir()), "asking where makes nothing"


def test_a_relative_home_is_made_absolute_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    os.environ["QMD_HOME"] = "state"
    assert config.qmd_home() == tmp_path / "state"


def test_one_server_answers_for_all_venues_when_the_setting_says_so(monkeypatch: pytest.MonkeyPatch):
    assert config.venue_url() is None
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:8080/")
    assert config.venue_url() == "http://127.0.0.1:8080"
    assert config.venue_url("http://127.0.0.1:9") == "http://127.0.0.1:9"
    assert (config.world(None), config.world("http://127.0.0.1:8080")) == ("live", "sandbox")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "sandbox"])
def test_what_is_not_a_servers_address_is_refused_with_an_example(url: str):
    with pytest.raises(ConfigError, match="is not a server's address") as refusal:
        config.venue_url(url)
    assert "http://127.0.0.1:8080" in str(refusal.value)


def test_a_team_is_two_settings_and_without_them_everything_is_in_files(monkeypatch: pytest.MonkeyPatch):
    assert (config.postgres_url(), config.files_url()) == (None, None)
    monkeypatch.setenv("QMD_POSTGRES_URL", " postgresql://me:hush@host/db?schema=lake ")
    monkeypatch.setenv("QMD_FILES_URL", "s3://bucket/lake")
    assert config.postgres_url() == "postgresql://me:hush@host/db?schema=lake"
    assert config.files_url() == "s3://bucket/lake"
    assert config.postgres_url("postgresql://other/db") == "postgresql://other/db"


@pytest.mark.parametrize(
    ("setting", "url"),
    [("QMD_POSTGRES_URL", "postgresql://me:hush@host"), ("QMD_FILES_URL", "s3://me:hush@bucket/lake")],
)
def test_a_wrong_address_of_a_server_is_named_by_its_setting_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, setting: str, url: str
):
    monkeypatch.setenv(setting, url)
    with pytest.raises(ConfigError) as refused:
        config.open_lake()
    assert refused.value.message.startswith(f"{setting}: ")
    assert "hush" not in str(refused.value)
    assert not config.lake_root().exists()


def test_a_lake_is_there_when_its_folder_says_so_or_a_database_has_it(
    monkeypatch: pytest.MonkeyPatch, own_home: Path, tmp_path: Path
):
    (own_home / "lake").mkdir(parents=True)
    assert not config.is_lake_there()
    config.open_lake().close()
    assert config.is_lake_there()
    assert not config.is_lake_there(tmp_path)
    monkeypatch.setenv("QMD_POSTGRES_URL", "postgresql://host/db")
    assert config.is_lake_there(tmp_path)
    assert not config.is_lake_in(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start = 2025-01-01\n[venues.gate]\nmarkets = []\n", "put it in quotes"),
        ('start = "2025-01-01"\n[venues.gate]\nmarkets = []\nnative = "1h"\n', "write a list"),
        ('start = "2025-01-01"\n[venues.binance]\nmarkets = ["BTCUSDT"]\n', "without the venue"),
        ('start = "2025-01-01"\n[venues.binance]\nmarkets = ["binance:BTC/USDT"]\n', "without the venue"),
    ],
)
def test_a_common_slip_in_the_universe_file_is_told_its_remedy(tmp_path: Path, text: str, said: str):
    file = tmp_path / "universe.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"universe\.toml, line \d+: .*") as refused:
        config.load_universe(file)
    assert said in str(refused.value.hint)
