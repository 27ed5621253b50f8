"""The rules a candle table is judged by, as data.

What lives here: each rule's name, its sentence, how bad a breach is, and the one expectation it makes of one
measure. The asset checks, their descriptions, docs/quality.md and the Great Expectations suite are all made from
this. What does not: what a rule is (``rule``), how a measure is taken (``measures`` and the module of each rule with a story), who judges
(``offenders`` in numpy, ``suite`` in Great Expectations), the rules of other tables (``listing``).

A rule blocks when what stands on the table would compute nonsense: a wrong type, a row twice, a price of zero. It
does not block when the rows are fit to use but are not all there, or contradict another table: that is for a
person to look at, and the rollups skip what is not whole.
"""

from qmd_platform.model.candles import COLUMNS, PRICES
from qmd_platform.quality.rule import Rule, Same, Severity, Unique, Within, tabled

TOLERANCE = 1e-9
"""Largest relative difference that passes for equal: floats of converted volumes, far below any venue's tick."""


_TIMES = ("open_at", "since_previous_ms")

SCHEMA = Rule(
    "schema",
    "The table has the columns of model.tables.CANDLES, each of its type, all of one length.",
    Severity.ERROR,
    blocking=True,
    expectation=Same("found", "wanted"),
    shows=("column", "found", "wanted"),
)
"""Judged first, over the columns instead of the rows; where it is broken the other rules are not judged."""

ON_THE_GRID = Rule(
    "on_the_grid",
    "Every candle opens on the grid of its timeframe and inside its partition's month.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("off_grid_ms", most=0),
    shows=("open_at", "off_grid_ms"),
)
FINITE = Rule(
    "finite",
    "Every price and the volume is a finite number.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("finite_values", least=len(COLUMNS) - 1),
)
POSITIVE_PRICES = Rule(
    "positive_prices",
    "Every price is above zero.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("lowest_price", least=0, is_strict=True),
)
VOLUME_NOT_NEGATIVE = Rule(
    "volume_not_negative",
    "No volume is below zero.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("volume", least=0),
    shows=("open_at", "volume"),
)
OHLC_ORDER = Rule(
    "ohlc_order",
    "The high is the highest and the low is the lowest of the four prices.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("order_slack", least=0),
    shows=("open_at", *PRICES),
)
UNIQUE_OPEN_TIMES = Rule(
    "unique_open_times",
    "No two candles open at the same time.",
    Severity.ERROR,
    blocking=True,
    expectation=Unique("open_at"),
)
IN_ORDER = Rule(
    "in_order",
    "No candle opens before the one above it.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("since_previous_ms", least=0),
    shows=_TIMES,
)
COMPLETE = Rule(
    "complete",
    "Every candle of the asked window, its first and last included, is there, or is known to be empty or unlisted.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("is_held", least=1),
    shows=("open_at", "state", "cause"),
)
PAGE_BOUNDARY = Rule(
    "page_boundary",
    "No damage (half-built candle, hole, repeated candle) comes back after a fixed number of rows.",
    Severity.WARN,
    blocking=False,
    expectation=Within("damage_distance", most=0),
    shows=(*COLUMNS, "damage_distance", "damage"),
)
AGREES_WITH_SHORTER = Rule(
    "agrees_with_shorter",
    "A candle fetched as such equals the rollup of the shorter candles in the lake, where all of those are there.",
    Severity.ERROR,
    blocking=False,
    expectation=Within("shorter_difference", most=TOLERANCE),
    shows=(*COLUMNS, *(f"shorter_{name}" for name in COLUMNS[1:])),
)

CLOSED = Rule(
    "closed",
    "Every candle had ended when its partition was stored.",
    Severity.ERROR,
    blocking=True,
    expectation=Within("unended_ms", most=0),
    shows=(*COLUMNS, "unended_ms"),
)
OUTAGE = Rule(
    "outage",
    "No pause without trades, printed flat or left out, is longer than this market's habit explains.",
    Severity.WARN,
    blocking=False,
    expectation=Within("outage_candles", most=0),
    shows=("open_at", "close", "volume", "outage_candles"),
)
EDGE_GAP = Rule(
    "edge_gap",
    "The first and last candle of the asked window are there, on a market that hardly ever lacks one.",
    Severity.WARN,
    blocking=False,
    expectation=Within("edge_gap_candles", most=0),
    shows=("open_at", "edge_gap_candles"),
)
STALE_PRICE = Rule(
    "stale_price",
    "The four prices do not stand still for longer than this market's habit explains while volume is traded.",
    Severity.WARN,
    blocking=False,
    expectation=Within("stale_candles", most=0),
    shows=(*COLUMNS, "stale_candles"),
)
PRICE_JUMP = Rule(
    "price_jump",
    "No price leaves its level by more than the tails of this market's own moves (MAD) explain.",
    Severity.WARN,
    blocking=False,
    expectation=Within("jump_strength", most=1),
    shows=(*COLUMNS, "jump", "jump_strength"),
)
VOLUME_UNIT = Rule(
    "volume_unit",
    "The volume does not change its order of magnitude from one candle to the next and stay there.",
    Severity.WARN,
    blocking=False,
    expectation=Within("volume_step", most=1),
    shows=("open_at", "volume", "volume_step"),
)
CONTAMINATION = Rule(
    "contamination",
    "No candles are those of another market of the venue.",
    Severity.WARN,
    blocking=False,
    expectation=Within("foreign", most=0),
    shows=(*COLUMNS, "looks_like"),
)
REPEATED_PAGE = Rule(
    "repeated_page",
    "No stretch of candles has the values of an earlier stretch of the same series.",
    Severity.WARN,
    blocking=False,
    expectation=Within("repeats_after", most=0),
    shows=(*COLUMNS, "repeats_after"),
)
RESTATED = Rule(
    "restated",
    "The commit that made this version changed no candle that was held.",
    Severity.WARN,
    blocking=False,
    expectation=Within("restatements", most=0),
    shows=(*COLUMNS, "restatements"),
)
AGREES_WITH_ARCHIVE = Rule(
    "agrees_with_archive",
    "The venue's archive and its API say the same of the candles that both were asked for.",
    Severity.WARN,
    blocking=False,
    expectation=Within("archive_disagreements", most=0),
    shows=("disagreements", "compared"),
)
"""Not judged over the table, which holds one of both: the run that asks both counts (``ingest.receipt``)."""

ROW_RULES = (ON_THE_GRID, FINITE, POSITIVE_PRICES, VOLUME_NOT_NEGATIVE, OHLC_ORDER)
"""Rules that a row breaks by itself: ingest keeps such rows out."""

TABLE_RULES = (
    UNIQUE_OPEN_TIMES,
    IN_ORDER,
    COMPLETE,
    PAGE_BOUNDARY,
    OUTAGE,
    EDGE_GAP,
    STALE_PRICE,
    PRICE_JUMP,
    VOLUME_UNIT,
    REPEATED_PAGE,
)
"""Rules about rows together, judged over every partition."""

BESIDE_RULES = (CLOSED, CONTAMINATION, RESTATED, AGREES_WITH_SHORTER)
"""Rules that need to know more than the partition, judged where that is known (``judge.Beside``)."""

CANDLE_RULES = (SCHEMA, *ROW_RULES, *TABLE_RULES, *BESIDE_RULES)
"""Every rule that a candle partition is judged by."""

TOLD_RULES = (AGREES_WITH_ARCHIVE,)
"""Rules about what a run saw, told by its receipt."""


def markdown() -> str:
    """The rules as the first table of docs/quality.md."""
    return tabled((*CANDLE_RULES, *TOLD_RULES))
