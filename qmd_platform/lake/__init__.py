"""The lake: immutable Parquet segments, written whole or not at all.

What lives here: what a row is and which of two wins (``rows``), how values become bytes and back (``codec``),
writing and reading files (``blobs``, ``segments``), the folder and what it may hold (``place``), what a writer
asks for (``writes``), the store that merges, commits and reads (``store``), and the proof that it is all there
(``verify``). What does not: which segments count (``ledger``, the only authority), where a partition's folder is
(``model.series``).
"""
