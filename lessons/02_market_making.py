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
# # 02 Market making
#
# **Question.** A market maker offers, all the time and to everybody, to buy a little below the price and to sell a
# little above it. What does it earn, what can ruin it, and where should it put its two prices?
#
# Two papers answer. Avellaneda and Stoikov (2008) look at *inventory*: who buys from everybody owns what nobody
# wants. Glosten and Milgrom (1985) look at *information*: who sells to everybody sells to those who know more. You will
# run both through the matching engine, compare with what was printed, and then let the maker loose in a market of
# agents.

# %%
import hvplot.pandas  # noqa: F401 - gives frames their .hvplot
import numpy as np
import pandas as pd
import panel as pn

from agents.market_maker import AvellanedaStoikov
from lessons.notebook import said, set_up
from market_sim import backtest
from market_sim.engine import Side, TimeInForce
from market_sim.experiments import avellaneda_stoikov as maker
from market_sim.experiments import glosten_milgrom as dealer
from market_sim.experiments.lanes import Lanes
from market_sim.teaching import Exercise, about, conclude, in_mode, pick
from market_sim.theory.avellaneda_stoikov import optimal_spread, reservation_price
from market_sim.theory.glosten_milgrom import after_buy, after_sale, expected_spread

set_up()
about()

# %% [markdown]
# ## What patience is paid
#
# The further a quote stands from the mid price, the more it earns when somebody takes it, and the more rarely that
# happens. Avellaneda and Stoikov, *High-frequency trading in a limit order book*, Quantitative Finance 8 (2008), 217-224,
# let a quote at distance $\delta$ be taken at the rate
#
# $$\lambda(\delta) = A\,e^{-k\delta}.$$
#
# With a quote on each side a maker that fears nothing earns $2\,\delta\,\lambda(\delta)$ per unit of time. The paper's
# numbers are $A = 140$ and $k = 1.5$, with the day as the unit of time.

# %%
paper = maker.Setting()
distance = np.linspace(0, 3, 200)
income = 2 * distance * paper.intensity * np.exp(-paper.kappa * distance)
pd.DataFrame({"distance": distance, "income": income}).hvplot.line(
    "distance",
    "income",
    title="What a maker earns in a day, by where it quotes",
    xlabel="distance from the mid ($)",
    ylabel="income ($)",
)

# %% [markdown]
# **Notice** how flat the top is: a little too wide or a little too narrow costs almost nothing. The next section spends
# this freedom.
#
# **Exercise 1.** At which distance is the top? Set the derivative of $\delta\,e^{-k\delta}$ to zero.

# %%
top = Exercise(answer=1 / paper.kappa, tolerance=0.005, hint="It depends on k alone.")
top.check(...)

# %% tags=["solution", "hide-input"]
top.check(1 / 1.5)

# %% [markdown]
# ## What inventory costs
#
# A maker that has bought three and sold none is a gambler: it earns or loses three times what the price does. With a
# risk aversion $\gamma$, a volatility $\sigma$, an inventory $q$ and the time $τ$ that is left, the paper finds the
# price at which one unit more or less is all the same to the maker, and the best distance between its quotes:
#
# $$r = s - q\,\gamma\,\sigma^2τ, \qquad
#   \delta_a + \delta_b = \gamma\,\sigma^2τ + \dfrac{2}{\gamma}\ln\Bigl(1 + \dfrac{\gamma}{k}\Bigr).$$
#
# This is the **signal**: two prices out of what the maker knows. `quotes` is all of the strategy.


# %%
def quotes(setting, mid, inventory, tau):
    """Bid and ask of the strategy, in dollars."""
    variance = setting.sigma**2
    centre = reservation_price(mid, inventory, setting.gamma, variance, tau)
    half = optimal_spread(setting.gamma, variance, setting.kappa, tau) / 2
    return centre - half, centre + half


held = np.arange(-5, 6)
bids, asks = quotes(paper, paper.start, held, tau=paper.horizon)
pd.DataFrame({"inventory": held, "bid": bids, "ask": asks}).hvplot.line(
    "inventory",
    ["bid", "ask"],
    title="Quotes in the morning, mid at 100",
    xlabel="inventory (lots)",
    ylabel="$",
)

# %% [markdown]
# **Notice** where the ask of a maker with four lots stands: below the mid. It pays to get rid of them.
#
# **Exercise 2.** The mid is 100, half of the day is over, $\gamma = 0.1$, $\sigma = 2$. What is the
# price $r$ of a maker that holds three lots?

# %%
indifferent = Exercise(answer=99.4, tolerance=0.005, hint="q gamma sigma^2 tau with tau = 0.5.")
indifferent.check(...)

# %% tags=["solution", "hide-input"]
indifferent.check(reservation_price(100, 3, 0.1, 4, 0.5))

