"""The rules every test runs under, and the things a test may ask for that a machine may not have.

What lives here: isolation (no network, no user settings, nothing left behind; ``guards`` does it), hypothesis
profiles, ``shared_data`` and ``chromium``, the markers of all that may be absent. What does not: servers
(``services``), a room's own fixtures.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import guards

pytest_plugins = ["tests.services"]

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
NOWHERE = Path("/nonexistent/qmd-home")
"""QMD_HOME outside tests: whatever writes there by mistake fails."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ASKS_FOR = {
    "shared_data": "shared",
    "chromium": "browser",
    "postgres_programs": "postgres",
    "redis_program": "redis",
    "minio_program": "minio",
    "questdb_jar": "questdb",
}
"""A test that asks for this fixture, itself or by way of another one, carries this marker."""

SHARE_QUESTDB = ("tests/publish/", "tests/assets/test_publishing.py", "tests/cli/test_publish.py")

_NUMBERS = itertools.count()

# A deadline would fail honest tests on a busy machine. CI derandomizes: its verdict depends on the code alone.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    """Isolate before any test module or session fixture runs."""
    settings.load_profile("ci" if os.environ.get("CI") else "default")
    guards.stay_at_home()
    guards.forget_settings(os.environ, NOWHERE)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark tests by what they ask for, so that a marker cannot be forgotten; files that may take long come first.

    Those mostly wait, for what a killed process leaves to be noticed: begun last, they would be waited for alone.
    """
    for item in items:
        for fixture, marker in ASKS_FOR.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    yield  # what is not asked for is left out, the others are shuffled
    longest: dict[Path, float] = {}
    for item in items:
        allowed = max((float(mark.args[0]) for mark in item.iter_markers("timeout")), default=0.0)
        longest[item.path] = max(longest.get(item.path, 0.0), allowed)
    items.sort(key=lambda item: -longest[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """A file's tests stay on one worker; those of all files that share QuestDB do too: it is slow to start, and busy."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "questdb" if nodeid.startswith(SHARE_QUESTDB) else str(super()._split_scope(nodeid))

    return ByServer(config, log)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """QMD_HOME of this test alone (not made yet), and the environment put back afterwards.

    What a wider fixture has set on purpose stays set.
    """
    before = dict(os.environ)
    if os.environ["QMD_HOME"] == str(NOWHERE):
        os.environ["QMD_HOME"] = str(tmp_path_factory.getbasetemp() / f"home-{next(_NUMBERS)}")
    yield Path(os.environ["QMD_HOME"])
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True, scope="session")
def nothing_left_behind() -> Iterator[None]:
    """Fail the session when its tests leave processes, threads, or state in the user's home or the checkout."""
    found = guards.stray_state(ROOT)
    threads = guards.stubborn_threads()
    children = guards.running_children()
    yield
    assert not (guards.stubborn_threads() - threads), "tests left threads running"
    assert not (guards.running_children() - children), "tests left processes running"
    assert not (guards.stray_state(ROOT) - found), "tests wrote state outside tmp_path"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded market data beside the checkout; skips where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the recorded market data of ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program; skips where none is installed. ``QMD_TEST_CHROMIUM`` names another one."""
    named = os.environ.get("QMD_TEST_CHROMIUM")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs Chromium: none of " + ", ".join(BROWSERS) + " is on the PATH")
    return Path(found)
