"""Expected, present, gap: which candles ought to be there, which are, what to ask for next.

What lives here: the pure questions (``expected``, ``summary``, ``plan``). What does not: the arithmetic of
windows and runs below them (``model.spans``), and where coverage is kept (``ledger``).
"""