# %% [markdown]
# ## A market to try it in
#
# The generator of synthetic data is the paper's: in each of 200 steps the mid moves by $\pm\sigma\sqrt{dt}$, and one
# buyer and one seller come by. Each is ready to go up to $\dfrac{1}{k}\ln(A\,dt/U)$ away from the mid, with $U$ uniform
# between 0 and 1. That reaches a quote at distance $\delta$ with the chance $A\,e^{-k\delta}dt$, and *the engine* decides
# whether it did.


# %%
def market(setting, seed):
    """One path: mids, and how far the buyer and the seller of each step are ready to go, in dollars."""
    draws = np.random.default_rng(seed)
    dt = setting.horizon / setting.steps
    moves = setting.sigma * dt**0.5 * draws.choice([-1, 1], setting.steps)
    mids = setting.start + np.concatenate([[0], np.cumsum(moves)])
    uniform = 1 - draws.random((2, setting.steps))
    return mids, np.log(setting.intensity * dt / uniform) / setting.kappa


# %% [markdown]
# One step: the maker's two quotes arrive, then the buyer and the seller, immediate or cancel; then the quotes are taken
# back. Prices are whole ticks of a cent.


# %%
def step(lanes, setting, mid, reach, bid, ask):
    """Lots the maker bought less sold, and dollars it received less paid."""
    ticks = [round(float(price) / setting.tick) for price in (bid, ask, mid + reach[0], mid - reach[1])]
    own = [lanes.send(1, Side.BUY, ticks[0]), lanes.send(1, Side.SELL, ticks[1])]
    lanes.send(2, Side.BUY, ticks[2], tif=TimeInForce.IOC)
    lanes.send(2, Side.SELL, ticks[3], tif=TimeInForce.IOC)
    for order in own:
        lanes.cancel(1, order)
    lots, money = lanes.flow(lanes.match(1))
    return int(lots[0]), float(money[0]) * setting.tick


# %%
def day(setting, seed, skew=1.0):
    """One day as a frame; skew 0 forgets the inventory."""
    lanes, held, cash, rows = Lanes(1), 0, 0.0, []
    mids, reach = market(setting, seed)
    for k in range(setting.steps):
        time = k * setting.horizon / setting.steps
        bid, ask = quotes(setting, mids[k], skew * held, setting.horizon - time)
        lots, money = step(lanes, setting, mids[k], reach[:, k], bid, ask)
        held, cash = held + lots, cash + money
        rows.append((time, mids[k], bid, ask, lots, held, cash + held * mids[k + 1]))
    return pd.DataFrame(rows, columns=["time", "mid", "bid", "ask", "lots", "inventory", "profit"])


one = day(paper, seed=4)
one.tail(3).round(2)

# %%
lines = one.hvplot.line("time", ["bid", "mid", "ask"], color=["#0072b2", "#888888", "#d55e00"])
bought = one[one.lots > 0].hvplot.scatter("time", "bid", color="#0072b2", size=40, marker="triangle")
sold = one[one.lots < 0].hvplot.scatter("time", "ask", color="#d55e00", size=40, marker="inverted_triangle")
(lines * bought * sold).opts(
    title="One day: quotes, and where they were taken", xlabel="time (days)", ylabel="$", height=380
)

# %% [markdown]
# **Notice** how both quotes bend away after a fill: after buying both go down, which makes the next sale likely and the
# next purchase unlikely. Towards the evening they bend less, because less can happen until then.
#
# The same day, with the same people, for a maker that forgets what it holds:

# %%
careless = day(paper, seed=4, skew=0.0)
both = pd.concat([one.assign(strategy="inventory"), careless.assign(strategy="symmetric")])
equity = both.hvplot.line(
    "time", "profit", by="strategy", ylabel="profit ($)", title="Equity curve of one day"
)
stock = both.hvplot.step("time", "inventory", by="strategy", ylabel="lots", title="Inventory")
(equity + stock).cols(1)

# %% [markdown]
# ## Thousands of days: the paper's table
#
# One day is an anecdote. The paper plays 1000 and compares the strategy with a *symmetric* one: the same mean spread,
# always around the mid. `play` runs all paths side by side, each in a book of its own.

# %%
paths = pick(short=600, full=4000, reference=150)
days = {
    (gamma, symmetric): maker.play(maker.Setting(gamma=gamma, symmetric=symmetric), paths, seed=8)
    for gamma, symmetric in maker.PUBLISHED
}
table_rows = []
for key, outcome in days.items():
    rows = maker.verdicts(maker.Setting(*key), outcome, maker.PUBLISHED[key])
    # Published figures carry the noise of the paper's own 1000 paths: the errors of both count.
    table_rows += in_mode(rows, errors=4 * (1 + paths / 1000) ** 0.5, cap=3)
