"""Reading from Python: ``from qmd_platform.reader import read, candles``.

What lives here: the door (this file); candles, coverage and funding out of the lake, filled first or up to the newest
candle where that is asked for, with where each range came from; the same for asyncio (``aio``). What does not: fetching
(``ingest``). Importing this imports no Arrow, no SQL and no pandas; reading imports neither Dagster nor, where nothing is
filled, ccxt.
"""

from qmd_platform.reader.candles import candles, read, read_many
from qmd_platform.reader.funding import funding, read_funding
from qmd_platform.reader.looking import coverage, fillings, gaps
from qmd_platform.reader.provenance import Outcome, Provenance, Range, Read, Source
from qmd_platform.reader.sla import Reason, Sla

__all__ = [
    "Outcome",
    "Provenance",
    "Range",
    "Read",
    "Reason",
    "Sla",
    "Source",
    "candles",
    "coverage",
    "fillings",
    "funding",
    "gaps",
    "read",
    "read_funding",
    "read_many",
]
