"""Reading candles from Python: ``from qmd_platform.reader import candles``.

What lives here: the door (this file) and ``candles``, the read itself. What does not: fetching. Reading imports
neither Dagster nor ccxt, and pandas only where a pandas frame is asked for.
"""

from qmd_platform.reader.candles import candles, gaps

__all__ = ["candles", "gaps"]
