"""What venues say while it happens: heard over WebSockets, written down, handed on.

What lives here: the append log of closed candles and marks, the collector that fills it and its supervision. What does
not: venues' wire formats and connections (``venues.streams``), taking the log into the lake (``ingest``).
"""
