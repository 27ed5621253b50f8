"""The words of docs/simulation.md, with the names of its figures in braces.

What lives here: the text. What does not: any figure (``report`` fills them in).
"""

PAGE = """# Simulation

What the rules of [arbitrage](../qmd_platform/arbitrage/lifecycle.py) would have earned with what was known at the time, beside
baselines that know nothing. First how it is made, then 18 recorded months of three venues, then what others published.

This page is made by `make simulation` (`python -m tests.arbitrage.simulation.report`), and a test compares it with what that
makes today. Nothing was tuned: rules, costs and capital are the defaults of the library, written before the file was read, one
set of rules was tried, and no row is left out for what it shows.

## How it is made

- **Known then.** A decision uses settlements from a minute after they were paid, intervals from when they stand, and closed
  candles. It is filled at the open of the next candle of both legs.
- **No candle, no fill.** A leg without a candle at the entry: not traded, counted as skipped. At the exit: waited for. No trade is
  ever deleted.
- **Margin is each leg's own.** A candle's high liquidates a short, its low a long, at the liquidation price or the open where that
  is worse; the other leg is closed at its next candle. Three times leverage on perpetuals, spot paid in full.
- **Universe of the time.** Markets that ended stay in. Where candles end and nobody says that the market did, the pair's
  simulation ends there too; a market that was delisted is settled at its last close.
- **Profit is what was paid.** Every payment is kept by kind (price, funding, fees, slippage, borrowing, liquidation); the
  equity's change is their sum, and a test says so of every row.
- **Costs** at 0, 1 and 2 times: `free`, `base`, `double`. Decisions are those of base cost in all three.
- **Parts.** 70 % of the time (`train`), an embargo of the longest hold and a day in which nothing is entered, the rest (`test`);
  and calendar years. Entries count to the part they were decided in; the rules' are held to their own end, those of baselines, which
  know no longest hold, to the part's.
- **Baselines.** `always_on`: in whenever both legs trade. `threshold`: in while the last settlement, a year, is above the rules'
  opening threshold: what a board of rates tempts one to. `random`: 1,000 sets of entries, as many positions as the rules had and
  as long, begun at random (the one with the middle profit is told, and how many the rules beat). `flat`: nothing.
- **Sharpe ratio** of returns at every step, 365 days a year, nothing taken off for interest; *by Lo* with the returns'
  autocorrelation of a day (Lo 2002). Positions that are held a few times a year make few independent observations, whatever the
  count of steps: read ratios of three trades as such.

In the lake this is `arbitrage/simulation` and `arbitrage/simulation_equity` ([tables](tables.md)), made once a day at 00:50 UTC of
hourly candles and settled funding, for every pair of one coin and currency, both ways. A month's rows are of a simulation that
ends with the month, over everything before: later months never change them, and the newest are the ones to look at. Random
entries have a seed of each pair's own, so the same data give the same rows. A pair with a year of hours takes about 0.1 s of a
core with its 1,000 random entries, and 0.2 MB of memory until the month is written: 360 pairs (12 coins at five venues, spot
and perpetuals) took 41 s of processor time and 226 MB in all. Time grows with pairs and with the length of the past.

```sh
qmd sql "SELECT kind, strategy, scenario, part, trades, net_quote, sharpe_lo FROM simulation
         WHERE short_market = 'all' AND until_at = (SELECT max(until_at) FROM simulation)"
```

## Three venues, 2023-01 to 2024-06

![Equity of cash and carry of BTC at Binance, Bybit and OKX, rules and always on](images/simulation.svg)

10,000 USDT a leg. Money in USDT; *held* is the share of the time; returns are simple, a year, of the capital (spot, margin and a
buffer of 10 %: 14,333 for cash and carry, 7,667 for two perpetuals).

{by_strategy}

What it says:

- **Cash and carry by the rules earns little, and seldom.** It holds 7 to 9 % of the time, three to five times, most of it in the
  first months of 2024, and beats nearly all random entries of the same length: what it earns is timing. Idle money earns nothing
  here.
- **Always on earned more money than the rules where it was lucky, with deeper falls.** It met the whole rise from 16,500 to above
  70,000: at three times leverage the short is liquidated four or five times on the way. On {crash_day} the short at Bybit was
  liquidated at {crash_short}, and spot was sold at the next candle, up to eight hours later, at {crash_long}: {crash_loss} USDT, and
  the same at OKX. At Binance the short, entered a little lower, had been liquidated a candle before, and the new one was not
  touched. Who looks every hour loses less, and who adds margin in time nothing of the kind; neither is in the rules, so neither
  is here.
- **One threshold, without cost or patience, loses everywhere**: it pays four fills for a settlement or two.
- **Two perpetuals of one coin** at Bybit and OKX differ too little to pay for four fills. The rules trade them once or not at all,
  and lose what the fills cost.

### Costs, split and years

Net at 0, 1 and 2 times the costs, then the Sharpe ratio at base costs, then the number of trades in brackets. The train part ends
on {train_end}, the test part begins on {test_start}: nearly the two years. So the file has one quiet regime and one rich one, and
the rules were right to be out of most of the first. That is two observations, not hundreds. At twice the costs the rules' first
year ends below nothing at half of the pairs of cash and carry; the test part stays above it at all of them.

{by_cost}

### The file, and what is wrong with it

`spot_perp_8h_3venues/all_exchanges.csv`: Binance, Bybit and OKX, BTC and ETH, spot, USDT- and coin-margined perpetuals, a row every
eight hours, 1,642 rows each, none missing. All rows of spot and USDT perpetuals were used, as they are, dated as follows.

- **Times are London's wall clock without a zone**: an hour ahead of UTC in summer. Read so, funding falls on 00, 08 and 16 UTC.
- **Bybit's and OKX's candles open four hours before their row's time**, Binance's at it, which nothing in the file says. Dated so,
  {agree_dated} of Bybit's opens are exactly those of its own hourly candles, recorded by others (May and June 2024); by the file's
  time {agree_by_file} are. Against Gate's hourly candles of 2023, recorded by others too, the closes are {near_binance} (Binance),
  {near_bybit} (Bybit) and {near_okx} (OKX) basis points away in the median; four hours off either way {off_least} or more. Settlements
  are at the row's time at all three.
- So **no pair of Binance with Bybit or OKX is simulated**: their candles never open at one instant, and there is no fair price to
  fill both legs at. Decisions at Binance are filled eight hours after the settlement that caused them (the next candle), at Bybit
  and OKX four hours after.
- Prices are up to eight hours old when something is decided, so the limit for a stale quote is eight hours here, not two. It is the
  one setting that differs from the defaults.
- The mark price at a settlement is not in the file: funding is paid on the last close before it.
- **Coin-margined perpetuals are not simulated**: their profit is in coin and not linear in the price. Their funding is used below.

## Beside what was published

Sharpe ratios are a year. Of *funding alone*: mean a year, deviation a year, their ratio; no position, no price, no cost. *Notes* are
notes about a paper, not the paper itself: such figures may be misquoted, and are not ours to correct.

{published}
"""
