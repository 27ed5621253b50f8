"""Shapes of answers about contracts as they are now, as the venues write them; only what is read of them.

What lives here: the shapes. What does not: what they are decoded to (``snapshot_parsing``). What may be text, a number or
nothing is ``Any`` here.
"""

from typing import Any, Literal

import msgspec


class Premium(msgspec.Struct, gc=False):
    """A contract at Binance now."""

    symbol: str
    time: int
    nextFundingTime: int  # noqa: N815 - the venue's own key
    lastFundingRate: Any  # noqa: N815 - the venue's own key
    markPrice: Any  # noqa: N815 - the venue's own key
    indexPrice: Any = None  # noqa: N815 - the venue's own key


class Adjusted(msgspec.Struct, gc=False):
    """A contract at Binance whose interval was adjusted."""

    symbol: str
    fundingIntervalHours: float  # noqa: N815 - the venue's own key


class Ticker(msgspec.Struct, gc=False):
    """A contract at Bybit now."""

    symbol: str
    fundingRate: Any  # noqa: N815 - the venue's own key
    nextFundingTime: int  # noqa: N815 - the venue's own key
    markPrice: Any  # noqa: N815 - the venue's own key
    indexPrice: Any  # noqa: N815 - the venue's own key
    openInterest: Any  # noqa: N815 - the venue's own key
    openInterestValue: Any = None  # noqa: N815 - the venue's own key
    fundingIntervalHour: Any = None  # noqa: N815 - the venue's own key; not in the answers of 2023


class Tickers(msgspec.Struct, gc=False):
    """Those of a category."""

    list: list[Ticker]


class Bybit(msgspec.Struct, gc=False):
    """The whole answer of Bybit."""

    retCode: Literal[0]  # noqa: N815 - the venue's own key
    time: int
    result: Tickers


class Contract(msgspec.Struct, gc=False):
    """A contract in Gate's list."""

    name: str
    funding_rate: Any
    funding_next_apply: float
    funding_interval: float
    mark_price: Any
    index_price: Any
    position_size: Any = None


class OkxRate(msgspec.Struct, gc=False):
    """The next settlement of a swap at OKX."""

    instId: str  # noqa: N815 - the venue's own key
    fundingRate: Any  # noqa: N815 - the venue's own key
    fundingTime: int  # noqa: N815 - the venue's own key
    nextFundingTime: int  # noqa: N815 - the venue's own key
    ts: int


class OkxMark(msgspec.Struct, gc=False):
    """The mark price of a swap at OKX."""

    instId: str  # noqa: N815 - the venue's own key
    markPx: Any  # noqa: N815 - the venue's own key
    ts: int


class OkxInterest(msgspec.Struct, gc=False):
    """The open interest of a swap at OKX."""

    instId: str  # noqa: N815 - the venue's own key
    oi: Any
    oiCcy: Any  # noqa: N815 - the venue's own key
    ts: int


class OkxRates(msgspec.Struct, gc=False):
    """The whole answer with next settlements."""

    code: Literal["0"]
    data: list[OkxRate]


class OkxMarks(msgspec.Struct, gc=False):
    """The whole answer with mark prices."""

    code: Literal["0"]
    data: list[OkxMark]


class OkxInterests(msgspec.Struct, gc=False):
    """The whole answer with open interest."""

    code: Literal["0"]
    data: list[OkxInterest]
