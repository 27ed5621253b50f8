"""The report: one HTML file that says which pairs earn what, and how every figure on it came about.

What lives here: reading what it needs in one snapshot of the lake (``reading``, ``lives``, ``inputs``), working a row
out again from its inputs (``working``), drawing (``plot``, ``charts``), the page (``page`` and what it puts together).
What does not: making the tables (``ingest.arbitrage``), their arithmetic (``arbitrage``, ``funding``), where the file
is written (``cli.report``).
"""
