# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Triangular and cross-venue arbitrage
#
# **Question.** Three prices do not fit together, or two venues disagree about one. Somebody will be paid for
# putting that right. Who, how much, and how long does it take?
#
# You will find such opportunities in order books with depth and fees, watch them in a market of agents, trade them, lose
# legs, race for them, and at last see how a correlation of one hides behind quotes that are not refreshed at the same time.

# %%
import hvplot.pandas  # noqa: F401 - gives frames their .hvplot
import numpy as np
import pandas as pd
import panel as pn

from agents.base import Trader
from agents.cross_venue import CrossVenueArbitrageur
from agents.triangular import TriangularArbitrageur
from lessons.notebook import said, set_up
from market_sim import backtest, compute_triangular_opportunity, load, parse_orderbook, run
from market_sim.experiments import epps
from market_sim.experiments.verdict import Verdict
from market_sim.teaching import Exercise, about, conclude, in_mode, pick
from market_sim.theory.epps import lag_share, overlap_share

set_up()
about()

# %% [markdown]
# ## A round trip
#
# Dollars buy bitcoin, bitcoin buys ether, ether is sold for dollars. With the best asks $a$ and bids $b$, and a fee of a
# share $f$ of every trade's value, one dollar comes back as
#
# $$R = \dfrac{1}{a_{BTC/USD}(1+f)}\cdot\dfrac{1}{a_{ETH/BTC}(1+f)}\cdot b_{ETH/USD}(1-f),$$
#
# and the trip pays while $R > 1$: executable prices, as Fenn, Howison, McDonald, Williams and Johnson measure it in *The
# mirage of triangular arbitrage in the spot foreign exchange market*, International Journal of Theoretical and Applied
# Finance 12 (2009), 1105-1123. The other way round is a second condition. Behind the best price lies the next worse one:
# what counts is how much the three books let through *together*.

# %%
btcusd = parse_orderbook('{"bids": [[59990, 0.4], [59980, 2]], "asks": [[60000, 0.4], [60030, 2]]}')
ethbtc = parse_orderbook('{"bids": [[0.04998, 9], [0.04997, 30]], "asks": [[0.05, 9], [0.05002, 30]]}')
ethusd = parse_orderbook('{"bids": [[3009, 5], [3007, 8], [3004, 20]], "asks": [[3011, 5], [3012, 20]]}')

profit, route = compute_triangular_opportunity(btcusd, ethbtc, ethusd, fees=0.0005)
said(f"{route}: {route.spent:.2f} USD in, {profit:.2f} USD more out")

# %%
pd.DataFrame(
    [{"pair": leg.pair, "side": leg.side, "size": leg.size, "price": leg.price} for leg in route.legs]
)

# %% [markdown]
# **Notice** the sizes: the three legs hang together, and the tightest level of the three decides. The trip stops at the
# level whose next unit would cost more than it brings.
#
# What do fees do?

# %%
fees = np.linspace(0, 12, 121)
found = [compute_triangular_opportunity(btcusd, ethbtc, ethusd, fees=f / 1e4) for f in fees]
by_fee = pd.DataFrame({"fee": fees, "profit": [p for p, _ in found], "spent": [r.spent for _, r in found]})
gain = by_fee.hvplot.line(
    "fee", "profit", ylabel="profit (USD)", title="What a taker fee leaves of a round trip"
)
entering = by_fee.hvplot.step(
    "fee", "spent", ylabel="USD that enter", xlabel="fee a leg (bps)", title="Its size"
)
(gain + entering).cols(1)

# %% [markdown]
# **Notice** the steps: a fee does not only take its share, it closes one level of depth after the other. At the last
# step even the three best prices do not pay any more.
#
# **Exercise 1.** At which fee a leg, in bps, do the best prices stop paying? Their product without fees is
# $3009 / (60000 \cdot 0.05)$.

# %%
limit = Exercise(answer=10.0, tolerance=0.1, hint="Three legs share what the product has above 1: 30 bps.")
limit.check(...)

# %% tags=["solution", "hide-input"]
limit.check(float(fees[by_fee.profit > 0].max()))

# %% [markdown]
# ### Turn the knob
#
# Move the price of ether in dollars: when does the trip pay, and which way round?

# %%
shift = pn.widgets.FloatSlider(name="shift of ETH/USD (USD)", start=-20, end=20, step=1, value=-9)


