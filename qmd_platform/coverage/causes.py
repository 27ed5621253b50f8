"""Why a candle is not there, in the words that coverage keeps. Pure.

What lives here: the sentences, so that who writes a cause and who acts on it mean the same. What does not: when each is
true (``ingest``), what follows from it (``coverage.recheck``).
"""

UNLISTED = "before the venue listed it"
DELISTED = "after the venue delisted it"

TOO_OLD = "the venue serves no candles this old"

OMITTED = "the venue omits candles without trades, and its answer speaks about this time"
AGREED = "two answers of the venue speak about this time, and both leave it out"
UNPROVEN = "the venue sent none, and no answer proves that there is none"

OUT_OF_TIME = "the deadline came first"
