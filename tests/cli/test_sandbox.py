"""``qmd sandbox``: its options reach the exchange, and wrong ones are refused in plain words."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from qmd_platform.cli.app import app
from tests.acceptance.programs import sandbox, stats


def ask(url: str) -> int:
    try:
        with urlopen(url) as answer:  # noqa: S310 - our own loopback server
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_limits_listings_and_the_clock_are_as_the_options_say(tmp_path: Path):
    listings = tmp_path / "listings.toml"
    listings.write_text('[[listing]]\nmarket = "binance:NEW/USDT"\nlike = "binance:LTC/USDT"\n')
    options = ["--now", "2026-11-20T12:00:00Z", "--listings", str(listings), "--limit", "binance.spot=8/60"]
    with sandbox(*options) as url:
        new = f"{url}/api/v3/klines?symbol=NEWUSDT&interval=1m&limit=1"
        assert [ask(new) for _ in range(5)] == [200, 200, 200, 200, 429]
        told = stats(url)
        with urlopen(f"{url}/fapi/v1/time") as answer:  # noqa: S310 - our own loopback server
            assert json.load(answer) == {"serverTime": told["now"]}
    spot = told["limits"]["binance"]["spot"]
    assert (spot["limit"], spot["seconds"], spot["fullest"], spot["refused"]) == (8, 60, 10, 1)
    assert told["limits"]["gate"]["spot"]["limit"] == 200


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--limit", "gate"], "--limit 'gate' is not VENUE=N/SECONDS"),
        (["--limit", "gaet=1/1"], "unknown venue 'gaet'"),
        (["--listings", "nowhere.toml"], "cannot read nowhere.toml"),
        (["--faults", "nowhere.toml"], "cannot read nowhere.toml"),
    ],
)
def test_wrong_options_are_refused(options: list[str], says: str):
    refused = CliRunner().invoke(app, ["sandbox", *options])
    assert refused.exit_code != 0
    assert says in refused.output
