"""The nouns: timeframe, window, series, partition, candles, tables.

What lives here: pure values and their arithmetic. What does not: disk, network, clock, random numbers.
"""
