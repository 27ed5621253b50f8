"""The sandbox's WebSockets: the venues' own channels on the sandbox's port, below ``/ws/<venue>/``.

What lives here: what is said when (``hub``), to whom (``connection``), in which venue's format (``binance``, ``gate``,
``bitfinex``, ``okx``, ``bybit``, ``kraken``). What does not: what there is to say (``sandbox.market``, ``sandbox.snapshots``).

Two clocks: data follow the sandbox's clock, which may stand still, run, or run faster; heartbeats and the venues' patience
with silent clients follow the real one, because a client's watchdog does.
"""
