"""What processes and machines agree on beside the data: a venue's budget, its penalties, and who fetches what.

What lives here: the arithmetic of budgets (``account``), leases (``leases``), the stores that hold both (``sqlite``,
``postgres``, ``redis``), and what happens when a store is away (``link``, ``local``). What does not: what a venue allows
(``venues.facts``), waiting for a turn (``venues.throttle``), which commit wins (``ledger``: a lease spares work, the
compare-and-swap at commit is what protects the data).
"""
