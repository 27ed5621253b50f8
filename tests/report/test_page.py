"""The page: well-formed, complete in itself, and every figure on it the table's own."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from qmd_platform.arbitrage.flags import Flag
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError
from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.lake.store import Lake
from qmd_platform.report.board import COLUMNS
from qmd_platform.report.collecting import Report, collected
from qmd_platform.report.page import page
from qmd_platform.report.records import Pair
from tests.ingest.fundedlake import MARKETS, every, put_funding
from tests.report.conftest import NOW, wanted

HOUR = 3_600_000
LOADS = {"src", "href", "srcset", "action", "data", "poster", "background", "cite", "formaction", "xlink:href"}


def parsed(html: str) -> ET.Element:
    """The page as XML: it is well formed to the last tag."""
    return ET.fromstring(html.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own


def classed(root: ET.Element, tag: str, name: str) -> Iterator[ET.Element]:
    return (one for one in root.iter(tag) if name in one.get("class", "").split())


def board_rows(root: ET.Element) -> list[ET.Element]:
    return [row for table in classed(root, "table", "board") for body in table.iter("tbody") for row in body]


def cells(row: ET.Element) -> dict[str, str]:
    """Raw values by column, as ``group name``."""
    names = [f"{one.group} {one.name}".strip() for one in COLUMNS]
    return dict(zip(names, (cell.get("data-v", "") for cell in row), strict=True))


def raw(value: object) -> str:
    return "" if value is None else repr(value)


def told(pair: Pair) -> dict[str, str]:
    """What the table's row says, by column of the board."""
    row = pair.row
    net, cost = "Net % a year (simple), held", "Cost of the round trip, bp"
    return {
        "Pair": row["underlying"],
        "Sell": row["short_market"],
        "Buy": row["long_market"],
        "Funding difference bp/h": raw(row["funding_per_hour"]),
        "Funding difference % a year": raw(row["funding_per_hour"] * 8760),
        "Funding difference last, bp/h": raw(row["last_funding_per_hour"]),
        "Price, bp": raw(row["price_spread_bps"]),
        f"{cost} total": raw(row["cost_bps"]),
        f"{cost} fees": raw(row["fees_bps"]),
        f"{cost} slip": raw(row["slippage_bps"]),
        f"{cost} cross": raw(row["entry_spread_bps"] + row["exit_spread_bps"]),
        f"{cost} move": raw(row["transfer_bps"]),
        "Borrow": raw(row["borrow_per_hour"]),
        "Break-even": raw(row["break_even_hours"]),
        **{f"{net} {hours // 24} d": raw(row[f"net_{hours}h_per_year"]) for hours in (24, 72, 168, 720)},
        "Alive": str(NOW - pair.earns_since) if pair.earns_since is not None else "0",
    }


def test_every_figure_on_the_board_is_the_one_in_the_table(report: Report, html: str):
    rows = board_rows(parsed(html))
    assert len(rows) == len(report.entries) == 8
    for row, entry in zip(rows, report.entries, strict=True):
        said, expected = cells(row), told(entry.pair)
        assert {name: said[name] for name in expected} == expected
        assert set(said) - set(expected) == {"State", "Risk"}


def test_what_a_reader_sees_is_that_figure_in_its_unit(report: Report, html: str):
    row = board_rows(parsed(html))[0]
    shown = ["".join(cell.itertext()) for cell in row]
    pair = report.entries[0].pair.row
    place = {f"{one.group} {one.name}".strip(): number for number, one in enumerate(COLUMNS)}

    def number(name: str) -> float:
        return float(shown[place[name]].replace("\N{MINUS SIGN}", "-").replace(",", ""))

    assert number("Funding difference bp/h") == pytest.approx(pair["funding_per_hour"] * 10_000, abs=5e-5)
    assert number("Funding difference % a year") == pytest.approx(pair["funding_per_hour"] * 876_000, abs=0.05)
    assert number("Cost of the round trip, bp total") == pytest.approx(pair["cost_bps"], abs=0.05)
    assert number("Net % a year (simple), held 7 d") == pytest.approx(100 * pair["net_168h_per_year"], abs=0.05)
    assert "8h" in shown[place["Sell"]]
    assert "next 00:00" in shown[place["Sell"]]


def test_every_risk_flag_stands_with_its_sentence(report: Report, html: str):
    root = parsed(html)
    words = "".join(root.itertext())
    assert all(flag.sentence in words for flag in Flag)
    for row, entry in zip(board_rows(root), report.entries, strict=True):
        chips = [(chip.text, chip.get("title")) for chip in classed(row, "i", "flag")]
        assert chips == [(name, Flag(name).sentence) for name in entry.pair.flags]
    assert any(entry.pair.flags for entry in report.entries)