def shifted(amount):
    """The opportunity after every ETH/USD quote has moved by so many dollars."""
    sides = {"bids": [(3009, 5), (3007, 8), (3004, 20)], "asks": [(3011, 5), (3012, 20)]}
    rows = {side: str([[price + amount, size] for price, size in levels]) for side, levels in sides.items()}
    book = parse_orderbook(f'{{"bids": {rows["bids"]}, "asks": {rows["asks"]}}}')
    gained, way = compute_triangular_opportunity(btcusd, ethbtc, book, fees=0.0005)
    return said(f"{gained:8.2f} USD   {way}")


pn.Column(shift, pn.bind(shifted, shift))

# %% [markdown]
# ## Synthetic data
#
# The scenario `triangle` has three listings, each with a crowd of its own that knows nothing of the other two. We take its
# arbitrageur away, and record.


# %%
def without(name, *agents):
    """A shipped scenario as a table, less some of its agents."""
    plan = load(name).resolved()
    plan["agents"] = [row for row in plan["agents"] if row["name"] not in agents]
    return plan


minutes = pick(short=5, full=60, reference=5)
alone = run(without("triangle", "arbitrageur"), seed=7, until=f"{minutes}m")
alone.quotes.select("time", "listing", "bid", "ask").tail(4)

# %% [markdown]
# **Detection** is the formula for both ways round at every change of a quote. This is the signal function: quotes in,
# basis points out, positive where a round trip pays.


# %%
def edges(result, fee):
    """By time in seconds: what a round trip either way earns at the best prices, in bps, after fees."""
    quotes = result.quotes.select("time_ns", "instrument", "bid", "ask")
    frame = pd.DataFrame(quotes.to_dict(as_series=False))
    wide = frame.pivot_table(index="time_ns", columns="instrument", aggfunc="last").ffill().dropna()
    bid, ask = wide["bid"], wide["ask"]
    over_btc = bid["ETH/USD"] / (ask["BTC/USD"] * ask["ETH/BTC"]) * (1 - fee) / (1 + fee) ** 2
    over_eth = bid["ETH/BTC"] * bid["BTC/USD"] / ask["ETH/USD"] * (1 - fee) ** 2 / (1 + fee)
    both = pd.DataFrame({"over BTC": over_btc, "over ETH": over_eth})
    return (both - 1).mul(1e4).set_index(wide.index / 1e9)


signal = edges(alone, fee=0.3e-4)
signal.loc[60:120].hvplot.step(
    title="Edge of both round trips in the second minute, fees taken off", xlabel="seconds", ylabel="bps"
)

# %%
pays = signal.max(axis=1) > 0
changes = pays[pays != pays.shift()]
lasted = pd.DataFrame({"pays": changes, "seconds": -changes.index.to_series().diff(-1)}).dropna()
spells = lasted[lasted.pays]
spells.hvplot.hist(
    "seconds",
    bins=40,
    title=f"How long {len(spells)} opportunities lasted with nobody to take them",
    ylabel="number",
)

# %% [markdown]
# **Notice** that nearly all are short: somebody's quote comes or goes, and the trip pays for a moment. Even alone the
# prices do not drift apart for ever, because in each crowd there are traders who know what the thing is worth.
#
# ## The backtest
#
# Now the shipped `TriangularArbitrageur` trades them: three immediate-or-cancel orders that leave together, paid from
# what it owns, and a repair at market for what a leg has missed. Its line takes 50 microseconds.

# %%
purse = {"HUB": {"USD": "3000000", "BTC": "50", "ETH": "1000"}}


def tried(line):
    """A backtest of the arbitrageur with a line of so much delay, each way and for data."""
    plan = without("triangle", "arbitrageur")
    plan["latency"]["line"] = {"entry": line, "report": line, "data": line}
    strategy = TriangularArbitrageur(name="mine", latency="line", endowment=purse, min_edge_bps=0.1)
    return backtest(strategy, plan, seed=7, until=f"{minutes}m")


fast = tried("50us")
curve = pd.DataFrame(fast.equity.select("time_ns", "profit").to_dict(as_series=False))
curve.assign(minute=curve.time_ns / 60e9).hvplot.line(
    "minute", "profit", title="Equity curve of the triangular arbitrageur", ylabel="profit (USD)"
)