said(f"{paths} days for each of {len(days)} rows of the table")

# %%
sample = pd.DataFrame({"inventory": days[0.1, False].profit, "symmetric": days[0.1, True].profit})
sample.hvplot.hist(
    bins=60, alpha=0.6, title="Profit of a day at risk aversion 0.1", xlabel="profit ($)", ylabel="days"
)

# %% [markdown]
# **Notice** what is bought and what is paid: the middle moves little to the left, the tails vanish. Three dollars of mean
# profit buy half of the risk.
#
# ### Turn the knob
#
# Each setting of the slider plays new days through the engine.

# %%
knob = pn.widgets.DiscreteSlider(name="risk aversion (1/$)", options=[0.01, 0.03, 0.1, 0.3, 1.0], value=0.1)


def knob_chart(gamma):
    """Histogram of profit and the two figures that count, for one risk aversion."""
    played = {
        name: maker.play(maker.Setting(gamma=gamma, symmetric=symmetric), pick(300, 1000, 50), seed=5).profit
        for name, symmetric in (("inventory", False), ("symmetric", True))
    }
    told = ", ".join(f"{name}: {x.mean():.1f} ± {x.std():.1f} $" for name, x in played.items())
    return pd.DataFrame(played).hvplot.hist(
        bins=40, alpha=0.6, title=told, xlabel="profit ($)", ylabel="days", xlim=(-20, 120)
    )


pn.Column(knob, pn.bind(knob_chart, knob))

# %% [markdown]
# **Exercise 3.** With $\gamma = 1$ the maker holds little and earns half. How wide is its spread on average over the
# day, in dollars? ($τ$ falls from 1 to 0, so its mean is one half.)

# %%
wide = Exercise(answer=3.02, tolerance=0.02, hint="gamma sigma^2 / 2 + (2 / gamma) ln(1 + gamma / k).")
wide.check(...)

# %% tags=["solution", "hide-input"]
wide.check(optimal_spread(1.0, 4.0, 1.5, 0.5))

# %% [markdown]
# ## Why there is a spread even without risk
#
# Nobody in that market knew anything. Now a share $α$ of those who come knows whether the thing is worth 1 or 0, and
# the rest tosses a coin. Glosten and Milgrom, *Bid, ask and transaction prices in a specialist market with
# heterogeneously informed traders*, Journal of Financial Economics 14 (1985), 71-100: a dealer that competes with others
# asks what the thing is worth *given that somebody wants to buy it*. With the belief $b$ that it is worth 1,
#
# $$\mathrm{ask} = \dfrac{b\,(1+α)}{1 + α(2b-1)}, \qquad
#   \mathrm{bid} = \dfrac{b\,(1-α)}{1 - α(2b-1)}.$$

# %%
beliefs = np.linspace(0.01, 0.99, 99)
curves = {"ask": after_buy(beliefs, 0.3), "belief": beliefs, "bid": after_sale(beliefs, 0.3)}
pd.DataFrame({"b": beliefs, **curves}).hvplot.line(
    "b", list(curves), title="Quotes of a dealer among 30 % informed traders", xlabel="belief", ylabel="price"
)

# %% [markdown]
# **Notice** that the spread is widest where the dealer knows least, and that this spread is no wage: it is what honest
# customers pay so that the dealer can bear the others.
#
# **Exercise 4.** The dealer is 80 % sure of 1, and 30 % of the traders know. What does it ask?

# %%
asked = Exercise(answer=0.8814, tolerance=0.0005, hint="b = 0.8, alpha = 0.3 in the first formula.")
asked.check(...)

# %% tags=["solution", "hide-input"]
asked.check(after_buy(0.8, 0.3))

# %% [markdown]
# ### A dealer that learns
#
# Every trade is news: after a purchase the belief is what the ask had assumed. So the price walks to the truth and the
# spread dies. Each path is a book in the engine, a dealer that re-quotes, and 40 customers.

# %%
chances = dealer.Setting()
learned = dealer.play(chances, pick(short=2000, full=20_000, reference=500), seed=4)
number = np.arange(1, chances.trades + 1)
theory = [expected_spread(chances.informed, int(k) - 1) for k in number]
decay = pd.DataFrame({"trade": number, "engine": learned.spread, "formula": theory})
decay.hvplot.line("trade", "formula", color="#888888", label="formula") * decay.hvplot.scatter(
    "trade", "engine", label="engine", title="Mean spread before each trade", ylabel="spread"
)

# %%
profit = pd.DataFrame({"profit": learned.profit})
profit.hvplot.hist(
    bins=60, title=f"Dealer's profit over 40 trades: {learned.profit.mean():+.3f} on average", xlabel="profit"
)

