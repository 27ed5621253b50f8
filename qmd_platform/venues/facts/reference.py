"""Candles of mark, index and premium of perpetuals at each venue, as data.

What lives here: which venue has which, limits and budgets, each with its source. What does not: how they are asked for
(``reference_dialects``). Read on 2026-11-21, through ccxt 4.5.90 and the venues' own pages and client libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qmd_platform.model.reference_tables import Reference
from qmd_platform.venues.facts.shapes import Budget


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """Reference candles of an hour at one venue.

    ``page_limit`` is how many candles a request is asked for; ``weights`` are (up to this many, weight of the request),
    ascending. ``snapshots`` is the most rows of a request where candles are made of snapshots; None where the venue has
    candles. ``sources`` says of every field where it is from.
    """

    page_limit: int
    weights: tuple[tuple[int, float], ...]
    budget: Budget
    sources: Mapping[str, str] = field(repr=False)
    snapshots: int | None = None

    def room(self, candles: int) -> tuple[int, float]:
        """The most candles that a request for ``candles`` may ask for at no more weight, and that weight."""
        most, weight = next(step for step in self.weights if candles <= step[0])
        return min(most, self.page_limit), weight


_CANDLES = "the venue has candles of its own"


def _binance(path: str) -> ReferenceFacts:
    page = f"https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api, GET /fapi/v1/{path}"
    return ReferenceFacts(
        page_limit=499,
        weights=((99, 1), (499, 2)),
        budget=Budget("usdm", 2400, 60),
        sources={
            "page_limit": f"{page}: limit at most 1500, 500 when not given; 499 are the most candles a weight",
            "weights": f"{page}: weight by limit, 1 below 100, 2 below 500, 5 to 1000, 10 above",
            "budget": f"{page}: counted with all of USD-M, 2400 a minute and address",
            "snapshots": _CANDLES,
        },
    )


def _bybit(page: str) -> ReferenceFacts:
    page = f"https://bybit-exchange.github.io/docs/v5/market/{page}"
    return ReferenceFacts(
        page_limit=1000,
        weights=((1000, 1),),
        budget=Budget("address", 600, 5),
        sources={
            "page_limit": f"{page}: limit 1 to 1000, 200 when not given; start and end in ms, newest first",
            "weights": "https://bybit-exchange.github.io/docs/v5/rate-limit: the limit counts requests",
            "budget": "https://bybit-exchange.github.io/docs/v5/rate-limit: 600 requests in 5 s for each address",
            "snapshots": _CANDLES,
        },
    )


def _okx(page: str) -> ReferenceFacts:
    page = f"https://www.okx.com/docs-v5/en/#public-data-rest-api-get-{page}"
    return ReferenceFacts(
        page_limit=100,
        weights=((100, 1),),
        budget=Budget("reference", 10, 2),
        sources={
            "page_limit": f"{page}: limit at most 100, 100 when not given (ccxt 4.5.90 says the same)",
            "weights": f"{page}: the limit counts requests",
            "budget": (
                f"{page}: 10 requests in 2 s for each address (ccxt 4.5.90 paces the index at 10 and the mark at 20; 10 for "
                "both together is the careful number)"
            ),
            "snapshots": _CANDLES,
        },
    )


def _gate(path: str, most: int) -> ReferenceFacts:
    page = f"https://www.gate.com/docs/developers/apiv4/en, GET /futures/(settle)/{path}"
    return ReferenceFacts(
        page_limit=most - 1,
        weights=((most - 1, 1),),
        budget=Budget("futures", 200, 10),
        sources={
            "page_limit": f"{page}: at most {most} points between from and to, both counted; more is an error",
            "weights": f"{page}: the limit counts requests",
            "budget": "https://www.gate.com/docs/developers/apiv4/en: 200 requests in 10 s, for each endpoint and address",
            "snapshots": _CANDLES,
        },
    )


_STATUS = "https://docs.bitfinex.com/reference/rest-public-derivatives-status-history"
_BITFINEX = ReferenceFacts(
    page_limit=72,
    weights=((72, 1),),
    budget=Budget("status", 90, 60),
    snapshots=5000,
    sources={
        "page_limit": f"{_STATUS}: about a row a minute (as for funding), so 72 hours are within the rows of one request",
        "weights": f"{_STATUS}: the budget counts requests",
        "budget": f"{_STATUS}: 90 requests a minute, shared with funding",
        "snapshots": "5000 are asked for by ccxt 4.5.90 and by public collectors; the documentation names no number",
    },
)

REFERENCE: Mapping[str, Mapping[Reference, ReferenceFacts]] = {
    "binance": {
        Reference.MARK: _binance("markPriceKlines"),
        Reference.INDEX: _binance("indexPriceKlines"),
        Reference.PREMIUM: _binance("premiumIndexKlines"),
    },
    "bitfinex": {Reference.MARK: _BITFINEX, Reference.INDEX: _BITFINEX},
    "bybit": {
        Reference.MARK: _bybit("mark-kline"),
        Reference.INDEX: _bybit("index-kline"),
        Reference.PREMIUM: _bybit("premium-index-kline"),
    },
    "gate": {
        Reference.MARK: _gate("candlesticks, contract=mark_", 2000),
        Reference.INDEX: _gate("candlesticks, contract=index_", 2000),
        Reference.PREMIUM: _gate("premium_index", 1000),
    },
    "okx": {
        Reference.MARK: _okx("mark-price-candlesticks-history"),
        Reference.INDEX: _okx("index-candlesticks-history"),
    },
}
"""What each venue has. OKX has no candles of its premium, Bitfinex none at all but snapshots of mark and index; Kraken is
asked for spot only."""
