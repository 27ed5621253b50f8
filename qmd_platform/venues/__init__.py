"""Venues: asking exchanges, and understanding their answers.

What lives here: the port the rest of the platform sees (``port``), what is known about each venue (``facts``),
how its requests are spelled and its answers decoded (``dialects``, ``parsing``), paging without I/O
(``paging``), pacing (``throttle``), the one retry layer (``retry``) and the one door to ccxt
(``ccxt_client``). What does not: storing anything (``lake``), deciding what is needed (``coverage``,
``ingest``).
"""
