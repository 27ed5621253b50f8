"""What venues say of markets they stop trading, word by word."""

import pytest

from qmd_platform.model.window import instant
from qmd_platform.venues.delisting import delisted_at, is_traded

END = instant("2026-11-20T08:00:00Z")

STATED = {
    "a Binance contract that settles": ("binance", {"contractStatus": "SETTLING", "deliveryDate": END}, False, END),
    "a Binance contract whose end is announced": ("binance", {"status": "TRADING", "deliveryDate": END}, True, END),
    "a Binance perpetual": ("binance", {"status": "TRADING", "deliveryDate": 4133404800000}, True, None),
    "a Binance spot market in a break": ("binance", {"status": "BREAK"}, False, None),
    "a Binance spot market that is halted, whose market data goes on": ("binance", {"status": "HALT"}, True, None),
    "a Gate contract in delisting, which can still be reduced": (
        "gate",
        {
            "quanto_multiplier": "1",
            "status": "delisting",
            "in_delisting": True,
            "delisting_time": 1,
            "delisted_time": 0,
        },
        True,
        None,
    ),
    "a Gate contract that is delisted": (
        "gate",
        {"quanto_multiplier": "1", "status": "delisted", "delisting_time": 1, "delisted_time": END // 1000},
        False,
        END,
    ),
    "a Gate contract whose breaker has tripped": ("gate", {"status": "circuit_breaker"}, True, None),
    "a Gate pair that is not traded": ("gate", {"trade_status": "untradable", "delisting_time": 0}, False, None),
    "a Gate pair that goes": ("gate", {"trade_status": "untradable", "delisting_time": END // 1000}, False, END),
    "a Gate pair that can only be sold": ("gate", {"trade_status": "sellable"}, True, None),
    "an OKX contract that expires": ("okx", {"state": "live", "expTime": str(END)}, True, END),
    "an OKX perpetual": ("okx", {"state": "live", "expTime": ""}, True, None),
    "a Bybit perpetual that is closed": ("bybit", {"status": "Closed", "deliveryTime": str(END)}, False, END),
    "a Bybit perpetual": ("bybit", {"status": "Trading", "deliveryTime": "0"}, True, None),
    "a Kraken pair in post-only": ("kraken", {"status": "post_only"}, True, None),
    "a Kraken pair that can only be cancelled": ("kraken", {"status": "cancel_only"}, False, None),
    "a Bitfinex pair": ("bitfinex", {}, True, None),
}

ACTIVE = {"TRADING", "trading", "live", "Trading", "tradable", "online", None}
"""The words for which ccxt says active."""


@pytest.mark.parametrize("what", STATED)
def test_a_venues_words_say_whether_there_can_be_candles_and_until_when(what: str):
    venue, info, traded, at = STATED[what]
    word = next((info[name] for name in ("status", "contractStatus", "trade_status", "state") if name in info), None)
    record = {"active": word in ACTIVE, "info": info}
    assert (is_traded(venue, record), delisted_at(venue, record)) == (traded, at)


def test_a_record_without_the_venues_own_words_is_taken_at_ccxts():
    assert is_traded("binance", {"active": True})
    assert not is_traded("binance", {"active": False})
    assert delisted_at("binance", {"active": False}) is None
