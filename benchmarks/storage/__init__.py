"""``make bench-storage``: the lake beside Delta Lake, DuckDB, ArcticDB and plain Parquet, in one run.

What lives here: made-up markets (``market``, ``data``), one module a system (``plain``, ``qmd``, ``delta``,
``duckdb_file``, ``arcticdb_lmdb``) behind one interface (``port``), the tasks (``tasks``) and the process that runs
one (``child``), the order of it all (``__main__``) and the words around the figures (``report``). What does not:
fetching and Dagster (the modules beside this folder).
"""
