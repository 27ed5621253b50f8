"""A server or a loader that is killed in the middle of a load: what is served then is old or new, and loading again ends it."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qmd_platform.errors import StoreError
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import month_of
from qmd_platform.publish import questdb as questdb_store
from qmd_platform.publish.loading import compare, publish
from qmd_platform.publish.port import Batch, Loaded
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


READS_OF_A_REPLACEMENT = (3, 4, 5)
"""After two changed series one of them is read whole to compare, and then both to send again."""


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


@pytest.mark.parametrize("number", READS_OF_A_REPLACEMENT)
@pytest.mark.questdb
def test_a_replacement_stopped_anywhere_is_ended_by_loading_again(
    lake: Lake, questdb: QuestDB, number: int, monkeypatch: pytest.MonkeyPatch
):
    target = QuestTarget(questdb.fresh_url(), questdb.postgres_url)
    load(lake, target)
    put(
        lake,
        Write(MINUTES, candles(MINUTES, [*range(15), DAY]).to_arrow(), replace=True),
        Write(OF_SPOT, candles(OF_SPOT, [3], 7.5).to_arrow()),
    )

    def stop() -> None:
        raise Stopped

    with monkeypatch.context() as patching:
        at_read(patching, number, stop)
        with pytest.raises(Stopped):
            load(lake, target)
    load(lake, target)
    same(lake, target)
    assert load(lake, target) == 0


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
