"""tardis-machine's messages: the documented samples field by field, and what is none."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qmd_platform.errors import VenueDown
from qmd_platform.model.window import instant
from qmd_platform.venues.tardis.messages import Disconnect, decoded

SAMPLES = ("book_change", "derivative_ticker", "disconnect", "trade")
BAR = {
    "type": "trade_bar",
    "symbol": "XBTUSD",
    "exchange": "bitmex",
    "name": "trade_bar_10000ms",
    "interval": 10000,
    "open": 7623.5,
    "high": 7623.5,
    "low": 7623,
    "close": 7623.5,
    "volume": 37034,
    "buyVolume": 24244,
    "sellVolume": 12790,
    "trades": 9,
    "vwap": 7623.327320840309,
    "openTimestamp": "2019-10-25T13:11:31.574Z",
    "closeTimestamp": "2019-10-25T13:11:39.212Z",
    "localTimestamp": "2019-10-25T13:11:40.369Z",
    "timestamp": "2019-10-25T13:11:40.000Z",
}
"""As documented (docs.tardis.dev/tardis-machine/data-types)."""


def said(sample: dict[str, Any]) -> dict[str, Any]:
    """What a message must say, with its times in ms."""
    return {
        name: instant(value, name) if name.lower().endswith("timestamp") else value for name, value in sample.items()
    }


def read(text: str) -> dict[str, Any]:
    """What our message says, under the machine's names."""
    message = decoded(text)
    found = json.loads(msgspec.json.encode(message))
    times = {
        name: instant(value, name) for name, value in found.items() if value and name.lower().endswith("timestamp")
    }
    return {name: value for name, value in {**found, **times}.items() if value is not None}


@pytest.mark.shared
@pytest.mark.parametrize("name", SAMPLES)
def test_a_documented_message_is_read_field_by_field(shared_data: Path, name: str):
    text = (shared_data / "tardis_json_docsamples" / f"{name}.json").read_text("utf-8")
    assert read(text) == said(json.loads(text))


def test_a_trade_bar_says_when_its_span_ends():
    assert read(json.dumps(BAR)) == {**said(BAR), "kind": "time"}


def test_a_book_snapshot_and_a_disconnect_are_read():
    book = {
        "type": "book_snapshot",
        "symbol": "XBTUSD",
        "exchange": "bitmex",
        "name": "book_snapshot_2_50ms",
        "depth": 2,
        "interval": 50,
        "bids": [{"price": 7633.5, "amount": 1906067}],
        "asks": [],
        "timestamp": "2019-10-25T13:39:46.950Z",
        "localTimestamp": "2019-10-25T13:39:46.961Z",
    }
    assert read(json.dumps(book)) == said(book)
    broken = decoded('{"type":"disconnect","exchange":"deribit","localTimestamp":"2019-10-23T11:34:29.416Z"}')
    assert isinstance(broken, Disconnect)
    assert broken.came_at == instant("2019-10-23T11:34:29.416Z")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            '{"responseText":"Unauthorized","message":"Tardis API: 401"}',
            "missing required field `type`.*Tardis API: 401",
        ),
        ('{"type":"gossip","exchange":"deribit"}', "Invalid value 'gossip'"),
        (json.dumps({**BAR, "open": "7623.5"}), r"Expected `float`, got `str` - at `\$\.open`"),
        ("<html>", "malformed"),
    ],
)
def test_what_is_no_message_is_refused_with_its_beginning(line: str, why: str):
    with pytest.raises(VenueDown, match=why):
        decoded(line)


def test_a_time_without_a_zone_is_refused_and_microseconds_are_cut():
    with pytest.raises(VenueDown, match="has no zone"):
        _ = decoded(json.dumps({**BAR, "timestamp": "2019-10-25T13:11:40"})).at  # type: ignore[union-attr]  # a bar has it
    late = decoded(json.dumps({**BAR, "timestamp": "2019-10-25T13:11:39.999999Z"}))
    assert late.at == instant("2019-10-25T13:11:39.999Z")  # type: ignore[union-attr]  # as above
