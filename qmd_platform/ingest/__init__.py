"""From venue to lake: plan, fetch, check, commit, receipt.

What lives here: ``candles`` (the backfill), ``pages`` (asking until an answer convinces), ``instruments``,
``rollup`` (longer timeframes from 1m), ``receipt`` (what a run did). What does not: talking HTTP (``venues``),
writing files (``lake``), scheduling (Dagster). The same code runs under Dagster, the command line and tests.
"""
