"""Serving stores: the lake's tables in PostgreSQL and QuestDB, for those who ask in SQL.

What lives here: what a store holds, loading what has changed since, comparing a store with the lake. What does not: DuckDB
and Polars, which read the lake's own files (``lake.views``); the assets that load (``assets.publishing``).
"""
