"""Changes of facts over real sockets: what each venue's list shows ends as rows of the instruments table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.instruments import histories, refresh
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import running
from qmd_platform.venues.port import Instrument

BEFORE, SINCE, AFTER = "2026-11-20T00:00:00Z", "2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z"

Told = Sequence[Mapping[str, object]]


def rows_after(lake: Lake, market: str, looks: Sequence[str], listings: Told) -> list[Instrument]:
    """The rows of ``market`` after a look at its venue at each of the times."""
    venue, _, symbol = market.partition(":")
    for now in looks:
        with running(now=now, listings=listings) as url:
            refresh(lake, venue, run_id="r", url=url)
    return histories(lake, venue).get(symbol, [])


CHANGES = [
    ("binance:SOL/USDT", {"tick": "0.001"}, "tick", (0.01, 0.001)),
    ("binance:SOL/USDT:USDT", {"lot": "0.1"}, "lot", (1.0, 0.1)),
    ("bybit:SOL/USDT", {"tick": "0.001"}, "tick", (0.01, 0.001)),
    ("bybit:SOL/USDT:USDT", {"lot": "0.1"}, "lot", (0.001, 0.1)),
    ("gate:SOL/USDT", {"lot": "0.1"}, "lot", (0.001, 0.1)),
    ("gate:SOL/USDT:USDT", {"contract_size": "0.1"}, "contract_size", (1.0, 0.1)),
    ("kraken:SOL/USD", {"tick": "0.001"}, "tick", (0.01, 0.001)),
    ("okx:SOL/USDT", {"tick": "0.001"}, "tick", (0.01, 0.001)),
    ("okx:SOL/USDT:USDT", {"lot": "0.1"}, "lot", (0.01, 0.1)),
]


@pytest.mark.parametrize(("market", "terms", "fact", "values"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_change_of_terms_is_a_new_row_since_it_was_seen(
    tmp_path: Path, market: str, terms: dict[str, str], fact: str, values: tuple[float, float]
):
    with Lake.open(tmp_path) as lake:
        first, second = rows_after(lake, market, [BEFORE, AFTER], [{"market": market, "changes_at": SINCE, **terms}])
    assert (getattr(first, fact), getattr(second, fact)) == values
    assert first.valid_to == second.valid_from
    assert 0 <= second.valid_from - instant(AFTER) < 60_000
    assert second.valid_to is None


@pytest.mark.parametrize("venue", ["binance", "bybit", "gate"])
def test_a_change_of_the_funding_interval_is_a_new_row_and_the_venue_s_word(tmp_path: Path, venue: str):
    looks = ["2026-11-10T12:00:00Z", "2026-11-11T12:00:00Z", "2026-11-21T12:00:00Z"]
    with Lake.open(tmp_path) as lake:
        rows = rows_after(lake, f"{venue}:XRP/USDT:USDT", looks, [])
    said = [(row.funding_interval_hours, row.funding_interval_from) for row in rows]
    assert said == [(8.0, "venue"), (4.0, "venue"), (8.0, "venue")]


@pytest.mark.parametrize("market", ["bitfinex:SOL/USD", "binance:SOL/USDT", "okx:SOL/USDT:USDT", "kraken:SOL/USD"])
def test_a_market_that_comes_back_under_its_symbol_was_away_in_between(tmp_path: Path, market: str):
    back = "2026-11-21T00:00:00Z"
    listings = [{"market": market, "delisted_at": SINCE, "relisted_at": back}]
    with Lake.open(tmp_path) as lake:
        rows = rows_after(lake, market, [BEFORE, AFTER, back], listings)
    assert [(row.active, row.delisted_at is None) for row in rows] == [(True, True), (False, False), (True, True)]
    if market.startswith("okx"):
        assert rows[-1].listed_at == instant(back)
    assert [row.renamed_from for row in rows] == [None] * 3


LISTED = {"like": "gate:ADA/USDT", "listed_at": "2021-01-01T00:00:00Z"}


def renamed(old: str, new: str, at: str) -> Told:
    return [{"market": f"gate:{old}/USDT", **LISTED, "delisted_at": at, "renamed_to": f"gate:{new}/USDT"}]


@pytest.mark.parametrize(
    ("old", "new", "former"),
    [
        ("MATIC", "POL", "MATIC/USDT"),
        ("FTM", "S", "FTM/USDT"),
        ("GAL", "G", "GAL/USDT"),
        ("AGIX", "FET", None),
        ("OCEAN", "FET", None),
        ("1000NEW", "NEW", None),
    ],
)
def test_a_rename_joins_where_the_reviewed_map_says_so_and_nowhere_else(
    tmp_path: Path, old: str, new: str, former: str | None
):
    with Lake.open(tmp_path) as lake:
        (row,) = rows_after(lake, f"gate:{new}/USDT", [BEFORE, AFTER], renamed(old, new, SINCE))
        before = histories(lake, "gate")[f"{old}/USDT"]
    assert row.renamed_from == former
    assert [one.renamed_from for one in before] == [None, None]


def test_luna_went_on_as_lunc_and_the_luna_of_today_is_another_coin(tmp_path: Path):
    looks = ["2022-05-10T00:00:00Z", "2022-05-14T00:00:00Z", "2022-06-02T00:00:00Z"]
    listings = [
        {
            "market": "gate:LUNA/USDT",
            **LISTED,
            "delisted_at": "2022-05-13T00:00:00Z",
            "relisted_at": "2022-05-31T00:00:00Z",
        },
        {"market": "gate:LUNC/USDT", "like": "gate:ADA/USDT", "listed_at": "2022-05-30T00:00:00Z"},
    ]
    with Lake.open(tmp_path) as lake:
        (lunc,) = rows_after(lake, "gate:LUNC/USDT", looks, listings)
        luna = histories(lake, "gate")["LUNA/USDT"]
    assert lunc.renamed_from == "LUNA/USDT"
    assert [(row.active, row.renamed_from) for row in luna] == [(True, None), (False, None), (True, None)]


def test_a_thousand_coins_are_a_multiplier(tmp_path: Path):
    with Lake.open(tmp_path) as lake:
        (row,) = rows_after(lake, "binance:1000PEPE/USDT:USDT", [BEFORE, AFTER], [])
        (bitcoin,) = histories(lake, "binance")["BTC/USDT:USDT"]
    assert (row.multiplier, bitcoin.multiplier) == (1000.0, 1.0)


def test_volumes_are_converted_with_the_contract_size_of_their_time(tmp_path: Path):
    market, since = "gate:SOL/USDT:USDT", "2026-11-20T06:00:00Z"
    listings = [{"market": market, "changes_at": since, "contract_size": "0.1"}]
    window = Window(instant(since) - 3_600_000, instant(since) + 3_600_000)
    with Lake.open(tmp_path) as lake:
        assert len(rows_after(lake, market, [BEFORE, since], listings)) == 2
        with running(now=AFTER, listings=listings) as url, running(now=AFTER) as unchanged:
            backfill(lake, [Market.parse(market)], Timeframe.M1, window, run_id="r", url=url)
            with Lake.open(tmp_path / "same") as other:
                backfill(other, [Market.parse(market)], Timeframe.M1, window, run_id="r", url=unchanged)
                expected = other.candles(Series.candles(Market.parse(market), Timeframe.M1), window)
        found = lake.candles(Series.candles(Market.parse(market), Timeframe.M1), window)
    assert len(found) == len(expected) == 120
    np.testing.assert_array_equal(found.volume, expected.volume)


def test_looking_twice_changes_nothing(tmp_path: Path):
    with Lake.open(tmp_path) as lake, running(now=BEFORE) as url:
        for venue in ("binance", "bitfinex", "bybit", "gate", "kraken", "okx"):
            refresh(lake, venue, run_id="r", url=url)
            before = lake.state(Partition(Series.instruments(venue)))
            again = refresh(lake, venue, run_id="r", url=url)
            assert (again.new, again.changed) == (0, 0)
            assert lake.state(Partition(Series.instruments(venue))) == before


def test_an_interval_that_the_lists_kept_saying_is_the_venues_word_on_settlements_since_then(tmp_path: Path):
    market, first, later = Market.parse("gate:BTC/USDT:USDT"), "2026-11-20T04:00:00Z", "2026-11-22T04:00:00Z"
    with Lake.open(tmp_path) as lake:
        rows_after(lake, str(market), [first], [])
        with running(now=later) as url:
            fill_funding(lake, [Partition(Series.funding(market), "2026-11")], run_id="r", url=url)
        rows = lake.read(Series.funding(market)).select(["settled_at", "interval_hours", "interval_from"]).to_pylist()
    said = {row["interval_from"] for row in rows if row["settled_at"].timestamp() * 1000 > instant(first)}
    before = {row["interval_from"] for row in rows if row["settled_at"].timestamp() * 1000 <= instant(first)}
    assert said == {"venue"}
    assert before == {"neighbours"}
    assert {row["interval_hours"] for row in rows} == {8.0}