# %% [markdown]
# **Notice** that the dealer wins often and loses rarely but much, and that the mean is nothing. What the uninformed pay
# goes through its hands to the informed.
#
# ## A backtest among agents
#
# Now the shipped maker, the same formulas behind an agent's face, trades in a market that nobody solved: noise, value
# traders who know what the thing is worth, other makers, fees and queues. This is the scenario `two_venues`; the maker
# has a fast line and 100,000 dollars at each venue.

# %%
minutes = pick(short=10, full=60)
account = {"USD": "100000", "BTC": "2"}
strategy = AvellanedaStoikov(
    name="mine", latency="colocated", endowment={"NORTH": account, "SOUTH": account}, size=0.1, risk=0.1
)
test = backtest(strategy, "two_venues", seed=7, until=f"{minutes}m")
curve = pd.DataFrame(test.equity.select("time_ns", "profit", "held_BTC").to_dict(as_series=False))
curve["minute"] = curve.time_ns / 60e9
(
    curve.hvplot.line("minute", "profit", title="Equity curve", ylabel="profit (USD)")
    + curve.hvplot.step("minute", "held_BTC", title="Holding", ylabel="BTC")
).cols(1)

# %%
wanted = ["profit", "fees", "fills", "fill_ratio", "time_in_queue_mean_s", "turnover", "sharpe", "period_s"]
figures = {name: test.figures[name] for name in wanted}
figures |= {"max_drawdown": test.figures["drawdown"]["max_drawdown"]}
pd.Series(figures, name="backtest").to_frame()

# %% [markdown]
# The ratio is per period of `period_s` seconds: minutes of trading do not make a yearly figure, so none is given.
#
# Is there adverse selection in it? A **markout** is how far the mid has moved in the maker's favour some seconds after
# a fill, fee not counted. Before anything moves it is half the spread.

# %%
after = pd.DataFrame(
    {
        "seconds": ["1", "5", "30"],
        "markout": [test.figures[f"markout_{seconds}s_bps"] for seconds in (1, 5, 30)],
    }
)
fills = pd.DataFrame(test.fills.select("sign", "price", "mid").to_dict(as_series=False)).dropna()
earned_bps = float((fills.sign * (fills.mid - fills.price) / fills.price).mean() * 1e4)
after.hvplot.bar(
    "seconds",
    "markout",
    title=f"Markouts; at the fill itself {earned_bps:+.2f} bps",
    ylabel="bps",
    ylim=(-2, 2),
)

# %% [markdown]
# **Notice** the signs. A maker is filled when the price runs through its quote: what looks like half a spread at the
# fill is less a second later. What is left has to pay for fees, inventory and work.
#
# **Exercise 5.** Suppose the five-second markout of your fills is +0.8 bps, and the venue charges makers 0.2 bps on each
# fill. A round trip is two fills. How many bps of the traded price does a round trip earn?

# %%
trip = Exercise(answer=1.2, tolerance=0.001, hint="Two fills, each its markout less its fee.")
trip.check(...)

# %% tags=["solution", "hide-input"]
trip.check(2 * (0.8 - 0.2))

# %% [markdown]
# ## Before you do this with money
#
# - **Fees.** They are of the size of the edge. Venues pay makers a rebate or charge them, by volume; what your account
#   pays belongs into `maker_fee_bps` of the scenario before anything else is tuned. Here NORTH pays 0.1 bps and SOUTH
#   nothing.
# - **Depth.** The formula is for one lot. A quote of more than the usual depth is an invitation, and closing it walks the
#   book. `max_inventory` is the limit the paper does not have.
# - **Slippage.** A maker has it too: between decision and arrival the price moves (`latency`), and a quote that should
#   have been gone is taken. That is lesson 03's race, seen from the other side.
# - **Order management.** Moving a quote by a tick loses its place in the queue; `patience_ticks` leaves it where it is
#   until it is off by more. A cancel that crosses a fill is normal: the maker counts fills, never its wishes. When the line
#   breaks, quotes must go: venues offer cancel-on-disconnect.
# - **Estimates.** $\sigma$, $k$ and $A$ are given here. In a market they are estimated, late, from fills that were selected
#   against you.
#
# ## Did the numbers come out?
#
# The first thirty lines are the paper's tables 1 to 3. Their own noise is that of 1000 paths, so a short run may differ
# by four standard errors of both together, and never by more than three times what the full run allows. The rest is
# Glosten and Milgrom's: the formula's spreads, the speed of learning, and the nothing that the dealer earns.

# %%
dealer_rows = in_mode(dealer.verdicts(chances, learned), rounding=0.00005)
conclude("02_market_making", [*table_rows, *dealer_rows])
