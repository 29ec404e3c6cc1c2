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
# # 04 Pairs trading
#
# **Question.** Two prices have moved together for years. Today they have parted. Is that a bargain, or have they
# parted for good? And how far must they part before a bet on their return is worth what it costs?
#
# You will make pairs that belong together and pairs that do not, and watch a famous test confuse them. Then comes the
# theory that says where to enter and where to leave, its published example played through the matching engine, and
# a backtest on a market whose truth you know, because you made it.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import hvplot.pandas  # noqa: F401 - gives frames their .hvplot
import numpy as np
import pandas as pd
import panel as pn
from scipy.signal import lfilter
from statsmodels.tsa.adfvalues import mackinnoncrit
from statsmodels.tsa.stattools import coint

from agents.base import Trader
from agents.bertram import OptimalPairs
from lessons.notebook import said, set_up
from market_sim import backtest, run
from market_sim.experiments import bertram
from market_sim.experiments.verdict import Verdict
from market_sim.pair import Pair
from market_sim.teaching import Exercise, about, conclude, in_full, pick
from market_sim.theory import ornstein_uhlenbeck as ou
from market_sim.theory.cointegration import hedge_ratio

set_up()
about()

# %% [markdown]
# ## What it takes to belong together
#
# A price wanders: tomorrow's is today's and a surprise, and nothing pulls it back. Two such prices $x$ and $y$ are
# **cointegrated** (Engle and Granger 1987, *Econometrica* 55:251-276) if some combination of them does not wander:
#
# $$ y_t = α + β x_t + g_t, \qquad g_t = \phi\, g_{t-1} + ε_t, \qquad |\phi| < 1. $$
#
# The gap $g$ forgets. Half of it is gone, on average, after the **half-life** $\ln 2 / (-\ln \phi)$. Here is the whole
# generator: the first price is a random walk, the second follows it with such a gap, whose standard deviation is 1.


# %%
def make_gaps(rows, bars, half_life, draws):
    """Gaps of standard deviation 1 that forget half of themselves in `half_life` bars; one a row."""
    keep = 0.5 ** (1 / half_life)
    warm = int(20 * half_life)
    shocks = draws.standard_normal((rows, warm + bars)) * np.sqrt(1 - keep**2)
    return lfilter([1], [1, -keep], shocks)[:, warm:]


def make_walks(rows, bars, draws):
    """Random walks whose steps have standard deviation 1; one a row."""
    return draws.standard_normal((rows, bars)).cumsum(axis=1)


# %%
BARS, BETA = 500, 0.6
draws = np.random.default_rng(4)
first = make_walks(1, BARS, draws)[0]
follower = BETA * first + 3 * make_gaps(1, BARS, 10, draws)[0]
stranger = BETA * make_walks(1, BARS, draws)[0]
walks = pd.DataFrame({"first": first, "its follower": follower, "a stranger": stranger})
walks.hvplot(title="Three made prices, two of which belong together", xlabel="bar", ylabel="price")

# %% [markdown]
# ## A test, and what it misses
#
# Engle and Granger regress $y$ on $x$ and ask whether what is left over is pulled back:
#
# $$ \hat g_t - \hat g_{t-1} = ρ\, \hat g_{t-1} + ε_t, \qquad τ = \hat ρ \,/\, \mathrm{se}(\hat ρ). $$
#
# A strongly negative $τ$ says yes. How strongly? The regression has already chosen the combination that looks
# calmest, so an ordinary $t$ table would be fooled. MacKinnon (2010, Queen's Economics Department Working Paper 1227)
# prints the right one: at 5 %, a constant and two series, $-3.33613 - 6.1101/n - 6.823/n^2$.


# %%
def engle_granger(x, y):
    """The statistic tau of every row, without lagged differences."""
    x, y = (series - series.mean(axis=1, keepdims=True) for series in (x, y))
    slope = (x * y).sum(axis=1, keepdims=True) / (x * x).sum(axis=1, keepdims=True)
    gap = y - slope * x
    before, change = gap[:, :-1], np.diff(gap, axis=1)
    squares = (before**2).sum(axis=1)
    pull = (before * change).sum(axis=1) / squares
    left = change - pull[:, None] * before
    variance = (left**2).sum(axis=1) / (before.shape[1] - 1)
    return pull / np.sqrt(variance / squares)