# %%
names = ["profit", "fees", "traded", "fills", "fill_ratio", "sharpe", "period_s"]
told = {name: fast.figures[name] for name in names}
told |= {"max_drawdown": fast.figures["drawdown"]["max_drawdown"]}
told |= {
    "share of time a trip pays, alone": alone.metrics["profitable_cycle_share"],
    "the same with it": fast.result.metrics["profitable_cycle_share"],
}
pd.Series(told, name="backtest").to_frame()

# %% [markdown]
# **Notice** the last two lines: it is paid for making its own income disappear.
#
# ## Legs that fail
#
# A plan is made from a view, and a view is old when it arrives. Let the line grow longer and count how often all three
# orders of a trip find what they were sent for.


# %%
def outcome(line):
    """One row: attempts, how many were whole, and what came of them."""
    test = tried(line)
    orders = pd.DataFrame(test.orders.to_dict(as_series=False))
    orders["whole"] = orders.filled_lots >= orders.ordered_lots
    trips = orders.groupby("sent_ns").agg(legs=("whole", "size"), whole=("whole", "all"))
    trips = trips[trips.legs == 3]
    profit = test.figures["profit"]
    return {"line": line, "trips": len(trips), "all legs": trips.whole.mean(), "profit": profit}


lines = pd.DataFrame([outcome(line) for line in ("50us", "10ms", "50ms", "200ms")])
bars = lines.hvplot.bar("line", "profit", title="Profit by delay of the line", ylabel="USD")
(bars + lines.hvplot.bar("line", "all legs", title="Share of trips with three whole legs", ylabel="")).cols(1)

# %% [markdown]
# **Notice** what a failed leg is. Two legs of three are not two thirds of an arbitrage: they are a position that nobody
# wanted, and getting rid of it costs a spread.
#
# ## Two venues, three lines
#
# The same for one instrument at two venues. The `CrossVenueArbitrageur` buys at the one's asks and sells at the other's
# bids while $b\,(1-f) > a\,(1+f)$. Three of them see the same market; only their lines differ.

# %%
plan = without("two_venues", "arbitrageur")
rivals = {"fast": "100us", "slower": "1ms", "slowest": "10ms"}
plan["latency"] |= {name: {"entry": line, "report": line, "data": line} for name, line in rivals.items()}
wealth = {"USD": "4000000", "BTC": "60"}
agents = [
    CrossVenueArbitrageur(
        name=name, latency=name, endowment={"NORTH": wealth, "SOUTH": wealth}, min_edge_bps=0.1
    )
    for name in rivals
]
contest = run(plan, seed=7, until=f"{minutes}m", agents=agents)
accounts = pd.DataFrame(contest.accounts.select("agent", "profit", "fees_USD").to_dict(as_series=False))
accounts[accounts.agent.isin(rivals)].assign(line=lambda rows: rows.agent.map(rivals)).hvplot.bar(
    "line", "profit", title="One bargain, three lines: who is paid", ylabel="profit (USD)"
)

# %% [markdown]
# **Notice** that ten times faster is not ten times better paid. It is everything or nothing, or less: whoever comes second
# may have bought a leg whose other end is gone.
#
# ## The race, by itself
#
# Budish, Cramton and Shim, *The high-frequency trading arms race*, Quarterly Journal of Economics 130 (2015), 1547-1621:
# news makes a maker's offer too cheap. In that instant the maker sends a cancel, and $N - 1$ others send orders for the
# offer. All are equally fast. The venue takes one message after the other, so each of the $N$ is first with the
# same chance, and the maker, the only one who wants to save itself, is sniped with
#
# $$P = \dfrac{N-1}{N}.$$
#
# We write both agents. The maker offers, and withdraws its offer five milliseconds later, when the news is out:


# %%
class Maker(Trader):
    withdraws: bool = True

    def on_start(self):
        self._offer = None
        self.wake_in("5ms")

    def on_wake(self):
        if self._offer is None:
            self._offer = self.sell(self.listings[0], 1, 100)
        else:
            if self.withdraws and self._offer in self.orders:
                self.cancel(self._offer)
            self._offer = None
        self.wake_in("5ms")


# %% [markdown]
# The snipers hear the same news in the same instant, every ten milliseconds, and want the offer:


# %%
class Sniper(Trader):
    def on_start(self):
        self.wake_in("10ms")

    def on_wake(self):
        self.buy(self.listings[0], 1, 100, tif="IOC")
        self.wake_in("10ms")


# %% [markdown]
# A message takes 100 to 200 microseconds, drawn anew for each.


