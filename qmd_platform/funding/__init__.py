"""Funding: what a settled rate is per hour and per year, how long its interval was, what it adds up to.

What lives here: pure questions about the settlements of one market (``annual``, ``intervals``, ``cumulative``,
``anomalies``), how they are read off a venue's snapshots (``snapshots``) and files (``files``), what is wrong with them
(``suspicions``), rates to come (``predictions``). What does not: two markets against each other (``arbitrage``), where
settlements come from (``venues``) and are kept (``lake``).
"""
