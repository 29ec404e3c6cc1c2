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
# # 01 The order book
#
# **Question.** Ten thousand people want to trade the same thing. Who trades with whom, at what price, and who has to
# wait?
#
# An exchange answers with a book and two rules. You will send it orders by hand, watch the rules at work, read them
# in the engine's own source, and compare what comes out with the worked examples that exchanges publish. At the
# end two traders see the same bargain, and the wire decides.

# %%
import inspect

import hvplot.pandas  # noqa: F401 - gives frames their .hvplot
import pandas as pd
import panel as pn

from agents.cross_venue import CrossVenueArbitrageur
from lessons.notebook import said, set_up
from market_sim import run
from market_sim.engine import (
    Event,
    EventKind,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    venue_class,
)
from market_sim.experiments.verdict import Verdict
from market_sim.teaching import Exercise, about, conclude

set_up()
about()

# %% [markdown]
# ## A book of our own
#
# A venue has listings, a listing has a book. Prices are whole numbers of **ticks**, sizes whole numbers of **lots**:
# an exchange never rounds. `send` below is all that a member of an exchange can do to trade.

# %%
counter = 0


def new_venue():
    venue = venue_class()("LAB")
    venue.add_listing(1, 1, 0, 0, 0)
    return venue


def send(venue, who, side, size, price=None, tif=TimeInForce.GTC, **terms):
    """Send an order; a missing price makes it a market order. Gives its number."""
    global counter
    counter += 1
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    # time 0, the member and its own number for the order, the only listing; False: it may trade at once
    order = (0, who, counter, 0, side, kind, tif, SelfTradePrevention.NONE, False, price, size)
    venue.new_order_ex(*order, **terms)
    return counter


# %%
def trades(venue):
    """The trades since the last look: who had waited, at what price, how many lots."""
    events = map(Event._make, venue.take_events())
    return [(event.agent, event.price, event.size) for event in events if event.kind == EventKind.TRADE]


# %% [markdown]
# Three sellers and two buyers leave **limit orders**: prices they will not go beyond. None of them crosses another,
# so all of them rest.

# %%
venue = new_venue()
for seller, price, size in [(1, 102, 5), (2, 101, 3), (3, 101, 4)]:
    send(venue, seller, Side.SELL, size, price)
for buyer, price, size in [(4, 99, 6), (5, 98, 2)]:
    send(venue, buyer, Side.BUY, size, price)

# %%
rows = [
    {"side": side.name, "price": price, "lots": lots, "orders": orders}
    for side in (Side.BUY, Side.SELL)
    for price, lots, orders in venue.depth(0, side, 5)
]
pd.DataFrame(rows).hvplot.bar(
    "price", "lots", by="side", title="Lots that wait, by price in ticks", xlabel="price (ticks)"
)

# %% [markdown]
# **Notice** the gap between 99 and 101: the **spread**. Nobody is willing to trade inside it, and whoever cannot wait
# pays it.
#
# ## Price, then time
#
# A buyer arrives who takes 5 lots at any price. The rule has two steps. The better price goes first: 101 before 102.
# At one price the earlier order goes first: seller 2 before seller 3.

# %%
send(venue, 6, Side.BUY, 5)
pd.DataFrame(trades(venue), columns=["seller", "price", "lots"])

# %% [markdown]
# Every trade happens at the price of the order that **waited**. Its owner is the *maker*, the one who came is the
# *taker*.
#
# **Exercise 1.** Seller 3 had 4 lots. How many are left in the book?

# %%
left = Exercise(answer=2, hint="Seller 2 gave all three lots; the buyer wanted five.")
left.check(...)

# %% tags=["solution", "hide-input"]
left.check(venue.orders(0, Side.SELL)[0][3])

# %% [markdown]
# ## The rule in the engine's own words
#
# The engine that just matched your orders exists twice: once in Rust, which is fast, and once in Python, which is made
# for reading. Both are tested to do the same after every command. This is the heart of the second:

# %%
said(inspect.getsource(venue_class("reference").replace))

# %% [markdown]
# **Notice** the sentence about the queue. Asking for *less* harms nobody, so it keeps the place; asking for more goes
# to the back. Binance prints an example (*Order Amend Keep Priority*, in the questions and answers of its spot API's
# documentation): orders of 1.00, 5.50 and 4.00 wait at one price. The second is reduced to 5.00 and stays second;
# cancelled and sent again with 5.00 it stands third.


# %%
def three_wait():
    """Binance's queue in hundredths, and the number of its second order."""
    queue = new_venue()
    _, second, _ = (send(queue, who, Side.BUY, lots, 50) for who, lots in [(10, 100), (15, 550), (20, 400)])
    return queue, second


def members(queue):
    return [who for _, who, *_ in queue.orders(0, Side.BUY)]


# %%
queue, second = three_wait()
queue.replace(0, 15, second, 0, 50, 500)
after_less = members(queue)
queue.replace(0, 15, second, 0, 50, 600)
after_more = members(queue)

queue, second = three_wait()
queue.cancel(0, 15, second, 0)
send(queue, 15, Side.BUY, 500, 50)
after_anew = members(queue)
said(f"less: {after_less}; then more: {after_more}; cancelled and sent again: {after_anew}")