# %% [markdown]
# Twelve lines, so let us not believe them: `statsmodels` has the same test.

# %%
ours = engle_granger(first[None], np.stack([follower]))[0]
theirs, p_value, _ = coint(follower, first, trend="c", maxlag=0, autolag=None)
critical = mackinnoncrit(N=2, regression="c", nobs=BARS)[1]
said(
    f"tau: ours {ours:.6f}, statsmodels {theirs:.6f} (p-value {p_value:.2g}); critical at 5 %: {critical:.4f}"
)

# %% [markdown]
# ### How often it cries wolf
#
# Thousands of pairs of strangers. The test should believe one in twenty, and no more.


# %%
def share_believed(pairs, half_life=None, bars=BARS, seed=1):
    """Share of made pairs whose tau lies below the critical value; strangers without a half-life."""
    draws, found, level = np.random.default_rng(seed), 0, mackinnoncrit(2, "c", bars)[1]
    for rows in [1_000] * (pairs // 1_000):
        x = make_walks(rows, bars, draws)
        if half_life is None:
            y = make_walks(rows, bars, draws)
        else:
            y = BETA * x + make_gaps(rows, bars, half_life, draws)
        found += int((engle_granger(x, y) < level).sum())
    return found / (pairs // 1_000 * 1_000)


# %%
strangers = pick(10_000, 100_000)
believed = share_believed(strangers)
believed_error = (0.05 * 0.95 / strangers) ** 0.5
said(f"{believed:.2%} of {strangers:,} pairs of strangers are believed, give or take {believed_error:.2%}")

# %% [markdown]
# **Exercise 1.** You screen all pairs among 20 shares, none of which has anything to do with another. How many pairs
# does the test hand you, on average?

# %%
false_friends = Exercise(answer=9.5, hint="Twenty shares make 20 * 19 / 2 pairs.")
false_friends.check(...)

# %% tags=["solution", "hide-input"]
false_friends.check(0.05 * 20 * 19 / 2)

# %% [markdown]
# ### How often it is blind
#
# Now every pair is real. The slower the gap closes, the more it looks like a wanderer.

# %%
half_lives = [5, 10, 20, 30, 45, 60, 90, 120]
power = pd.DataFrame(
    {
        "half-life (bars)": half_lives,
        "share of real pairs believed": [share_believed(pick(1_000, 10_000), h) for h in half_lives],
    }
)
power.hvplot("half-life (bars)", ylim=(0, 1), title=f"Power of the test with {BARS} bars").opts(
    show_grid=True
)

# %% [markdown]
# **Notice** where the curve falls below one half. 500 daily bars are two years: a pair whose gap halves in six weeks
# (30 bars) is overlooked more often than not, and one of half a year looks like strangers. A test that does not
# reject has not shown that the pair is none, and one that rejects among many screened pairs has shown little either.
# Looking at the same two years more often does not help, since the half-life then counts more bars too. A longer
# history does; here for a half-life of 30 bars:

# %%
found = {bars: share_believed(pick(1_000, 5_000), 30, bars) for bars in (250, 500, 1_000, 2_000)}
said(*[f"{bars:5} bars: {share:.0%} of the real pairs are believed" for bars, share in found.items()])

# %% [markdown]
# ## How far apart?
#
# Suppose we know that the gap closes. In continuous time it is an **Ornstein-Uhlenbeck** process,
#
# $$ dX = -a X\, dt + s\, dW, $$
#
# with half-life $\ln 2 / a$ and standard deviation $s/\sqrt{2a}$. Trade like this: buy the gap at $-b$, sell it at
# $+b$, wait until it is back at $-b$. One such cycle earns $2b - c$, where $c$ is what the four orders cost. Its mean
# length is (Bertram 2010, *Physica A* 389:2234-2243)
#
# $$ \mathrm{E}[T] = \dfrac{\pi}{a}\Bigl(\mathrm{erfi}\dfrac{b\sqrt a}{s} - \mathrm{erfi}\dfrac{-b\sqrt a}{s}\Bigr),
# \qquad \mathrm{return\ a\ year} = \dfrac{2b - c}{\mathrm{E}[T]}. $$
#
# A small $b$ trades often and gives everything to the broker; a large one earns much, and waits for ever.
# Bertram's example: $a = 180.967$ a year, $s = 0.1538$, $c = 0.001$.

# %%
paper = bertram.Setting()
spread = paper.spread
best = ou.best_return(spread, paper.cost)
cycle = ou.mean_cycle(spread, -best, best)
rate = ou.return_rate(spread, -best, best, paper.cost)
said(f"best threshold {best:.6f}, one cycle {cycle:.6f} years, return {rate:.6f} a year")


# %%
def returns(cost, points=200):
    """Return a year against the threshold, from break-even to four times the best one."""
    b = np.linspace(cost / 2, 4 * ou.best_return(spread, cost), points)[1:]
    return pd.DataFrame({"threshold": b, "return": [ou.return_rate(spread, -k, k, cost) for k in b]})


def curve(cost, **more):
    """That curve as a figure, with a line at the best threshold."""
    import holoviews as hv

    top = ou.best_return(spread, cost)
    found = returns(cost).hvplot("threshold", "return", label=f"costs {cost:g}", **more)
    return found * hv.VLine(top).opts(color="black", line_dash="dashed", line_width=1)


# %% [markdown]
# ## Costs set the band
#
# Move the knob. The dashed line is the best threshold.

# %%
knob = pn.widgets.FloatSlider(name="cost of a round trip", start=0.0002, end=0.006, step=0.0002, value=0.001)
knob.format = "0.0000"
pn.Column(knob, pn.bind(lambda cost: curve(cost, title="Return a year", ylim=(0, 1.2), xlim=(0, 0.03)), knob))

# %% [markdown]
# **Notice** three things. The band is wider than half the cost even when the cost is nearly nothing. The top is
# flat: being a fifth off costs little, so an estimate will do. And the return falls much faster than the band
# widens.
#
# For small costs the formula simplifies. With $u = b\sqrt a/s$ and $k = c\sqrt a/s$ the cycle is proportional to
# $u + u^3/3$; setting the derivative of $(2u-k)/(u+u^3/3)$ to zero leaves $u^3 ≈ \dfrac{3}{4} k$.
#
# **Exercise 2.** Costs that are already small become eight times as high. How many times as wide is the best band?

# %%
wider = Exercise(
    answer=2, tolerance=0.1, hint="A cube root: the threshold grows far more slowly than the cost."
)
wider.check(...)

# %% tags=["solution", "hide-input"]
wider.check(ou.best_return(spread, 8e-6) / ou.best_return(spread, 1e-6))

# %% [markdown]
# **Exercise 3.** A year has 252 trading days. What is the half-life of Bertram's gap, in trading days?

# %%
days = Exercise(answer=0.965, tolerance=0.01, hint="ln 2 / a is in years.")
days.check(...)

# %% tags=["solution", "hide-input"]
days.check(spread.half_life * 252)

# %% [markdown]
# ## Through the matching engine
#
# Formulas trade at once and without a book. Here two instruments are listed at a venue, a dealer quotes both a quarter
# of $c$ away from their mids, and the arbitrageur sends four orders a cycle, looking at the gap every 0.00001
# years (about a minute of trading; half of that in a full run). Somebody who looks now and then finds a level passed **late**, by
# $0.5826\, s\sqrt{\Delta t}$ on average (Broadie, Glasserman and Kou 1997, *Mathematical Finance* 7:325-349): the
# formula is taken at thresholds moved out by that much.

# %%
played = replace(paper, interval=pick(10, 5) * 1e-6)
outcome = bertram.play(played, pick(1_500, 10_000), seed=1)
engine_rows = bertram.verdicts(played, outcome)
said(*engine_rows)

# %%
lengths = pd.DataFrame({"length of a cycle (trading days)": outcome.length * 252})
lengths.hvplot.hist(
    bins=60, title=f"{len(lengths):,} cycles; their mean is {lengths.mean().iloc[0]:.1f} days"
)

# %% [markdown]
# **Notice** the tail. The mean cycle is four and a half days, the longest several times that, with the position
# open and the loss on show all that time. The formula's return is an average over such weeks.
#
# Is the best threshold best in the engine too? Four others, each with cycles of its own:

# %%
factors = (0.5, 0.75, 1.5, 2.0)
others = {f: replace(played, at=f * best) for f in factors}
tried = {f: bertram.verdicts(s, bertram.play(s, pick(400, 3_000), seed=2))[1] for f, s in others.items()}
tried[1.0] = engine_rows[1]

# %%
points = pd.DataFrame(
    [{"threshold": f * best, "return": v.simulated, "error": v.standard_error} for f, v in tried.items()]
)
dots = points.hvplot.scatter("threshold", "return", label="engine", size=60, color="crimson")
bars = points.hvplot.errorbars("threshold", "return", yerr1="error", color="crimson")
curve(paper.cost, title="Return a year: formula and engine", xlim=(0, 0.0105)) * dots * bars

# %% [markdown]
# ## A market whose truth you know
#
# Now the whole trade, from data to profit. First the data: quotes of OAK and ELM once a second. ELM is worth 0.6 OAK and
# a gap with a half-life of two minutes and a standard deviation of ten cents; both are quoted a cent to each side.

# %%
HALF_LIFE_S, DEVIATION, HALF_SPREAD = 120.0, 0.10, 0.01
HOURS = pick(6, 40, reference=3)
SHARES = 100
truth = ou.Spread(np.log(2) / HALF_LIFE_S, DEVIATION * np.sqrt(2 * np.log(2) / HALF_LIFE_S))


def make_market(hours, seed):
    """Mids of OAK and ELM, one a second."""
    wander, close = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    oak = 100 + 0.02 * make_walks(1, 3_600 * hours, wander)[0]
    return oak, BETA * oak + DEVIATION * make_gaps(1, 3_600 * hours, HALF_LIFE_S, close)[0]


# %%
def write_quotes(oak, elm, half_spread):
    """A CSV file of best bids and asks, as a data vendor would sell it."""
    stamps = pd.date_range("2026-01-05 14:30", periods=len(oak), freq="s").strftime("%Y-%m-%d %H:%M:%S")
    frames = []
    for symbol, mids in (("OAK/USD", oak), ("ELM/USD", elm)):
        bid, ask = np.round(mids - half_spread, 3), np.round(mids + half_spread, 3)
        sizes = {"bid_size": 1_000, "ask_size": 1_000}
        frames.append(pd.DataFrame({"time": stamps, "symbol": symbol, "bid": bid, "ask": ask, **sizes}))
    file = Path(tempfile.mkdtemp()) / f"quotes_{half_spread:g}.csv"
    pd.concat(frames).sort_values("time", kind="stable").to_csv(file, index=False)
    return str(file)


# %% [markdown]
# **Detection.** The first hour is for looking only: test the pair, fit the hedge ratio, fit the gap. Gatev, Goetzmann and
# Rouwenhorst (2006, *Review of Financial Studies* 19:797-827) call it the formation period. Nothing of the hours in
# which we trade may enter it.

# %%
oak, elm = make_market(HOURS + 1, seed=1)
looked = oak[:3_600], elm[:3_600]
tau = engle_granger(looked[0][None], looked[1][None])[0]
beta, _ = hedge_ratio(*looked)
fitted = ou.fit(looked[1] - beta * looked[0], 1.0)
said(
    f"tau {tau:.1f}; beta {beta:.3f}, half-life {fitted.half_life:.0f} s, deviation {fitted.deviation:.3f} USD",
    f"truth:     beta {BETA:.3f}, half-life {truth.half_life:.0f} s, deviation {truth.deviation:.3f} USD",
)


# %% [markdown]
# **Signal.** Hold the gap once it is at $-b$ or below, hold it sold once it is at $+b$ or above, else go on with what
# you hold. After its first trade this strategy always has one of the two, so each way there and back earns twice: the
# formula's return doubles.


# %%
def signal(held, gap, threshold):
    """+1: hold the gap; -1: hold it sold; else what is held already."""
    if gap <= -threshold:
        return 1
    return -1 if gap >= threshold else held


# %%
class GapTrader(Trader):
    """Trades ELM against beta OAK by the signal, one look a second."""

    threshold: float = 0.1
    mean: float = 0.0
    beta: float = BETA
    size: int = SHARES

    def on_start(self):
        self.pair, self.held = Pair(self, protection_bps=100), 0
        self.wake_in("1s")

    def on_wake(self):
        self.wake_in("1s")
        oak, elm = self.pair.mids()
        self.held = signal(self.held, elm - self.beta * oak - self.mean, self.threshold)
        self.pair.aim(self.held * self.size, self.beta)
        self.pair.trade()


# %% [markdown]
# `Pair` (in `market_sim/pair.py`, 50 lines) knows the two legs: `aim` sets what shall be held of both, `trade` sends what
# is missing, once everything sent before has been answered.
#
# **Backtest.** The quotes become a market: orders take a millisecond to arrive, pay the spread, and meet the sizes
# that were quoted. First with the truth in hand, to see whether the formula holds; then with what the first hour told us.

# %%
cost = 2 * HALF_SPREAD * (1 + BETA)
threshold = ou.best_return(truth, cost)
quotes = write_quotes(oak[3_600:], elm[3_600:], HALF_SPREAD)


def trade(file, **params):
    return backtest(GapTrader, file, params=params, short_selling=True, cash=1_000_000, step="10s")


informed = trade(quotes, threshold=threshold)
guessed = trade(quotes, threshold=ou.best_return(fitted, cost), mean=fitted.mean, beta=round(beta, 3))

# %%
equity = pd.DataFrame(
    {
        "time": informed.equity["time"].to_numpy(),
        "knows the truth": informed.equity["profit"].to_numpy(),
        "fitted in one hour": guessed.equity["profit"].to_numpy(),
    }
)
equity.hvplot("time", title="Profit, marked at the mids", ylabel="USD", responsive=True, height=320)

# %%
told = ("profit", "sharpe", "fills", "traded", "shortfall_bps")
figures = {"knows the truth": informed, "fitted in one hour": guessed}
pd.DataFrame(
    {
        name: {key: found.figures[key] for key in told}
        | {"max_drawdown": found.figures["drawdown"]["max_drawdown"]}
        for name, found in figures.items()
    }
).round(4)

# %% [markdown]
# **Notice** how much a wrong hedge ratio costs. A hundredth of beta is a cent for every dollar that OAK has wandered
# since the first hour: the mean of the gap drifts away from where it was fitted, and the band around it no longer
# stands in the middle. That is why the shipped `agents/bertram.py` fits again whenever it holds nothing, and
# `agents/kalman_pairs.py` follows beta all the time.
#
# The Sharpe ratio above is per ten seconds and not annualised: a few hours say little about a year.
#
# And the formula? It expects this much an hour. The error of the backtest's figure comes from its five-minute pieces.

# %%
watched = threshold + ou.OVERSHOOT * truth.sigma  # one look a second
expected = 2 * ou.return_rate(truth, -watched, watched, cost) * SHARES * 3_600
pieces = np.diff(informed.equity["profit"].to_numpy()[::30]) * 12
earned, earned_error = pieces.mean(), pieces.std() / len(pieces) ** 0.5
said(f"formula {expected:.0f} USD an hour, backtest {earned:.0f}, give or take {earned_error:.0f}")

# %% [markdown]
# The same gap under three half spreads, each with its own best threshold:

# %%
bands, runs = {HALF_SPREAD: threshold}, {HALF_SPREAD: informed}
for half in (0.005, 0.03):
    bands[half] = ou.best_return(truth, 2 * half * (1 + BETA))
    runs[half] = trade(write_quotes(oak[3_600:], elm[3_600:], half), threshold=bands[half])
table = [
    {
        "half spread": half,
        "band": bands[half],
        "profit": runs[half].figures["profit"],
        "fills": len(runs[half].fills),
    }
    for half in sorted(runs)
]
pd.DataFrame(table).round(3)

# %% [markdown]
# **Notice** that six times the spread makes the band about twice as wide, as the cube root promised, and takes a large
# part of the profit, by fewer trades and by dearer ones. Pairs trading is a business of costs.
#
# ## Among others
#
# Quotes in a file do not mind being traded against. In the scenario `pairs` noise traders, value traders and makers
# trade OAK and ELM, and one pairs trader is there already. We add a second, with Bertram's thresholds.

# %%
rival = OptimalPairs(name="optimal", size=300, window=300, short_selling=True, latency="colocated")
minutes = pick(20, 20, reference=5)
crowded = run("pairs", seed=7, until=f"{minutes}m", agents=[rival])
alone = run("pairs", seed=7, until=f"{minutes}m")
both = {"alone": alone, "with a rival": crowded}
columns = {}
for name, found in both.items():
    profits = {row["agent"]: row["profit"] for row in found.accounts.to_dicts()}
    columns[name] = {agent: profits.get(agent) for agent in ("pairs-trader", "optimal")}
pd.DataFrame(columns)

# %% [markdown]
# **Notice** what the first one earns once there is a second: the gap that both wait for is closed by whoever comes first.
# No backtest on recorded quotes shows that.
#
# ## Before it meets money
#
# - **Fees.** They join $c$: four taker fees a cycle, each on the whole value of a leg. At 10 bps and legs of 60 dollars a
#   round trip costs 24 cents, more than two standard deviations of this gap. Many published pairs are gone at that point.
# - **Depth.** The threshold was computed for a cost that does not depend on size. A leg that eats two levels pays a
#   larger one; size the pair by the thinner leg.
# - **Slippage.** A threshold is found passed late, and the order arrives later still. Measure `shortfall_bps` of a
#   backtest with your own latency, and put it into $c$.
# - **Orders.** One leg fills, the other does not: now you are speculating. `Pair.trade` sends the missing leg again
#   and sends nothing while an answer is outstanding; `agents/pairs.py` gives a pair up after `patience` looks.
#   Sending both legs as limit orders saves the spread and buys exactly this risk.
# - **Stops.** The model has none, because its gap always comes back. Real pairs end: a merger, a lawsuit, a new product.
#   Decide beforehand what would tell you so, since a stop at a price is, for an OU gap, a sale at the worst moment.
# - **Screening.** Exercise 1 once more: count how many pairs you looked at, and test the survivors on data you have
#   not seen.
#
# ## Did the numbers come out?
#
# The first four are Bertram's own figures, computed by the formulas the agents use; his Sharpe ratio takes the variance
# of a cycle from a series, ours from an integral, and they part in the fourth digit. The rest is played. A full run has
# the tolerances of the table; one with fewer runs has four standard errors, at most a fifth of the figure (two fifths
# for the backtest's few hours).

# %%
sharpe = ou.best_sharpe(spread, paper.cost, 0.01)[1]
rows = [
    Verdict("Bertram: best threshold", bertram.THRESHOLD, best, 0, 5e-7),
    Verdict("Bertram: mean cycle (years)", bertram.MEAN_CYCLE, cycle, 0, 5e-7),
    Verdict("Bertram: return (a year)", bertram.RETURN, rate, 0, 5e-7),
    Verdict("Bertram: best Sharpe ratio, riskless 0.01", 3.86293, sharpe, 0, 2e-3),
    Verdict("MacKinnon: share of strangers believed at 5 %", 0.05, believed, believed_error, 0.005),
    *[replace(row, what=f"engine, watched thresholds: {row.what}") for row in engine_rows],
    *[replace(tried[f], what=f"engine, {f} x best: {tried[f].what}") for f in factors],
    Verdict("backtest, formula's profit (USD an hour)", expected, earned, earned_error, 0.15 * expected),
]


# %%
def shortened(row):
    """The row with the tolerance of a short run."""
    share = 0.4 if row.what.startswith("backtest") else 0.2
    return row.within(4, cap=share * row.published) if row.standard_error else row


if not in_full():
    rows = [shortened(row) for row in rows]
conclude("04_pairs_trading", rows)
