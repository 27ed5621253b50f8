"""Venues: asking exchanges, and understanding their answers.

What lives here: the port the rest of the platform sees (``port``), what is known about each venue (``facts``),
how its requests are spelled and its answers decoded (``dialects``, ``parsing``), paging without I/O
(``paging``), pacing (``throttle``), what a failure means (``taxonomy``), the one retry layer (``retry``), sockets
(``transport``) and the client that is all of it together (``ccxt_client``). What does not: storing anything (``lake``), deciding what is needed (``coverage``,
``ingest``).
"""
