"""The settings, and what they open."""

from pathlib import Path

import pytest

from qmd_platform import config
from qmd_platform.coordination.opening import FILE, opened
from qmd_platform.coordination.postgres import PostgresStore
from qmd_platform.coordination.redis import RedisStore
from qmd_platform.coordination.settings import ANY_ADDRESS, Settings
from qmd_platform.coordination.sqlite import SqliteStore
from qmd_platform.errors import ConfigError
from qmd_platform.lake.store import Lake

POSTGRES = "postgresql://qmd:secret@127.0.0.1:1/qmd"


def test_without_settings_it_is_one_address_and_real_venues_only():
    assert Settings.read({"QMD_ADDRESS": " ", "QMD_KEEP_LIMITS": ""}) == Settings(None, ANY_ADDRESS, keep_limits=False)


def test_each_setting_is_read():
    environ = {"QMD_REDIS_URL": "redis://127.0.0.1:1/0", "QMD_ADDRESS": "office", "QMD_KEEP_LIMITS": "1"}
    assert Settings.read(environ) == Settings("redis://127.0.0.1:1/0", "office", keep_limits=True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QMD_REDIS_URL", "http://:secret@127.0.0.1", "QMD_REDIS_URL: the Redis address"),
        ("QMD_REDIS_URL", "redis://:secret@:1", "QMD_REDIS_URL: the Redis address"),
        ("QMD_REDIS_URL", "redis://:secret@host:port", "QMD_REDIS_URL: the Redis address"),
        ("QMD_KEEP_LIMITS", "yes", "QMD_KEEP_LIMITS is 'yes'"),
    ],
)
def test_a_wrong_setting_is_named_and_no_password_shown(name: str, value: str, said: str):
    with pytest.raises(ConfigError, match=said) as told:
        Settings.read({name: value})
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("redis", "postgres", "kind"),
    [
        (None, None, SqliteStore),
        (None, POSTGRES, PostgresStore),
        ("redis://127.0.0.1:1/0", POSTGRES, RedisStore),
    ],
)
def test_redis_comes_before_postgres_before_a_file(tmp_path: Path, redis: str | None, postgres: str | None, kind: type):
    with opened(tmp_path, "lake", Settings(redis), postgres=postgres) as coordination:
        assert isinstance(coordination.store, kind)
        assert "secret" not in coordination.store.where


def test_opening_asks_nobody_and_makes_nothing(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake, config.open_coordination(lake) as coordination:
        assert not (lake.root / FILE).exists()
        assert coordination.leases.take("a", owner="one", seconds=60)
        assert (lake.root / FILE).exists()
