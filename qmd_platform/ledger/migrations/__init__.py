"""How a ledger's database gets from one schema version to the next, with Alembic.

What lives here: ``env`` (run by Alembic) and one file a version in ``versions``. What does not: deciding whether
to migrate (``ledger.database``). A version that was released is never edited.
"""