# %%
def floor(rounds):
    """A venue for so many rounds; messages take 100 to 200 us, and late ones a fixed time more."""
    lines = {"equal": (100, 200)} | {f"late_{late}": (100 + late, 200 + late) for late in (25, 50)}
    profile = {
        name: {"entry": {"uniform": [f"{least}us", f"{most}us"]}, "report": "1us", "data": "1us"}
        for name, (least, most) in lines.items()
    }
    return {
        "schema": 1, "name": "race", "duration": f"{10 * rounds + 5}ms", "numeraire": "USD",
        "assets": {"USD": {"decimals": 2}, "X": {"decimals": 0}}, "venues": {"V": {}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}}, "latency": profile,
        "listings": [{"venue": "V", "instrument": "X/USD", "tick": "1", "lot": "1"}],
    }  # fmt: skip


# %%
def race(rounds, profiles, withdraws=True, seed=1):
    """How many rounds each sniper won; `profiles` are their lines, the maker's is "equal"."""
    runners = [Sniper(name=f"sniper-{k}", latency=line) for k, line in enumerate(profiles)]
    maker = Maker(name="maker", latency="equal", withdraws=withdraws)
    result = run(floor(rounds), seed=seed, agents=[maker, *runners])
    won = dict(result.trades.group_by("taker").len().iter_rows())
    return [won.get(runner.name, 0) for runner in runners]


# %%
rounds = pick(short=1000, full=10_000, reference=500)
crowds = (2, 3, 5, 10)
sniped = {n: sum(race(rounds, ["equal"] * (n - 1), seed=n)) / rounds for n in crowds}
sizes = np.arange(2, 11)
line = pd.DataFrame({"N": sizes, "P": 1 - 1 / sizes}).hvplot.line(
    "N", "P", color="#888888", label="(N - 1) / N"
)
line * pd.DataFrame({"N": crowds, "P": sniped.values()}).hvplot.scatter(
    "N", "P", size=60, label="engine", title="How often the maker is too late", xlabel="who sends a message"
)

# %% [markdown]
# **Exercise 2.** Four snipers and the maker. How often is the maker sniped?

# %%
five = Exercise(answer=0.8, tolerance=0.001, hint="Five messages are on their way.")
five.check(...)

# %% tags=["solution", "hide-input"]
five.check((5 - 1) / 5)

# %% [markdown]
# ### What a head start is worth
#
# Two snipers, an offer that stays. Both messages take between 100 and 200 microseconds, uniformly, but the second line is
# longer by a share $d$ of that range. It wins only if its own draw beats the other's by $d$: the corner of a square,
#
# $$P(\mathrm{slower\ wins}) = \dfrac{1}{2}(1 - d)^2.$$

# %%
behind = {
    d: race(rounds, ["equal", f"late_{round(100 * d)}"], withdraws=False)[1] / rounds for d in (0.25, 0.5)
}
gap = np.linspace(0, 1, 101)
shape = pd.DataFrame({"d": gap, "share": (1 - gap) ** 2 / 2}).hvplot.line(
    "d", "share", color="#888888", label="formula"
)
shape * pd.DataFrame({"d": list(behind), "share": behind.values()}).hvplot.scatter(
    "d", "share", size=60, label="engine", title="How often the slower one wins", xlabel="delay / jitter"
)

# %% [markdown]
# **Notice** the slope at the left: the first microseconds of an advantage pay most, which is why nobody stops buying them.
# And no agent of the race makes the market any better by being faster: they only change who is paid.
#
# ## The Epps effect
#
# Why is there anything to race for? Look at one instrument at two venues. The value is the same, so the correlation of
# their changes is 1. Now measure it. Epps (1979), Journal of the American Statistical Association 74, 291-298, found
# that correlations die when the interval gets short. Much of that is arithmetic: each venue shows the value of its *last
# refresh*, and two returns have in common only the time that both cover. With refreshes at the rate $\ell$ at each venue,
# by chance and independently (Tóth, Tóth and Kertész 2007; Mastromatteo, Marsili and Zoi 2011),
#
# $$\dfrac{ρ(\Delta)}{ρ} = 1 - \dfrac{1 - e^{-\ell\Delta}}{\ell\Delta}.$$
#
# Dealers in the engine move their quotes at random times, ten a second; we listen to the published best prices.

