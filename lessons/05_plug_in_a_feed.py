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
# # 05 Plug in a real feed
#
# **Question.** A book of a real exchange arrives as thousands of small changes. How do you know that the book on your
# screen is the one at the exchange? And can a market that happened once be made to happen again, to the
# nanosecond, with your strategy in it?
#
# No network is needed: an exchange runs inside this notebook, on this machine, and speaks Kraken's protocol. You will
# follow its book by hand, prove it, lose a message and notice; then record it, replay it to the same hash, and let a
# strategy trade on paper. At the end the same is done by the connector that `market-sim feed` uses, for which the
# real Kraken is only another address.

# %%
import json
import tempfile
import time
import zlib
from decimal import Decimal
from pathlib import Path

import hvplot.pandas  # noqa: F401 - gives frames their .hvplot
import pandas as pd
import panel as pn
from websockets.sync.client import connect

from agents.base import Side, Trader
from lessons.notebook import said, set_up
from market_sim import EngineError, feed, replay
from market_sim.engine import feed_module
from market_sim.exchange import Exchange, open_play
from market_sim.exchange.server import Interference
from market_sim.experiments.verdict import Verdict
from market_sim.replaying import check
from market_sim.teaching import Exercise, about, conclude, pick

set_up()
try:
    CONNECTOR, connected = feed_module() is not None, "With the connector."
except EngineError as missing:
    CONNECTOR, connected = False, f"The parts with the connector are left out: {missing}"
said(about(), connected)

# %% [markdown]
# ## An exchange on this machine
#
# Behind it runs the scenario `two_venues`, so the market is a made one and the truth about it is known. The protocol
# is the public one: any client of Kraken's can listen, and `market-sim exchange two_venues --protocol kraken` serves
# the same from a terminal.

# %%
SECONDS = pick(30, 300, reference=30)
folder = Path(tempfile.mkdtemp())


def open_exchange(speed, interference=None, seconds=None):
    play = open_play("two_venues", "kraken", seed=7, until=f"{seconds or SECONDS}s")
    return Exchange(play, "kraken", speed=speed, interference=interference)


# %% [markdown]
# A client connects, subscribes to the book (the ten best levels a side) and to trades, and writes down what it hears
# with its own clock in front. That is all a recorder does.


# %%
def listen(market):
    """(local stamp in ns, message) of everything the exchange says until its market is over."""
    heard = []
    with connect(market.url, max_size=None, close_timeout=1) as socket:
        for channel in ({"channel": "book", "depth": 10}, {"channel": "trade"}):
            params = {**channel, "symbol": ["BTC/USD"]}
            socket.send(json.dumps({"method": "subscribe", "params": params}))
        while True:
            try:
                heard.append((time.time_ns(), socket.recv(timeout=0.5)))
            except TimeoutError:
                if market.ended.is_set():
                    return heard


# %%
with open_exchange(speed=20).in_thread() as market:
    heard = listen(market)
    truth = market.board.book("BTC/USD", 10)
books = [text for _, text in heard if '"channel":"book","type"' in text]
said(
    f"{len(heard)} messages, {len(books)} of them about the book. The first is a snapshot:",
    f"{books[0][:120]} ...",
    "and every later one says what changed:",
    books[1],
)

# %% [markdown]
# ## A proof in every message
#
# Nothing numbers these messages. Instead each carries a **checksum** of the book as it should be after it: the CRC-32 of
# a text made of the ten best asks from the lowest up, then the ten best bids from the highest down; of each level the
# digits of price and size, without the point and without leading zeros (Kraken's documentation, "Book checksum").


# %%
def digits(number):
    return number.replace(".", "").lstrip("0")


def proof(asks, bids):
    """Kraken's checksum of levels (price, size), best first, in texts as they were written."""
    text = "".join(digits(price) + digits(size) for price, size in [*asks[:10], *bids[:10]])
    return zlib.crc32(text.encode())


# %% [markdown]
# Kraken prints an example: this book, and 3310070434.

# %%
ASKS = """45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660
45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827"""
BIDS = """45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586
45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238"""
asks, bids = ([level.split("/") for level in side.split()] for side in (ASKS, BIDS))
documented = proof(asks, bids)
documented

# %% [markdown]
# The same book, read the way most programs read JSON, through a binary float:

