"""What we keep: the assets and their checks.

What lives here: one module a kind of table, each saying where, calling one library function, reporting its
receipt. What does not: arithmetic, fetching, storing (``qmd_platform``); when to run (``sensors``).
"""
