"""What others published about carry: what docs/simulation.md compares with.

What lives here: the published figures as quoted, each with what of ours stands beside it and why it differs. What does not: our
figures (``report``). Grades: *abstract*: read in the abstract; *notes*: from notes about the paper, not read in it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """``ours`` may name figures of the page in braces."""

    source: str
    says: str
    grade: str
    ours: str
    why: str


PUBLISHED = (
    Published(
        "He, Manela, Ross, von Wachter (arXiv 2212.06888), BTC at Binance, 2020-01 to 2024-03",
        "Sharpe 1.8 at retail cost, 3.5 at a market maker's",
        "abstract, notes",
        "rules {rules_sharpe} at our costs ({rules_lo} by Lo), always on {always_sharpe} ({always_lo})",
        "Theirs trades the distance of the perpetual's price from its no-arbitrage bound, hourly; ours funding, at candles of eight "
        "hours. Their years begin in 2020, and the distances they trade fell by about 11 % a year. The order of size agrees; the "
        "trade is another one.",
    ),
    Published(
        "the same, version 7, no cost, hourly",
        "BTC Sharpe 11.65, 52.55 % a year, drawdown 3.82 %; ETH 12.77, 62.83 %, 2.62 % (an earlier version: BTC 6.7)",
        "notes; versions differ",
        "rules without costs: BTC {free_btc}; ETH {free_eth}; always on without costs: BTC {free_always}",
        "Without costs one may turn over without end, and what they trade, the price's distance from its bound, comes and goes within "
        "hours: candles of eight hours cannot show it. Not comparable in height. That costs eat most of it is the finding of both.",
    ),
    Published(
        "Schmeling, Schrimpf, Todorov (BIS 1087)",
        "carry about 7 % a year on average (CME 6.4, OKEx about 8), above 40 % at times",
        "abstract for the 40 %, notes for the rest",
        "mean funding of the file's six USDT perpetuals {funding_low} to {funding_high} a year; highest settled {funding_peak}",
        "Theirs is the basis of **dated futures**, ours funding of perpetuals. The same order, by another road; no more should be "
        "read into it.",
    ),
    Published(
        "Christin and others: BTC, 2020-08-11 to 2023-06-23",
        "USDT-margined carry 14.26 % a year, deviation 1.63 %, ratio 8.76; coin-margined 10.86 %, 2.20 %, 4.93",
        "notes",
        "funding alone at Binance **over their very days**, from another recording: {same_days}. In this file: USDT {usdt_all}; "
        "coin-margined {coin_all}",
        "The mean agrees to about a tenth. The deviation does not, and the notes do not say what theirs is of; ours here is of the "
        "settled rates alone, which move little from one to the next, and a ratio of rates is no Sharpe ratio of anything one "
        "can hold. For that see the accounts above. The file's months paid less than those days.",
    ),
    Published(
        "Borri and others",
        "Sharpe 6.45 for 2020-25, 4.06 from 2024 on, negative in 2025",
        "notes",
        "Binance BTC, first half of 2024, base costs: rules {rules_2024}, always on {always_2024}; funding alone {usdt_2024}",
        "One pair and half a year, rich in funding and without a liquidation at Binance, against years that go on into a negative "
        "one. A ratio of so short a time says little; at Bybit and OKX always on has {always_2024_bybit} and {always_2024_okx}.",
    ),
    Published(
        "Hyperliquid's public interface, BTC",
        "mean funding 24.1 % in 2024, 10.6 % in 2025, 5.2 % in 2026",
        "notes",
        "from another recording: 2024 {hyper_2024}, 2025 until July {hyper_2025}",
        "2024 agrees to the digit ({missing_2024} hour is missing from the recording). Of 2025 it ends in July.",
    ),
    Published(
        "BitMEX's public interface, XBTUSD",
        "2021 15.4 %, 2022 -3.4 %, 2023 3.9 %, 2024 11.2 %, 2025 6.2 %",
        "notes",
        "coin-margined BTC, mean funding 2023 / first half of 2024: Binance {coin_binance}, Bybit {coin_bybit}, OKX {coin_okx}",
        "BitMEX is not in the file; these are the same kind of contract elsewhere. All rise from 2023 to 2024.",
    ),
    Published(
        "bryanvine: 30 Binance perpetuals, 2023-26",
        "always carrying nets +5.6 % a year, negative by 2026; choosing among coins, out of sample Sharpe 0.39",
        "excerpt",
        "always on, base costs: Binance BTC {always_return} a year of the capital, ETH {always_eth}",
        "Two coins and eighteen months of it, on a base of our own: capital is spot, margin and a buffer. BTC and ETH in a rising "
        "market are kinder than thirty coins until 2026.",
    ),
    Published(
        "Ackerer, Hugonnier, Jermann (Mathematical Finance 2025)",
        "theory: the perpetual's price as that of a random settlement",
        "abstract",
        "nothing to compare",
        "There is no table of returns to match.",
    ),
)
