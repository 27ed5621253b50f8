"""Arbitrage: what a hedge across venues costs, earns and risks, when to open and close it, what it would have earned.

What lives here: pure arithmetic over settled funding and prices (``basis``, ``carry``, ``spreads``, ``cash_and_carry``),
what may be joined (``underlyings``) and warned of (``flags``, ``risks``), the rules that decide (``lifecycle``), the test of
the rules on the past (``simulation``). What does not: single markets' funding (``funding``), reading tables and writing
them (above), orders of any kind.
"""