# %%
through_floats = proof(*([(p, repr(float(size))) for p, size in side] for side in (asks, bids)))
through_floats

# %% [markdown]
# **Notice** that it is another number. 0.10000000 has become 0.1, and the trailing zeros are gone. Prices and sizes are
# decimals; everything here reads them as text and computes with whole ticks and lots.
#
# ## Follow the book
#
# Three rules. A snapshot replaces everything. A size of 0 deletes a level. And a client that asked for ten levels
# keeps ten: what falls behind them is forgotten, because the exchange will say nothing about it any more.


# %%
def best(levels, side, depth=10):
    """The best levels of a side, best first."""
    order = sorted(levels, key=Decimal, reverse=side == "bids")
    return {price: levels[price] for price in order[:depth] if Decimal(levels[price])}


# %%
def take(book, message):
    """The book after a message, whether its checksum is right, and the message's data."""
    (data,) = message["data"]
    after = {}
    for side in ("asks", "bids"):
        before = {} if message["type"] == "snapshot" else book[side]
        changed = before | {level["price"]: level["qty"] for level in data[side]}
        after[side] = best({price: size for price, size in changed.items() if Decimal(size)}, side)
    right = proof(*(list(after[side].items()) for side in ("asks", "bids"))) == int(data["checksum"])
    return after, right, data


# %%
def follow(texts):
    """One row a message: best prices, whether the proof holds."""
    book, rows = None, []
    for text in texts:
        book, right, _ = take(book, json.loads(text, parse_float=str, parse_int=str))
        ask, bid = (float(next(iter(book[side]), "nan")) for side in ("asks", "bids"))
        rows.append({"bid": bid, "ask": ask, "right": right})
    return book, pd.DataFrame(rows)


# %%
book, rows = follow(books)
told = f"Best bid and ask, as followed; {rows.right.sum()} of {len(rows)} checksums are right"
rows.hvplot.step(y=["bid", "ask"], title=told, xlabel="message", ylabel="USD")

# %% [markdown]
# Right against the checksum is one thing. This exchange is ours, so we may also look behind the counter:

# %%
quoted = market.board.symbols["BTC/USD"]
true_levels = {side: quoted.texts(levels) for side, levels in zip(("bids", "asks"), truth, strict=True)}
followed = {side: [list(level) for level in book[side].items()] for side in ("bids", "asks")}
wrong_levels = sum(
    a != b for side in followed for a, b in zip(followed[side], true_levels[side], strict=True)
)
wrong_levels

# %% [markdown]
# **Exercise 1.** Ten asks rest at 1, 2, ..., 10 and you keep ten levels. Somebody inserts 2.5. Then 2.5 is deleted, and the
# exchange tells you that 11 has come into sight. What is your tenth ask?

# %%
tenth = Exercise(
    answer=11, hint="When 2.5 came in, 10 fell out; nobody says when it comes back, or does not."
)
tenth.check(...)

# %% tags=["solution", "hide-input"]
window = best({str(price): "1" for price in range(1, 11)}, "asks")
window = best(window | {"2.5": "1"}, "asks")
del window["2.5"]
tenth.check(list(best(window | {"11": "1"}, "asks"))[9])

# %% [markdown]
# ## Lose a message
#
# Networks do not lose bytes of a TCP stream, but programs drop messages: a full queue, a reconnect, a bug. Choose the one that
# is lost.


# %%
def lose(number):
    """What following says when one message never arrives."""
    _, seen = follow(books[:number] + books[number + 1 :])
    wrong = seen.index[~seen.right]
    if len(wrong) == 0:
        return f"Message {number} is lost, and nothing shows it."
    return f"Message {number} is lost. First wrong proof: {wrong[0] - number + 1} later; wrong in all: {len(wrong)}."


knob = pn.widgets.IntSlider(name="the message that is lost", start=1, end=len(books) - 2, value=40)
pn.Column(knob, pn.bind(lose, knob))

# %% [markdown]
# **Notice** that the very next message tells, as a rule, and that the book may heal by itself later: once every level that was
# touched by the lost message has been overwritten, the proofs are right again. In between you would have traded in a book
# that never was. So at the first wrong proof the connector **empties** the book, says so to every agent, and asks
# for a new snapshot.
#
# **Exercise 2.** Message 40 is lost. How many messages later is the first wrong proof?

