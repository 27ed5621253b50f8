"""What the rules would have earned on the past, without knowing the future.

What lives here: the world a pair was traded in (``world``), single trades (``trades``), accounts and equity (``accounts``),
what they are compared with (``baselines``), how the past is cut (``splits``), figures (``statistics``), all of it together
(``run``). What does not: the rules themselves (``lifecycle``), reading tables, drawing charts.

A signal uses only what was known when it was given; it is filled at the open of the next candle; a leg that has no candle is
not traded at entry and waited for at exit, and no trade is ever deleted; candles' extremes liquidate; every cost is paid at
0, 1 and 2 times.
"""
