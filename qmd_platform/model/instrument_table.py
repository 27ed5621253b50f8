"""The instruments table: the facts of what a venue lists, each row with the time it was so.

What lives here: its columns. What does not: when a row is closed and another begun (``ingest.instrument_history``).
"""

from qmd_platform.model.columns import Column, Table

INSTRUMENTS = Table(
    "instruments",
    "What a venue lists, with the facts needed to fetch and to convert its data: one row for each time in which all facts "
    "of an instrument were seen to be the same. Rows of a symbol never overlap; the one without valid_to is of now. Nothing "
    "is claimed about the time before the first list that was seen, but what cannot change (kind, base, quote, settle) is "
    "so since listed_at.",
    ("symbol", "valid_from"),
    (
        Column("symbol", "string", "", "ccxt unified symbol; with the venue it names the market"),
        Column(
            "valid_from",
            "instant",
            "UTC",
            "when the list was asked for that first showed these facts, by the venue's clock; empty in a table written "
            "before qmd kept it",
            nullable=True,
            later=True,
        ),
        Column(
            "valid_to",
            "instant",
            "UTC",
            "when the list was asked for that first showed others; empty for the facts of now",
            nullable=True,
            later=True,
        ),
        Column("venue_symbol", "string", "", "the venue's own spelling"),
        Column("kind", "string", "", "spot, perpetual, future or option"),
        Column("base", "string", "", "what is traded"),
        Column("quote", "string", "", "what it is priced in"),
        Column("settle", "string", "", "what profit and loss is paid in; empty for spot"),
        Column(
            "multiplier",
            "float64",
            "coins per base",
            "coins in one unit of the base: 1000 for 1000PEPE and kPEPE; empty where the name looks like a multiple that "
            "nobody reviewed",
            nullable=True,
            later=True,
        ),
        Column("active", "bool", "", "whether the venue trades it"),
        Column("contract_size", "float64", "base", "base coins in one contract; 1 for spot"),
        Column("tick", "float64", "quote", "smallest price step", nullable=True),
        Column("lot", "float64", "base or contracts", "smallest amount step", nullable=True),
        Column(
            "maker_fee",
            "float64",
            "fraction",
            "share of the value paid for a fill that waited in the book, without any discount; negative if it is earned",
            nullable=True,
            later=True,
        ),
        Column(
            "taker_fee",
            "float64",
            "fraction",
            "share of the value paid for a fill at once, without any discount",
            nullable=True,
            later=True,
        ),
        Column(
            "fees_from",
            "string",
            "",
            "where the fees are from: venue (its list states them) or ccxt (its record of the venue's first tier)",
            nullable=True,
            later=True,
        ),
        Column("listed_at", "instant", "UTC", "start of trading as the venue states it", nullable=True),
        Column(
            "delisted_at",
            "instant",
            "UTC",
            "end of trading as the venue states it, else when its list first lacked the market; empty if none is known",
            nullable=True,
            later=True,
        ),
        Column(
            "renamed_from",
            "string",
            "",
            "the symbol that ended here and went on as this one, by the reviewed map of renames and by nothing else",
            nullable=True,
            later=True,
        ),
        Column(
            "funding_interval_hours",
            "float64",
            "hours",
            "between settlements of a perpetual's funding, as it was then",
            nullable=True,
            later=True,
        ),
        Column(
            "funding_interval_from",
            "string",
            "",
            "what says so: venue (it states it of this contract) or usual (it states no other than its usual one)",
            nullable=True,
            later=True,
        ),
        Column(
            "ccxt_market",
            "string",
            "JSON",
            "ccxt's market record without `info` and `limits`, to load without a request; the newest of the row's time",
        ),
    ),
    scope="venue",
)
