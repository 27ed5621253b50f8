"""What a notebook shows of a read: a line that says it, and a table where one is drawn."""

import pytest

from qmd_platform.model.window import Window
from qmd_platform.reader import Range, Source, coverage, gaps, read, shown
from qmd_platform.reader.waiting import Filling
from tests.reader.worlds import HOUR, MARKET, NOW, World, span

HELD = (span("11:00", "11:20"), span("11:23", "12:00"))
DAY = "2026-03-05T"


def test_a_read_and_its_parts_say_in_a_line_what_they_are(played: World):
    home = played.home("lines", *HELD)
    options = {"home": home, "now": NOW, "url": played.sandbox.url}
    found = read(f"{MARKET}:1m", HOUR.start, HOUR.end, **options)
    about = f"binance:BTC/USDT:1m [{DAY}11:00:00Z, {DAY}12:00:00Z): 60 rows from lake and backfill; met, coverage 100 %"
    assert repr(found) == f"Read({about})"
    assert repr(found.provenance) == f"Provenance({about}, commit {found.provenance.commit}, strategy seamless)"
    first, second, _ = found.provenance.ranges
    assert repr(first).startswith(f"Range([{DAY}11:00:00Z, {DAY}11:20:00Z): 20 rows from lake, version ")
    assert repr(second) == f"Range([{DAY}11:20:00Z, {DAY}11:23:00Z): 3 rows from backfill in process)"
    drawn = found._repr_html_()
    assert drawn.startswith(f"<p>Read({about})</p><table>")
    assert drawn.count("<tr>") == 4


def test_coverage_and_gaps_say_in_a_line_what_is_there(played: World):
    home = played.home("gaps", *HELD)
    told = coverage(f"{MARKET}:1m", HOUR.start, HOUR.end, home=home, now=NOW)
    assert repr(told) == (
        f"Coverage(binance:BTC/USDT:1m [{DAY}11:00:00Z, {DAY}12:00:00Z): 60 expected, 57 present, 3 missing; coverage 95.00 %)"
    )
    assert "<td>nobody has asked for it</td>" in told._repr_html_()
    found = gaps(f"{MARKET}:1m", HOUR.start, HOUR.end, home=home, now=NOW)
    assert repr(found) == f"[Window[{DAY}11:20:00Z, {DAY}11:23:00Z)]"


def test_a_fill_in_the_background_says_whether_it_goes_on_or_how_it_ended():
    def failing() -> None:
        raise ValueError("no venue")

    done, failed = Filling(lambda: None, "binance:BTC/USDT:1m"), Filling(failing, "binance:BTC/USDT:1m")
    done.wait(60)
    with pytest.raises(ValueError, match="no venue"):
        failed.wait(60)
    assert repr(done) == "Filling(binance:BTC/USDT:1m: has ended)"
    assert repr(failed) == "Filling(binance:BTC/USDT:1m: failed: no venue)"


def test_what_is_shown_survives_any_time_and_never_calls_less_than_all_a_hundred():
    assert repr(Window(0, 10**18)) == f"Window(0, {10**18})"
    assert shown.percent(1 - 1e-9) == "99.99 %"
    assert repr(Range(span("11:00", "11:01"), Source.LIVE, 1, detail="log")).endswith("1 rows from live log)")
