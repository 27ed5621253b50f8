"""The venues resource knows who answers."""

import pytest

from qmd_platform.errors import ConfigError
from resources.venues import VenuesResource


def test_without_any_setting_the_real_venues_answer():
    assert VenuesResource().server() is None


def test_the_setting_names_the_server_and_an_address_of_its_own_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:1")
    assert VenuesResource().server() == "http://127.0.0.1:1"
    assert VenuesResource(url="http://127.0.0.1:2/").server() == "http://127.0.0.1:2"


def test_what_is_no_address_is_refused():
    with pytest.raises(ConfigError, match="not a server's address"):
        VenuesResource(url="localhost").server()
