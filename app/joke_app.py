"""A page that tells a market joke: `panel serve app/joke_app.py`, then http://localhost:5006/joke_app.

The simplest page there can be. Two parts that a visitor sees, one function that a click calls, and
`servable`, which tells Panel what to show. `docs/first-page.md` takes it apart.
"""

import random

import panel as pn

JOKES = (
    "Why did the limit order bring a book? It knew there would be a queue.",
    "A market order walks into a bar and drinks whatever stands there, at any price.",
    "The spread asked the tick: do you ever feel that something stands between us?",
    "How many market makers change a light bulb? Two: one bids for the old one, one offers the new.",
    "The stop order has the sweetest temper of all, until somebody touches it.",
    "An arbitrageur's favourite shape? A triangle that does not quite close.",
    "Why was the iceberg order so calm? You only ever saw its good side.",
    "The pairs trader's friends diverged. She is still waiting for them to make up.",
    "A latency joke: you will get it, but somebody else already has.",
)

joke = pn.pane.Str(random.choice(JOKES), styles={"font-size": "1.4em"})
another = pn.widgets.Button(name="Another one", button_type="primary")


def tell(_event: object) -> None:
    """Put up a joke that is not the one being read."""
    joke.object = random.choice([line for line in JOKES if line != joke.object])


another.on_click(tell)

pn.Column("# Market jokes", joke, another).servable()