# %% [markdown]
# ## What exchanges print
#
# A **market order with protection** goes no further than a stated distance from the best price. CME's example (*Market
# Order with Protection*, in its Client Systems Wiki): buy 10, best offer 90025, protection 600. It fills 2 at 90025, 3
# at 90300 and 3 at 90550; the next offer, 90675, lies beyond 90625, so 2 lots wait there.


# %%
def buy_ten(protection):
    """The book after CME's example with so many ticks of protection."""
    book = new_venue()
    for price, size in [(90025, 2), (90300, 3), (90550, 3), (90675, 5)]:
        send(book, 1, Side.SELL, size, price)
    send(book, 2, Side.BUY, 10, protection_ticks=protection)
    return book


protected_price, _, _, protected_left, _ = buy_ten(600).orders(0, Side.BUY)[0]
protected_price, protected_left

# %% [markdown]
# ### Turn the knob
#
# How far may a purchase walk? Less protection costs less and leaves more to wait for; find the first distance at which
# nothing is left.

# %%
knob = pn.widgets.IntSlider(name="protection (ticks)", start=0, end=700, step=25, value=600)


def walked(protection):
    """What ten lots cost, and what is left of them, in a line."""
    book = buy_ten(protection)
    fills = [(price, lots) for _, price, lots in trades(book)]
    lots = sum(size for _, size in fills)
    paid = sum(price * size for price, size in fills) / lots
    return said(f"{lots:2} lots at {paid:,.1f} on average, {10 - lots} wait. Trades: {fills}")


pn.Column(knob, pn.bind(walked, knob))

# %% [markdown]
# An **iceberg** shows a part of itself. In the Toronto Stock Exchange's example (TMX, *Order Types and Functionality
# Guide*) there are bids of 100 at 10.00, then at 9.90: 500, an iceberg of 10,000 that shows 100, and 200. A sale of
# 1,500 takes 100, 500, 100, 200, and the last 600 out of what the iceberg hides; 9,200 stay hidden and 100 are shown
# again.

# %%
ice = new_venue()
send(ice, 1, Side.BUY, 100, 1000)
send(ice, 2, Side.BUY, 500, 990)
send(ice, 3, Side.BUY, 10_000, 990, display_lots=100)
send(ice, 4, Side.BUY, 200, 990)
send(ice, 9, Side.SELL, 1_500, 990)
iceberg_left = ice.orders(0, Side.BUY)[0][3]
iceberg_shown = ice.shown(0, Side.BUY)[0][3]
iceberg_left - iceberg_shown, iceberg_shown

# %% [markdown]
# **Exercise 2.** In the same book, with the icebergs of a venue where each new peak *joins the back of the queue*
# (`refresh=1`), how many separate trades does the iceberg make in that sale?

# %%
peaks = Exercise(answer=7, hint="It trades 700 lots in all, and shows 100 at a time.")
peaks.check(...)

# %% tags=["solution", "hide-input"]
again = new_venue()
send(again, 1, Side.BUY, 100, 1000)
send(again, 2, Side.BUY, 500, 990)
send(again, 3, Side.BUY, 10_000, 990, display_lots=100, refresh=1)
send(again, 4, Side.BUY, 200, 990)
send(again, 9, Side.SELL, 1_500, 990)
peaks.check(sum(maker == 3 for maker, _, _ in trades(again)))

# %% [markdown]
# ## The wire
#
# So far everybody stood at the counter. In a market there is a wire between a decision and the venue. The scenario
# `two_venues` has an arbitrageur whose line runs straight between two venues: its orders take 0.05 milliseconds to the
# one and 2 to the other. We hand it a twin with the scenario's first line, that of a private investor, 20 to 60
# milliseconds to either. Both see the same bargains. Who gets there?

# %%
result = run("two_venues", seed=7, until="10m", agents=[CrossVenueArbitrageur(name="twin")])
accounts = pd.DataFrame(result.accounts.to_dicts())
accounts[accounts.agent.isin(["arbitrageur", "twin"])][["agent", "profit", "fees_USD"]]

# %% [markdown]
# **Notice** the profit of the two. Being second in a race for one order is not half as good as being first: it is worth
# nothing, and lesson 03 measures how fast nothing is reached.
#
# ## Did the numbers come out?
#
# Each line is a number printed by an exchange and what the engine did. They are rules and not samples, so there is
# no error and no tolerance.

# %%
rows = [
    Verdict("CME: lots that wait at the protected price", 2, protected_left, 0, 0),
    Verdict("CME: protected price", 90625, protected_price, 0, 0),
    Verdict("TSX: lots the iceberg still hides", 9_200, iceberg_left - iceberg_shown, 0, 0),
    Verdict("TSX: lots it shows again", 100, iceberg_shown, 0, 0),
    Verdict("Binance: place of the reduced order", 2, 1 + after_less.index(15), 0, 0),
    Verdict("Binance: its place when sent again", 3, 1 + after_anew.index(15), 0, 0),
]
conclude("01_order_book", rows)
