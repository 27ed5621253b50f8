"""Where Dagster's UI is named, a read has it do the backfill: launched once, waited for, its refusals told."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import ConfigError, DagsterError, Unmet
from qmd_platform.ingest.asking import Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.reader import Read, Sla, Source, orchestrated, read
from tests.reader.uis import ui
from tests.reader.worlds import HOUR, MARKET, NOW, SERIES, World, span

INNER = (span("11:00", "11:20"), span("11:23", "12:00"))
LAUNCHED = {"__typename": "LaunchBackfillSuccess", "backfillId": "abcdefgh"}
GOING = {"__typename": "PartitionBackfill", "status": "REQUESTED", "error": None}
DONE = {"__typename": "PartitionBackfill", "status": "COMPLETED_SUCCESS", "error": None}


def reading(home: Path, played: World, **options: Any) -> Read:
    given = {"start": HOUR.start, "end": HOUR.end, "home": home, "now": NOW, "url": played.sandbox.url}
    return read(SERIES, **(given | options))


@pytest.fixture(autouse=True)
def nothing_under_way() -> Iterator[None]:
    """What another test has launched is not waited for here, should the port be the same."""
    orchestrated.under_way.clear()
    yield
    orchestrated.under_way.clear()


def fill(home: Path, played: World) -> None:
    """What a run of Dagster's would do."""
    with Lake.open(home / "lake") as lake:
        backfill(lake, [MARKET], Timeframe.M1, HOUR, run_id="dagster", url=played.sandbox.url)


