"""The coins the sandbox's venues trade: prices to move around, decimals, listings. Data only.

What lives here: one table a venue. What does not: listings made of them (``universe``).
"""

# base: price, Binance tick and lot digits, listed on Binance spot.
BINANCE_SPOT: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 2, 5, "2017-08-17T04:00:00Z"),
    "ETH": ("3000", 2, 4, "2017-08-17T04:00:00Z"),
    "SOL": ("150", 2, 3, "2020-08-11T06:00:00Z"),
    "BNB": ("550", 2, 3, "2017-11-06T03:54:00Z"),
    "XRP": ("0.6", 4, 0, "2018-05-04T08:11:00Z"),
    "ADA": ("0.45", 4, 1, "2018-04-17T04:00:00Z"),
    "DOGE": ("0.12", 5, 0, "2019-07-05T12:00:00Z"),
    "TRX": ("0.13", 4, 1, "2018-06-11T11:30:00Z"),
    "DOT": ("7", 3, 2, "2020-08-18T23:00:00Z"),
    "LINK": ("14", 2, 2, "2019-01-16T10:00:00Z"),
    "LTC": ("80", 2, 3, "2017-12-13T03:32:00Z"),
    "AVAX": ("35", 2, 2, "2020-09-22T06:30:00Z"),
    "UNI": ("8", 3, 2, "2020-09-17T03:00:00Z"),
    "ATOM": ("9", 3, 2, "2019-04-29T04:00:00Z"),
    "ETC": ("25", 2, 2, "2018-06-12T08:00:00Z"),
    "XLM": ("0.11", 4, 0, "2018-05-31T09:30:00Z"),
    "NEAR": ("5", 3, 1, "2020-10-14T04:00:00Z"),
    "FIL": ("5.5", 3, 2, "2020-10-15T08:00:00Z"),
    "APT": ("9", 2, 2, "2022-10-19T01:00:00Z"),
    "ARB": ("1.1", 4, 1, "2023-03-23T13:00:00Z"),
    "OP": ("2.4", 3, 2, "2022-06-01T10:00:00Z"),
    "INJ": ("25", 2, 2, "2020-10-21T04:00:00Z"),
    "SUI": ("1.2", 4, 1, "2023-05-03T12:00:00Z"),
    "SEI": ("0.4", 4, 1, "2023-08-15T12:00:00Z"),
    "TAO": ("450", 1, 4, "2024-04-11T10:00:00Z"),
    "TIA": ("6", 3, 2, "2023-10-31T16:00:00Z"),
    "AAVE": ("95", 2, 3, "2020-10-15T03:00:00Z"),
    "ALGO": ("0.17", 4, 0, "2019-06-22T00:00:00Z"),
    "VET": ("0.028", 5, 1, "2018-07-25T06:00:00Z"),
    "ICP": ("11", 3, 2, "2021-05-11T01:00:00Z"),
    "LATE": ("3.2", 4, 1, "2026-10-15T08:37:00Z"),
}

# base: price, tick digits, lot digits, onboard date (Binance USD-M).
BINANCE_USDM: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 1, 3, "2019-09-08T17:57:00Z"),
    "ETH": ("3000", 2, 3, "2019-11-27T07:45:00Z"),
    "SOL": ("150", 3, 0, "2020-09-14T07:00:00Z"),
    "XRP": ("0.6", 4, 1, "2020-01-06T08:00:00Z"),
    "ADA": ("0.45", 5, 0, "2020-01-31T08:00:00Z"),
    "DOGE": ("0.12", 5, 0, "2020-07-10T09:00:00Z"),
    "LINK": ("14", 3, 2, "2020-01-17T08:00:00Z"),
    "1000PEPE": ("0.0095", 7, 0, "2023-05-05T15:00:00Z"),
    "LATE": ("3.2", 4, 1, "2026-10-15T08:37:00Z"),
}

# base: price, spot tick digits, spot lot digits, contract tick digits, coins in a contract (Gate).
GATE: dict[str, tuple[str, int, int, int, str]] = {
    "BTC": ("60000", 1, 6, 1, "0.0001"),
    "ETH": ("3000", 2, 5, 2, "0.01"),
    "SOL": ("150", 2, 3, 2, "1"),
    "XRP": ("0.6", 4, 2, 4, "10"),
    "ADA": ("0.45", 4, 2, 4, "10"),
    "DOGE": ("0.12", 5, 2, 5, "10"),
}

# base: price, tick digits, lot digits. Bitfinex prints five significant places of a price; its lots are 1e-8
# everywhere, here only as small as keeps a day's ticks times lots inside 64 bits.
BITFINEX: dict[str, tuple[str, int, int]] = {
    "BTC": ("60000", 0, 8),
    "ETH": ("3000", 1, 7),
    "SOL": ("150", 2, 6),
    "XRP": ("0.6", 5, 3),
    "DOGE": ("0.12", 6, 2),
}

# The tables below keep tick and lot digits to 8 together, so that a month's ticks times lots stay inside 64 bits.
# base: price, tick digits, spot lot digits, coins in a contract, listed (OKX, both kinds at once).
OKX: dict[str, tuple[str, int, int, str, str]] = {
    "BTC": ("60000", 1, 7, "0.01", "2023-02-14T03:30:00Z"),
    "ETH": ("3000", 2, 6, "0.1", "2023-02-14T03:30:00Z"),
    "SOL": ("150", 2, 6, "1", "2023-03-02T10:00:00Z"),
    "XRP": ("0.6", 4, 4, "100", "2023-03-02T10:00:00Z"),
    "DOGE": ("0.12", 5, 2, "1000", "2023-03-02T10:00:00Z"),
    "LATE": ("3.2", 4, 4, "1", "2026-10-15T08:37:00Z"),
}

# base: price, tick digits, lot digits, listed (Bybit, both kinds at once).
BYBIT: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 2, 6, "2023-01-20T09:10:00Z"),
    "ETH": ("3000", 2, 5, "2023-01-20T09:10:00Z"),
    "SOL": ("150", 2, 3, "2023-04-05T06:00:00Z"),
    "XRP": ("0.6", 4, 2, "2023-04-05T06:00:00Z"),
    "DOGE": ("0.12", 5, 1, "2023-04-05T06:00:00Z"),
    "LATE": ("3.2", 4, 1, "2026-10-15T08:37:00Z"),
}

# base: price, tick digits, lot digits, listed (Kraken, against USD and USDT at once). Kraken's lots are 1e-8 everywhere.
KRAKEN: dict[str, tuple[str, int, int, str]] = {
    "BTC": ("60000", 1, 7, "2023-01-10T12:05:00Z"),
    "ETH": ("3000", 2, 6, "2023-01-10T12:05:00Z"),
    "XRP": ("0.6", 5, 3, "2023-01-10T12:05:00Z"),
    "SOL": ("150", 2, 6, "2023-06-17T15:00:00Z"),
    "DOGE": ("0.12", 5, 3, "2023-06-17T15:00:00Z"),
    "LATE": ("3.2", 4, 4, "2026-10-15T08:37:00Z"),
}
KRAKEN_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""What Kraken calls a coin where it has a name of its own."""

KRAKEN_OLD = frozenset({"XBT", "ETH", "XRP", "LTC", "XLM"})
"""Coins whose pairs with USD have letters before both names: XXBTZUSD."""
