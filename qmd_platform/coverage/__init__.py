"""Expected, present, gap: which candles ought to be there, which are, what to ask for next, and when again.

What lives here: the pure questions (``expected``, ``summary``, ``plan``; ``gaps``, ``recheck``, ``agenda``; ``sampling``),
the map of it all (``heatmap``, ``picture``). What does not: the arithmetic of windows and runs below them
(``model.spans``), where coverage is kept (``ledger``).
"""
