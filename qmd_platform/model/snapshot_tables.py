"""The tables of what a venue says of its perpetuals now: one series a venue, cut by month.

What lives here: the tables as data. What does not: asking (``venues.snapshot_asking``), making their rows
(``ingest.snapshots``, ``ingest.open_interest``, ``ingest.prediction_error``).

A prediction is never among settled rates (``FUNDING_RATES``): nobody has paid it. What was predicted cannot be asked for
afterwards, so its history begins at the first capture.
"""

from qmd_platform.model.columns import Column, Table

_MARKET = Column("market", "string", "", "venue and symbol, as binance:BTC/USDT:USDT")


def _maybe(name: str, unit: str, sentence: str) -> Column:
    return Column(name, "float64", unit, sentence, nullable=True)


FUNDING_PREDICTIONS = Table(
    "funding_predictions",
    "What a venue said the next settlement of each perpetual would be, each time it was looked. Paid by nobody.",
    ("market", "seen_at"),
    (
        _MARKET,
        Column("seen_at", "instant", "UTC", "when the venue said it, by the venue's clock"),
        Column("next_settlement_at", "instant", "UTC", "the settlement it is about, as announced"),
        _maybe(
            "predicted_rate",
            "fraction",
            "share of the notional expected to be paid for the whole interval in progress; empty where it is too young",
        ),
        _maybe(
            "accrued_rate",
            "fraction",
            "what has accrued so far, at venues that say that instead (Bitfinex): the prediction is this over the share "
            "of the interval that is gone",
        ),
        _maybe("interval_hours", "hours", "length of the interval in progress as the venue states it"),
        _maybe("mark", "quote per base", "mark price in the same answer"),
        _maybe("index_price", "quote per base", "index price in the same answer"),
        Column("source", "string", "", "what was asked, by its name in ccxt, or which data set of Tardis's it is from"),
    ),
    scope="venue",
)

OPEN_INTEREST = Table(
    "open_interest",
    "Contracts outstanding of each perpetual, one side counted; contract size and multiplier applied once.",
    ("market", "counted_at"),
    (
        _MARKET,
        Column("counted_at", "instant", "UTC", "when that was so, by the venue's clock"),
        Column("open_interest_contracts", "float64", "contracts", "as the venue counts"),
        Column("open_interest_base", "float64", "base", "contracts times contract size: what candles count volume in"),
        Column(
            "open_interest_coins",
            "float64",
            "coins",
            "coins of the underlying: 1000 times the base where one unit of it is 1000 coins, as of 1000PEPE",
        ),
        _maybe(
            "open_interest_quote", "quote", "what they are worth; empty where the answer has neither that nor a price"
        ),
        Column(
            "is_history", "bool", "", "whether it is of the venue's own history, on its grid, or was seen at that time"
        ),
        Column("source", "string", "", "what was asked, by its name in ccxt, or which data set of Tardis's it is from"),
    ),
    scope="venue",
)

PREDICTION_ERROR = Table(
    "prediction_error",
    "How wrong predicted rates were: a row a settlement and lead, of the prediction seen nearest to so long before it.",
    ("market", "settled_at", "lead_hours"),
    (
        _MARKET,
        Column("settled_at", "instant", "UTC", "when it was paid; the interval ends here"),
        Column("lead_hours", "float64", "hours", "how long before the settlement a prediction was looked for"),
        Column("seen_at", "instant", "UTC", "when the prediction was seen, before the settlement"),
        Column(
            "hours_ahead", "float64", "hours", "from seen_at to settled_at; a quarter of an hour from the lead at most"
        ),
        Column("predicted_rate", "float64", "fraction", "what the venue then expected for the whole interval"),
        Column("rate", "float64", "fraction", "what was settled"),
        Column("error", "float64", "fraction", "predicted less settled"),
        _maybe("interval_hours", "hours", "length of the interval; empty where nothing proves it"),
        Column(
            "available_at", "instant", "UTC", "from when on the row could be known; what comes later does not change it"
        ),
    ),
    scope="venue",
)