def test_where_a_pair_stands_is_what_the_table_of_opportunities_says(report: Report, html: str):
    states = [cells(row)["State"] for row in board_rows(parsed(html))]
    pairs = [entry.pair for entry in report.entries]
    held = [pair.mirror and pair.mirror.is_held and not (pair.life and pair.life.is_held) for pair in pairs]
    assert states == [
        pair.mirror.state if other and pair.mirror else pair.life.state if pair.life else ""
        for pair, other in zip(pairs, held, strict=True)
    ]
    assert any(states)


def test_it_loads_nothing_and_forbids_itself_to(html: str):
    root = parsed(html)
    found = [(name, value) for one in root.iter() for name, value in one.attrib.items() if name in LOADS]
    assert {value[0] for _, value in found} == {"#"}, "only places within the page"
    assert "http" not in re.sub(r'http-equiv="', "", html)
    assert not re.search(r"url\(|@import|<iframe|<link|<img|fetch\(|XMLHttp|WebSocket", html)
    (script,) = root.iter("script")
    (policy,) = [one.get("content", "") for one in root.iter("meta") if one.get("http-equiv")]
    digest = b64encode(sha256((script.text or "").encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_every_link_leads_to_one_place_and_every_pair_has_one(report: Report, html: str):
    root = parsed(html)
    places = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(places) == len(set(places))
    assert {link.get("href", "")[1:] for link in root.iter("a")} <= set(places)
    assert {entry.pair.anchor for entry in report.entries} <= set(places)


def test_pictures_say_what_they_are_and_tables_have_heads(html: str):
    root = parsed(html)
    pictures = list(root.iter("svg"))
    assert len(pictures) == 3 * 8
    assert all(one[0].tag == "title" and one[0].text and one.get("role") == "img" for one in pictures)
    assert all(any(cell.get("scope") for cell in table.iter("th")) for table in root.iter("table"))


def test_it_stays_small(html: str):
    assert len(html) < 8 * 36_000 + 40_000, "a pair of hourly legs has 144 settlements to list"


def test_a_name_with_marks_of_html_in_it_stays_a_name(tmp_path: Path):
    odd = [type(MARKETS[0])(venue, "<b>&\"'/USDT:USDT") for venue in ("binance", "gate")]
    lake = Lake.open(tmp_path / "lake")
    for number, market in enumerate(odd):
        put_funding(lake, market, every(8, [1e-4 * (number + 1)] * 90, first=NOW - 40 * 24 * HOUR))
    derive_arbitrage(lake, odd, ["2026-04"], run_id="make")
    root = parsed(page(collected(lake, wanted(), Rules())))
    assert not list(root.iter("b")) or all(one.text != "&\"'" for one in root.iter("b"))
    assert any("<b>&\"'" in (one.text or "") for one in root.iter())


def test_an_empty_lake_says_what_to_run(tmp_path: Path):
    report = collected(Lake.open(tmp_path / "lake"), wanted(), Rules())
    assert report.nothing == "The lake holds no settled funding."
    words = "".join(parsed(page(report)).itertext())
    assert "Nothing to show" in words
    assert all(step in words for step in report.to_do)
    assert "qmd demo" in report.to_do


def test_funding_without_a_pair_and_pairs_of_long_ago_say_so(tmp_path: Path, lake: Lake):
    alone = Lake.open(tmp_path / "lake")
    put_funding(alone, MARKETS[0], every(8, [1e-4] * 30, first=NOW - 20 * 24 * HOUR))
    assert "no table of arbitrage" in collected(alone, wanted(), Rules()).nothing
    late = collected(lake, wanted(now=NOW + 60 * 24 * HOUR), Rules())
    assert "the newest rows are of 2026-04" in late.nothing


def test_a_coin_that_no_pair_is_of_is_refused_with_those_there_are(lake: Lake):
    with pytest.raises(ConfigError, match="no pair of SOL"):
        collected(lake, wanted(underlying="SOL"), Rules())


def test_late_and_missing_data_is_told_before_the_board(lake: Lake):
    late = collected(lake, wanted(days=60, now=NOW + 30 * HOUR), Rules()).warnings()
    assert any("more than a day old" in words for words in late)
    assert any("was due" in words and "binance:BTC/USDT:USDT" in words for words in late)
    assert any("30 h old" in words for words in late)