# %%
noticed = Exercise(answer=1, hint="Put the knob to 40.")
noticed.check(...)

# %% tags=["solution", "hide-input"]
noticed.check(int((~follow(books[:40] + books[41:])[1].right).idxmax()) - 40 + 1)

# %% [markdown]
# ## A capture is what was heard
#
# One line a message: the local receive stamp in nanoseconds, a space, the raw text. Nothing is cleaned, because whoever
# cleans has decided what is true.

# %%
capture = folder / "kraken.txt"
capture.write_text("".join(f"{stamp} {text}\n" for stamp, text in heard))
report = check(capture, protocol="kraken")
{key: report[key] for key in ("ok", "proof", "checksum_ok", "checksum_bad", "gaps", "bbo_rows", "bbo_equal")}

# %% [markdown]
# `check` is what `market-sim replay FILE --protocol kraken --check` prints: it followed the book with the library's own
# reader, put every update through the matching engine as orders of the **external participant**, and compared the
# engine's best prices with the book's.
#
# ## The market happens again
#
# Now somebody trades in it. This is the maker of the README, and it does not know whether its market is simulated,
# recorded or live.


# %%
class Quoter(Trader):
    """Quotes a little outside the mid, once a second, and keeps within a limit."""

    half_spread: float = 10.0
    limit: float = 1.0

    def on_start(self):
        self.wake_in("1s")

    def on_wake(self):
        (listing,) = self.listings
        mid, held = self.view(listing).mid, self.account.position(listing.base)
        if mid is not None:
            bid = listing.round_price(mid - self.half_spread, Side.BUY) if held < self.limit else None
            ask = listing.round_price(mid + self.half_spread, Side.SELL) if held > -self.limit else None
            self.quote(listing, bid, ask, "0.1")
        self.wake_in("1s")


# %%
def again(engine=None, seed=3):
    return replay(capture, "watch", agents=[Quoter()], seed=seed, protocol="kraken", engine=engine)


first, second, reference = again(), again(), again(engine="reference")
said(first.event_log_hash, second.event_log_hash, reference.event_log_hash)


# %% [markdown]
# **Notice** the three hashes. The event-log hash covers every accepted command, report, trade and posting with its nanosecond.
# Equal hashes say that the same market has happened, here also on two engines that share no code.


# %%
def bits_apart(one, other):
    """In how many of 64 bits two hashes differ; about 32 for different markets."""
    return (int(one.event_log_hash, 16) ^ int(other.event_log_hash, 16)).bit_count()


different = replay(capture, "watch", agents=[Quoter(half_spread=15)], seed=3, protocol="kraken")
bits_apart(first, second), bits_apart(first, different)

# %%
account = first.accounts.filter(agent="Quoter").to_dicts()[0]
earned = f"profit {account['profit']:.2f} USD, holds {account['inventory_BTC']} BTC"
said(f"fills {first.summary()['fills']}, {earned}", *first.summary()["replay"]["notes"])

# %% [markdown]
# **Notice** the first sentence below the figures. The recorded traders did what they did without the quoter. Its fills are those that a small
# stranger would have had: it stood in the recorded queue, behind what was there first. Its wire was infinitely fast,
# though, because `watch` is the recorded market and nothing else; a scenario such as `paper_maker`, in which the live
# session below runs, gives every order its five milliseconds each way.
#
# Why was an order filled, or not? Every order has its story:

# %%
first.order("Quoter", 1)

# %% [markdown]
# ## Live, on paper
#
# The connector does all of the above in Rust, for five exchanges, with reconnects, and feeds a running market. Its clock is the
# clock on the wall: what follows takes three real seconds. It reads, and sends nothing but subscriptions; the quoter's
# orders go to the engine in this notebook.


# %%
def live(market, file, agents, until="3s"):
    """A session against the exchange on this machine, recorded to a file."""
    addresses = {"ws_urls": {"kraken": market.url}, "rest_urls": {"kraken": market.rest_url}}
    return feed(["kraken:BTC/USD"], agents=agents, seed=3, until=until, record=file, **addresses)


