"""Quant market data, kept whole: the library under the Dagster code location.

What lives here: everything the platform knows. What does not: Dagster (only ``definitions.py``, the
composition root, may import it); the assets, sensors and resources it composes are top-level folders.
Importing this package costs nothing: no Dagster, no ccxt, no pandas.
"""

__version__ = "0.1.0"