# %%
setting = epps.Setting(seconds=100.0)
seen = epps.play(setting, pick(short=60, full=200, reference=20), seed=1)
rate = setting.rates[0]
multiples = np.geomspace(0.1, 50, 14)
measured = [epps.measured_share(setting, seen, multiple / rate)[0] for multiple in multiples]
intervals = np.geomspace(0.01, 5, 100)
law = pd.DataFrame({"interval": intervals, "share": overlap_share(intervals, rate)})
law.hvplot.line("interval", "share", logx=True, color="#888888", label="formula") * pd.DataFrame(
    {"interval": multiples / rate, "share": measured}
).hvplot.scatter(
    "interval", "share", label="engine", title="Correlation of one thing with itself", xlabel="seconds"
)

# %% [markdown]
# **Notice** that at a hundredth of a second the two prices of *one* thing seem to have nothing to do with each other. For
# whoever is faster than the quotes, that is the opportunity.
#
# **Exercise 3.** One venue refreshes ten times a second, the other without end. What is the share at an interval of a
# tenth of a second? Guess first. Then ask `overlap_share(0.1, 10, np.inf)`.

# %%
surprise = Exercise(answer=0.3679, tolerance=0.0005, hint="Compare it with two venues at ten a second.")
surprise.check(...)

# %% tags=["solution", "hide-input"]
surprise.check(overlap_share(0.1, 10, np.inf))

# %% [markdown]
# The second cause is the wire. Both venues refresh without a pause, but the second one's data come $L$ later. The common
# time is what is left of the interval: $ρ(\Delta)/ρ = \max(0, 1 - L/\Delta)$.

# %%
late = epps.Setting(rates=(20.0, 20.0), delays=(0.0, 0.2), seconds=100.0, regular=True)
heard = epps.play(late, pick(short=40, full=200, reference=15), seed=2)
steps = np.array([0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0, 2.0])
lagged = [epps.measured_share(late, heard, float(step))[0] for step in steps]
line = pd.DataFrame({"interval": intervals, "share": lag_share(intervals, 0.2)})
line.hvplot.line("interval", "share", logx=True, color="#888888", label="formula") * pd.DataFrame(
    {"interval": steps, "share": lagged}
).hvplot.scatter("interval", "share", label="engine", title="Data that come 0.2 s late", xlabel="seconds")

# %% [markdown]
# ## Before you do this with money
#
# - **Fees.** Three legs pay three of them. A retail taker fee of 10 bps a leg is more than any edge you saw in this lesson;
#   `compute_triangular_opportunity(..., fees=...)` takes yours.
# - **Depth.** The best price is good for the size that stands there. Size the trip by the tightest level of the three, and
#   count every unit at the price of its own level.
# - **Slippage.** Prices move while orders travel. Send a limit, immediate or cancel, at the worst price at which the plan
#   still pays, never a market order for an opening leg.
# - **Order management.** Legs leave together, because the second would meet a book that has heard of the first. Say before
#   you trade what happens to a leg that is missing: here the rest is traded back at once, at market, and again after half a
#   second. One attempt at a time; no attempt on a view older than your own last trade there.
# - **Inventory.** Nothing is moved between venues in time: both sides must own what they sell. A venue that has run
#   dry trades in one direction only, and refilling it costs a fee and an hour.
# - **The race.** If you are second you have no smaller profit, but none, and the costs of the attempts that fail.
#
# ## Did the numbers come out?
#
# The race has the closed forms above, with the noise of so many rounds. The shares of the Epps effect are the formula's
# at six intervals, and two of a lag. A full run may differ by 0.02 in the race, by 0.005 in the Epps effect and by 0.01
# in the lag; a short one by four of its standard errors, and never by more than five times that.


# %%
def rounds_row(what, expected, share):
    """A share of rounds beside its chance, +-0.02 in the full run."""
    error = (expected * (1 - expected) / rounds) ** 0.5
    return Verdict(what, expected, share, error, 0.02)


rows = [rounds_row(f"maker sniped, N = {n}", 1 - 1 / n, share) for n, share in sniped.items()]
rows += [rounds_row(f"slower wins, {d:g} behind", (1 - d) ** 2 / 2, share) for d, share in behind.items()]
rows += epps.verdicts(setting, seen)
for step in (0.4, 1.0):
    share, error = epps.measured_share(late, heard, step)
    rows.append(Verdict(f"lag of 0.2 s: share at {step:g} s", 1 - 0.2 / step, share, error, 0.01))
conclude("03_arbitrage", in_mode(rows, cap=5, rounding=0.00005))