# %%
lines = ["Build the native extension for this part: uv run maturin develop --release (needs Rust)."]
if CONNECTOR:
    with open_exchange(speed=8, seconds=60).in_thread() as market:
        lived = live(market, folder / "session.msfeed", [Quoter()])
    relived = replay(folder / "session.msfeed", agents=[Quoter()], seed=3)
    (story,) = lived.summary()["replay"]["books"].values()
    counted = {key: story[key] for key in ("state", "snapshots", "diffs", "trades", "gaps")}
    lines = [f"live {lived.event_log_hash}, its capture {relived.event_log_hash}", counted]
said(*lines)

# %% [markdown]
# **Notice** the two hashes: the live session and its capture are the same market. The kernel's time is the receive stamp, and the
# capture holds exactly what the kernel applied, so an evening with a real exchange can be lived again, and debugged.
#
# ## When the feed breaks
#
# Between the exchange and the connector we put somebody who swallows the fortieth update of the book.


# %%
class Swallow(Interference):
    """Lets one book update disappear."""

    seen = 0

    def outgoing(self, number, message):
        self.seen += '"channel":"book","type":"update"' in message
        lost = self.seen == 40 and '"channel":"book"' in message
        return () if lost else (message,)


# %%
lines = ["Left out: it needs the connector."]
if CONNECTOR:
    with open_exchange(speed=20, seconds=60, interference=Swallow()).in_thread() as market:
        broken = live(market, folder / "broken.msfeed", [])
    (wounded,) = broken.summary()["replay"]["books"].values()
    events = broken.summary()["replay"]["interruptions"]
    lines = [{key: wounded[key] for key in ("state", "snapshots", "gaps")}]
    lines += [f"{one['time_ns'] / 1e9:8.3f} s  {one['what']}: {one['reason']}" for one in events]
said(*lines)

# %% [markdown]
# **Notice** the order of things: the gap is told with its reason, the book is gone for as long as it cannot be vouched for, and a
# second snapshot brings it back. An agent in that market saw an empty book meanwhile, never a wrong one.
#
# ## A real venue
#
# On a machine with a network, name a book and run the cell; it stops after a minute. Any of kraken, coinbase, binance, okx,
# bybit; no key, no account. The same from a terminal: `market-sim feed kraken:BTC/USD --record monday.msfeed --until 1m`.

# %%
REAL = None  # for example "kraken:BTC/USD"
if CONNECTOR and REAL:
    real = feed([REAL], agents=[Quoter()], seed=3, until="1m", record=folder / "real.msfeed")
    print(real.accounts, replay(folder / "real.msfeed", agents=[Quoter()], seed=3).event_log_hash)

# %% [markdown]
# **Before you believe a profit on paper.** Nobody reacts to your orders. A queue made from sizes does not say which
# order was cancelled, so your place in it is a stated model (`cancellations`). The way to the exchange and back has to be
# in the scenario's order latency, since the receive stamp holds the way of the data alone. And a fee tier that you do not
# have is a profit that you do not have.
#
# ## Did the numbers come out?
#
# The first is Kraken's own. The others are promises of the protocol and of the engine; none is a sample, so none has an error
# or a tolerance.

# %%
verdicts = [
    Verdict("Kraken: checksum of the documented book", 3310070434, documented, 0, 0),
    Verdict("followed by hand: wrong checksums", 0, int((~rows.right).sum()), 0, 0),
    Verdict("followed by hand: levels unlike the exchange's", 0, wrong_levels, 0, 0),
    Verdict("library's reader: wrong checksums", 0, report["checksum_bad"], 0, 0),
    Verdict("engine: best prices unlike the book's", 0, report["bbo_rows"] - report["bbo_equal"], 0, 0),
    Verdict("replayed twice: bits of the hash that differ", 0, bits_apart(first, second), 0, 0),
    Verdict("replayed on both engines: bits that differ", 0, bits_apart(first, reference), 0, 0),
]

# %%
if CONNECTOR:
    verdicts += [
        Verdict("live and its capture: bits that differ", 0, bits_apart(lived, relived), 0, 0),
        Verdict("one message swallowed: gaps told", 1, wounded["gaps"], 0, 0),
        Verdict("one message swallowed: snapshots in all", 2, wounded["snapshots"], 0, 0),
    ]
conclude("05_plug_in_a_feed", verdicts)
