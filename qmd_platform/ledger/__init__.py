"""The ledger: the one authority on what the lake holds, and its single commit point.

What lives here: the SQL schema (``schema``) and its ``migrations``, the databases behind it (``sqlite``, ``postgres``;
their interface is ``database``) and the way from one to the other (``transfer``), what it keeps (``records``), commits
by compare-and-swap and the questions asked of it (``ledger``), and the lock writers share (``lock``). The only room
that imports SQLAlchemy and Alembic. What does not: the data files (``lake``).
"""