def test_the_backfill_of_the_months_is_launched_and_waited_for(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("launched", *INNER)
    with ui(LAUNCHED, GOING, None, DONE) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", f"{server.url}/")
        played.fails()
        with pytest.raises(Unmet, match="3 of the candles") as told:
            reading(home, played)
    assert told.value.reason == "coverage", "Dagster said that it is done, and the candles are not there"
    launch, *looks = server.asked
    assert launch["asked"]["assetSelection"] == [{"path": ["binance", "candles_1m"]}]
    assert launch["asked"]["partitionNames"] == ["binance~BTC-USDT|2026-03"]
    assert looks == [{"id": "abcdefgh"}] * 3
    assert played.asked == 0, "this process asks no venue"


def test_what_dagster_has_filled_is_told_as_its_doing(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("by dagster", *INNER)
    with ui(LAUNCHED, GOING, DONE) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        look = server.looks.pop

        def pop(place: int) -> Any:
            fill(home, played)
            return look(place)

        server.looks = type("Looks", (list,), {"pop": lambda self, place: pop(place)})(server.looks)
        found = reading(home, played)
    assert len(found) == 60
    (one,) = (one for one in found.provenance.ranges if one.source is Source.BACKFILL)
    assert (one.window, one.rows, one.detail) == (span("11:20", "11:23"), 3, "dagster")


def test_longer_candles_are_asked_for_with_those_they_are_made_of(played: World, monkeypatch: pytest.MonkeyPatch):
    with ui(LAUNCHED, DONE) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        options = {"strategy": "auto_backfill", "on_missing": "allow", "home": played.folder / "longer", "now": NOW}
        read("binance:BTC/USDT:1h", "2026-01-30", "2026-03-02", **options)
        read("binance:BTC/USDT:1m", "2026-03-01", "2026-03-02", **options)
    assert [one["path"][1] for one in server.asked[0]["asked"]["assetSelection"]] == ["candles_1m", "candles_1h"]
    assert [one[-7:] for one in server.asked[0]["asked"]["partitionNames"]] == ["2026-01", "2026-02", "2026-03"]


@pytest.mark.parametrize(
    ("launched", "look", "says"),
    [
        (None, DONE, "does not answer: 502"),
        ("<html>", DONE, "does not answer as Dagster's UI does: <html>"),
        ({"__typename": "UnauthorizedError", "message": "no"}, DONE, "refuses the backfill: no"),
        (LAUNCHED, GOING | {"status": "COMPLETED_FAILED"}, "ended as COMPLETED_FAILED: see its runs"),
        (LAUNCHED, GOING | {"status": "FAILED", "error": {"message": "boom"}}, "ended as FAILED: boom"),
        (LAUNCHED, GOING | {"status": "CANCELED"}, "ended as CANCELED"),
        (LAUNCHED, {"__typename": "BackfillNotFoundError", "message": "not found"}, "refuses the backfill: not found"),
    ],
)
def test_what_goes_wrong_in_dagster_is_told_with_its_code(
    launched: Any, look: Any, says: str, played: World, monkeypatch: pytest.MonkeyPatch
):
    home = played.home(f"wrong {says[:30]}".replace("<", "").replace("/", ""), *INNER)
    with ui(launched, look) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        with pytest.raises(Unmet, match="Dagster did not take or did not finish") as told:
            reading(home, played)
    assert told.value.reason == "dagster_failed"
    assert says in told.value.message


def test_a_backfill_that_takes_too_long_is_not_waited_for_and_goes_on(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("too long", *INNER)
    with ui(LAUNCHED, GOING) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        with pytest.raises(Unmet) as told:
            reading(home, played, sla=Sla(backfill_s=1))
        assert told.value.reason == "backfill_late"


def test_a_ui_that_hangs_is_cut_off_and_the_code_is_that_of_the_deadline(
    played: World, monkeypatch: pytest.MonkeyPatch
):
    home = played.home("hung ui", *INNER)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("QMD_DAGSTER_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for limits, reason in (({"backfill_s": 0.5}, "backfill_late"), ({"total_s": 1}, "total_late")):
            with pytest.raises(Unmet) as told:
                reading(home, played, sla=Sla(**limits))
            assert told.value.reason == reason


def test_what_is_under_way_is_waited_for_and_not_launched_again(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("polled", *INNER)
    with ui(LAUNCHED, GOING) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        launches = lambda: sum("asked" in one for one in server.asked)  # noqa: E731 - said twice, of nothing else
        with pytest.raises(Unmet) as told:
            reading(home, played, strategy="auto_backfill", sla=Sla(backfill_s=1, total_s=8, on_violation="hold"))
        assert told.value.reason == "backfill_late"
        assert launches() == 1
        with pytest.raises(Unmet):
            reading(home, played, sla=Sla(backfill_s=1))
        assert launches() == 1
        server.looks[:] = [DONE]
        with pytest.raises(Unmet, match="3 of the candles"):
            reading(home, played)
        assert launches() == 2, "what has ended has not seen what is lacking now"
        server.looks[:] = [{"__typename": "BackfillNotFoundError", "message": "not found"}]
        with pytest.raises(Unmet, match="not found"):
            reading(home, played)
        assert launches() == 3


def test_a_backfill_that_never_ends_is_waited_for_as_long_as_one_may_take_here(
    played: World, monkeypatch: pytest.MonkeyPatch
):
    home = played.home("for ever", *INNER)
    monkeypatch.setattr(orchestrated, "deadlines", lambda _: Deadlines(run_s=0.7))
    with ui(LAUNCHED, GOING) as server:
        monkeypatch.setenv("QMD_DAGSTER_URL", server.url)
        with pytest.raises(Unmet, match="is still under way"):
            reading(home, played)


def test_a_ui_that_is_not_there_is_an_error_that_names_the_setting(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("no ui", *INNER)
    monkeypatch.setenv("QMD_DAGSTER_URL", "http://127.0.0.1:9")
    found = reading(home, played, strategy="partial_fill")
    assert found.filling
    with pytest.raises(DagsterError, match="does not answer") as told:
        found.filling.wait(60)
    assert "QMD_DAGSTER_URL" in str(told.value.hint)
    assert told.value.exit_code == 3
    monkeypatch.setenv("QMD_DAGSTER_URL", "localhost")
    with pytest.raises(ConfigError, match="QMD_DAGSTER_URL 'localhost' is not a server's address"):
        reading(home, played)
