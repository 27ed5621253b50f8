"""Everything that goes wrong on a WebSocket: what the client sees, and that it is counted to the message."""

import asyncio
import re
from collections.abc import Sequence

import aiohttp
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import iso
from qmd_platform.sandbox import faultfile
from qmd_platform.sandbox.service import Sandbox
from tests.sandbox.ws_clients import NOW, START, Json, Raw, connected, passed, talking, until

_SUBSCRIBE = {"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}
_SPOT = "binance/spot/ws"
Plan = dict[str, object]


def _heard(fault: Plan | None, minutes: float = 3) -> tuple[list[Json], Plan]:
    """What a client of one stream hears with ``fault``, and how the plan says it was met."""
    found: list[tuple[list[Json], Plan]] = []

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(_SUBSCRIBE)
        said = await passed(sandbox, raw, minutes)
        (met,) = sandbox.faults_met() or [{}]
        assert sandbox.stats.faults.get(str(met.get("kind")), 0) == met.get("struck", 0)
        found.append((said, met))

    talking(_SPOT, told, None if fault is None else [fault])
    return found[0]


@pytest.fixture(scope="module")
def right() -> list[Json]:
    """What is said without faults: 18 messages, 3 of them closed."""
    said, _ = _heard(None)
    assert [number for number, one in enumerate(said) if one["k"]["x"]] == [2, 8, 14]
    return said


def test_a_dropped_message_never_comes(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_drop", "every": 5})
    assert said == [one for number, one in enumerate(right, 1) if number % 5]
    assert (met["met"], met["struck"]) == (18, 3)


def test_only_closed_candles_are_dropped_where_the_fault_says_so(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_drop", "message": "closed", "at": [2]})
    assert said == [one for one in right if one != right[8]]
    assert (met["met"], met["struck"]) == (3, 1)


def test_a_share_of_messages_is_dropped_the_same_ones_each_time(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_drop", "share": 0.4, "seed": 7})
    assert len(said) == 18 - int(str(met["struck"]))
    assert 2 <= int(str(met["struck"])) <= 14
    assert [one for one in right if one in said] == said
    assert _heard({"kind": "ws_drop", "share": 0.4, "seed": 7})[0] == said
    assert _heard({"kind": "ws_drop", "share": 0.4, "seed": 8})[0] != said
    assert _heard({"kind": "ws_drop", "share": 1})[0] == []


def test_a_duplicate_comes_right_after(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_duplicate", "at": [1, 3]})
    assert said == [right[0], *right[:3], *right[2:]]
    assert met["struck"] == 2


def test_a_reordered_message_is_overtaken_by_the_next_of_its_topic(right: list[Json]) -> None:
    said, _ = _heard({"kind": "ws_reorder", "at": [3]})
    assert said == [*right[:2], right[3], right[2], *right[4:]]
    said, _ = _heard({"kind": "ws_reorder", "message": "closed", "within": 3, "first": 1})
    assert said == [*right[:2], *right[3:6], right[2], *right[6:]]


def test_a_truncated_message_is_no_json(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_truncated", "at": [2]})
    assert isinstance(said[1], str)
    assert said[1].startswith('{"e":"kline"')
    assert said[:1] + said[2:] == right[:1] + right[2:]
    assert met["struck"] == 1


def test_an_unknown_message_comes_beside_the_known_ones(right: list[Json]) -> None:
    said, _ = _heard({"kind": "ws_unknown", "at": [4]})
    assert said[3]["e"] == "novelty"
    assert said[:3] + said[4:] == right


def test_a_skewed_message_says_another_time_and_the_same_candle(right: list[Json]) -> None:
    said, met = _heard({"kind": "ws_skew", "seconds": -2.5, "message": "closed"})
    ahead = [one["E"] - other["E"] for one, other in zip(said, right, strict=True)]
    assert ahead == [-2500 if one["k"]["x"] else 0 for one in right]
    assert [one["k"] for one in said] == [one["k"] for one in right]
    assert met["struck"] == 3


def test_a_cut_connection_ends_without_a_word_in_place_of_the_message(right: list[Json]) -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(_SUBSCRIBE)
        await sandbox.passing(3 * MINUTE)
        await until(lambda: raw.closed_with is not None)
        assert raw.closed_with == 1006
        assert raw.heard[1:] == right[:3]
        assert sandbox.stats.faults == {"ws_cut": 1}

    talking(_SPOT, told, [{"kind": "ws_cut", "since": iso(START + 69_000), "first": 1}])


def test_a_stalled_connection_stays_open_and_says_nothing_at_all(right: list[Json]) -> None:
    window = {"since": iso(START + MINUTE), "until": iso(START + 2 * MINUTE)}

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(_SUBSCRIBE)
        await sandbox.passing(MINUTE)
        await raw.socket.send_json(_SUBSCRIBE)
        await raw.socket.ping(b"there?")
        await until(lambda: sandbox.stats.faults["ws_stall"] == 5)
        await sandbox.passing(2 * MINUTE)
        await until(lambda: len(raw.heard) == 13)
        assert raw.heard[1:] == [one for one in right if not START + MINUTE <= one["E"] < START + 2 * MINUTE]
        assert sandbox.stats.faults["ws_stall"] == 7
        assert raw.closed_with is None

    talking(_SPOT, told, [{"kind": "ws_stall", "venue": "binance", **window}])


@pytest.mark.parametrize("only", [{"heartbeats": True}, {"path": "trade:1m:tBTCUSD"}, {"message": "forming"}])
def test_a_stream_that_stalls_leaves_answers_and_heartbeats_alone(only: Plan) -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask({"event": "subscribe", "channel": "candles", "key": "trade:1m:tBTCUSD"}, 2)
        await raw.ask({"event": "subscribe", "channel": "candles", "key": "trade:5m:tBTCUSD"}, 2)
        said = await passed(sandbox, raw, 1)
        opens = {one[0] for one in said}
        assert len(opens) == {"heartbeats": 0, "path": 1, "message": 2}[next(iter(only))]
        assert await raw.ask({"event": "ping", "cid": 1})

    window = {"since": iso(START + 31_000), "until": iso(START + 10 * MINUTE)}
    talking("bitfinex/ws/2", told, [{"kind": "ws_stall", **window, **only}])


def test_connections_are_refused_as_often_as_the_plan_says() -> None:
    async def tried() -> list[int]:
        statuses = []
        plan = [{"kind": "ws_refused", "venue": "okx", "first": 2}]
        async with Sandbox(now=NOW, faults=plan) as sandbox, aiohttp.ClientSession() as session:
            for venue in ("okx/ws/v5/public", "kraken/v2", "okx/ws/v5/business", "okx/ws/v5/public"):
                try:
                    async with session.ws_connect(f"{sandbox.url}/ws/{venue}"):
                        statuses.append(101)
                except aiohttp.WSServerHandshakeError as error:
                    statuses.append(error.status)
            assert sandbox.stats.faults == {"ws_refused": 2}
        return statuses

    assert asyncio.run(tried()) == [503, 101, 503, 101]


@pytest.mark.parametrize(
    ("path", "word"),
    [(_SPOT, None), ("bitfinex/ws/2", ("code", 20051)), ("okx/ws/v5/business", ("code", "64008"))],
)
def test_a_restart_ends_connections_with_the_venue_s_word_and_refuses_new_ones(
    path: str, word: tuple[str, object] | None
) -> None:
    venue = path.partition("/")[0]
    plan = [{"kind": "ws_restart", "venue": venue, "since": iso(START + MINUTE), "until": iso(START + 3 * MINUTE)}]

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        async with connected(sandbox, "gate/spot/ws/v4/") as other:
            await sandbox.passing(MINUTE)
            await until(lambda: raw.closed_with is not None)
            assert raw.closed_with == 1012
            assert word is None or raw.heard[-1][word[0]] == word[1]
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with connected(sandbox, path):
                    pass
            await sandbox.passing(MINUTE + 30_000)
            async with connected(sandbox, path):
                assert other.closed_with is None
            assert sandbox.stats.faults == {"ws_restart": 2}

    talking(path, told, plan)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "ws_drop", "message": "trade"}, "unknown message 'trade'"),
        ({"kind": "ws_drop", "share": 1.5}, "share must be at most 1"),
        ({"kind": "ws_drop", "share": 0.5, "every": 2}, "every and share contradict"),
        ({"kind": "ws_drop", "seed": 5}, "seed without share"),
        ({"kind": "ws_skew", "message": "snapshot"}, "snapshots say no time"),
        ({"kind": "ws_drop", "within": 2}, "within says nothing about ws_drop"),
        ({"kind": "ws_reorder", "within": 0}, "within must be a whole number of at least 1"),
        ({"kind": "ws_stall", "since": NOW}, "the key until is missing"),
        ({"kind": "ws_stall", "since": NOW, "until": NOW, "every": 3}, "every says nothing about ws_stall"),
        ({"kind": "ws_restart", "until": NOW}, "the key since is missing"),
        ({"kind": "ws_restart", "path": "ws", "since": NOW, "until": NOW}, "path says nothing about ws_restart"),
        ({"kind": "drop"}, "unknown kind 'drop'"),
        ({"kind": "throttle", "share": 0.5}, "share says nothing about throttle"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_place(entry: Plan, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"faults: fault 2: {re.escape(message)}"):
        faultfile.plan([{"kind": "ws_drop"}, entry])


def test_faults_of_websockets_strike_no_request_and_those_of_requests_no_message(right: Sequence[Json]) -> None:
    said, met = _heard({"kind": "server_error"})
    assert said == right
    assert met["met"] == 0
    plan = faultfile.plan([{"kind": "ws_drop"}, {"kind": "ws_refused"}])
    assert plan.strike("binance", "/api/v3/klines?", START, is_candles=True) is None
