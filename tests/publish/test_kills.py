"""A server or a loader that is killed in the middle of a load: what is served then is old or new, and loading again ends it."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import StoreError
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import month_of
from qmd_platform.publish import questdb as questdb_store
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import publish
from qmd_platform.publish.port import Batch, Loaded
from qmd_platform.publish.questdb_http import Quest
from qmd_platform.publish.reading import Reader
from tests.publish.serving import DAY, MINUTES, OF_SPOT, QuestTarget, Row, Target, candles, held, put, same
from tests.servers import QuestDB

COINS = ("ADA", "BTC", "DOT", "ETH", "LTC", "SOL")

LOADER = """
import sys
from pathlib import Path
from qmd_platform.lake.store import Lake
from qmd_platform.publish import questdb
from qmd_platform.publish.loading import publish
from qmd_platform.publish.opening import opened

questdb.TOGETHER = 4
with Lake.open(Path(sys.argv[1])) as lake:
    publish(lake, opened(sys.argv[2], {}, sys.argv[3]), progress=lambda table, done, total: print(done, flush=True))
"""
"""A loader as a process of its own; it says how far it is."""


STEPS_OF_A_REPLACEMENT = ("read 3", "read 4", "drop 1", "send 4", "send 5")
"""After two changed series one of them is read whole to compare, and both to send again. Before this both were sent, and written down as
unknown."""


class Stopped(Exception):
    """A loader that ends here."""


def partitions() -> list[Partition]:
    markets = [Market.parse(f"binance:{coin}/USDT") for coin in COINS]
    return [Partition(Series.candles(one, Timeframe.M1), f"2026-0{month}") for month in (1, 2, 3) for one in markets]


def grown(lake: Lake, price: float) -> None:
    put(lake, *(Write(one, candles(one, list(range(300)), price).to_arrow()) for one in partitions()))


def load(lake: Lake, target: Target) -> int:
    store = target.store()
    try:
        return sum(one.sent for one in publish(lake, store))
    finally:
        store.close()


def at_read(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], None]) -> None:
    """Do something when a loader reads a partition for the ``number``-th time from now.

    In PostgreSQL its transaction is open then, in QuestDB others are sent and not yet written down.
    """
    count, read = itertools.count(1), Reader.read

    def reading(self: Reader, partition: Partition, since: Loaded | None) -> Batch:
        if next(count) == number:
            do()
        return read(self, partition, since)

    monkeypatch.setattr(Reader, "read", reading)


def test_a_server_killed_in_the_middle_of_a_load(lake: Lake, own_target: Target, monkeypatch: pytest.MonkeyPatch):
    grown(lake, 1.0)
    load(lake, own_target)
    grown(lake, 2.0)
    monkeypatch.setattr(questdb_store, "TOGETHER", 4)
    at_read(monkeypatch, 10, own_target.server.kill)
    with pytest.raises(StoreError, match=r"was stopped|cannot be reached") as caught:
        load(lake, own_target)
    assert "again" in str(caught.value)
    assert "nothing was committed" not in str(caught.value)  # months were
    own_target.server.start()
    whole_or_not(lake, own_target)
    assert 0 < load(lake, own_target) < 18 * 300
    same(lake, own_target)


def test_a_loader_killed_in_the_middle_of_a_load(lake: Lake, target: Target, tmp_path: Path):
    grown(lake, 1.0)
    load(lake, target)
    grown(lake, 2.0)
    command = [sys.executable, "-c", LOADER, str(tmp_path / "lake"), target.name, target.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], env=os.environ) as loader:
        assert loader.stdout
        assert loader.stdout.readline(), "the loader said nothing"
        loader.send_signal(signal.SIGKILL)
    whole_or_not(lake, target)
    load(lake, target)
    same(lake, target)
    assert load(lake, target) == 0


def steps_of(monkeypatch: pytest.MonkeyPatch, at: Callable[[str], None]) -> None:
    """Tell ``at`` of each partition that is read, each drop and each sending of rows, before it is done: "read 1", "drop 1" ..."""
    counts = {name: itertools.count(1) for name in ("read", "drop", "send")}
    read, ask, send = Reader.read, Quest.ask, Quest.send

    def reading(self: Reader, partition: Partition, since: Loaded | None) -> Batch:
        at(f"read {next(counts['read'])}")
        return read(self, partition, since)

    def asking(self: Quest, query: str) -> list[list[Any]]:
        if "DROP PARTITION" in query:
            at(f"drop {next(counts['drop'])}")
        return ask(self, query)

    def sending(self: Quest, *rows: Any) -> None:
        at(f"send {next(counts['send'])}")
        send(self, *rows)

    monkeypatch.setattr(Reader, "read", reading)
    monkeypatch.setattr(Quest, "ask", asking)
    monkeypatch.setattr(Quest, "send", sending)


def with_vanished_rows(lake: Lake) -> None:
    put(
        lake,
        Write(MINUTES, candles(MINUTES, [*range(15), DAY]).to_arrow(), replace=True),
        Write(OF_SPOT, candles(OF_SPOT, [3], 7.5).to_arrow()),
    )


@pytest.mark.parametrize("step", STEPS_OF_A_REPLACEMENT)
@pytest.mark.questdb
def test_a_replacement_stopped_anywhere_is_ended_by_loading_again(
    lake: Lake, questdb: QuestDB, step: str, monkeypatch: pytest.MonkeyPatch
):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    load(lake, target)
    with_vanished_rows(lake)

    def stop(now: str) -> None:
        if now == step:
            raise Stopped

    with monkeypatch.context() as patching:
        steps_of(patching, stop)
        with pytest.raises(Stopped):
            load(lake, target)
    load(lake, target)
    same(lake, target)
    assert load(lake, target) == 0


@pytest.mark.questdb
def test_what_takes_the_place_of_dropped_days_is_read_before_they_are_dropped(
    lake: Lake, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    load(lake, target)
    with_vanished_rows(lake)
    steps: list[str] = []
    steps_of(monkeypatch, steps.append)
    load(lake, target)
    same(lake, target)
    after = steps[steps.index("drop 1") + 1 :]
    assert [step.split()[0] for step in after] == ["send", "send", "send"]  # both series, and that they are loaded


def whole_or_not(lake: Lake, target: Target) -> None:
    """Fail unless the store has what it says it has. All else is old; in QuestDB it may be partly new."""
    store = target.store()
    (found,) = compare(lake, store, ["candles_1m"])
    store.close()
    behind = {one.partition for one in found.differences if one.is_stale}
    assert behind
    served, wanted = prices(target.rows("candles_1m")), prices(held(lake, "candles_1m"))
    for one in partitions():
        if one not in behind:
            assert served[one] == wanted[one], one
        elif target.name == "postgres":
            assert len(served[one]) == 1, one
            assert served[one] != wanted[one], one


def prices(rows: dict[Row, Row]) -> dict[Partition, set[bytes]]:
    """The open prices of each of ``partitions``."""
    found: dict[Partition, set[bytes]] = {one: set() for one in partitions()}
    for (venue, symbol, at), values in rows.items():
        partition = Partition(Series("candles_1m", venue, symbol), month_of(at))
        found.get(partition, set()).add(values[0])
    return found
