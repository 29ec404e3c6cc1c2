"""What the page's own script tells the server: clicks on marked things, keys, the browser's account key.

One model and two listeners for the whole page. An element says what a click on it means in `data-do`, as
"verb:text"; markup made of market data never carries script.
"""

from collections.abc import Callable
from typing import Any

from bokeh.core.properties import Int, String
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import CustomJS

SCRIPT = """
if (window.market_sim_listens) { return }
window.market_sim_listens = true
const say = (text) => { model.said = text; model.times = model.times + 1 }
document.addEventListener("click", (event) => {
  const marked = event.composedPath().find((node) => node.dataset?.do)
  if (marked) { say(marked.dataset.do) }
})
const taken = "input, textarea, select, button, a, [role=slider], [role=combobox], [role=option], [role=tab]"
const keys = {" ": "run", "ArrowRight": "second", "ArrowDown": "slower", "ArrowUp": "faster", ".": "event"}
document.addEventListener("keydown", (event) => {
  const target = event.composedPath()[0]
  const meant = event.ctrlKey || event.altKey || event.metaKey ? undefined : keys[event.key]
  if (!meant || target.closest?.(taken) || target.isContentEditable) { return }
  event.preventDefault()
  say("key:" + meant)
})
const look_away = () => { say("away:" + (window.market_sim_away ?? []).join(" ")) }
document.addEventListener("market_sim.away", look_away)
look_away()
let key = null
try { key = localStorage.getItem("market_sim.account") } catch {}
if (!key) {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))]
  key = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")
  try { localStorage.setItem("market_sim.account", key) } catch {}
}
model.account = key
"""


class Voice(DataModel):
    """`said` is the newest message and `times` counts them: the same click twice is two messages. `account`
    is a random key that this browser keeps, so that a reloaded page has its account again.
    """

    said = String(default="")
    times = Int(default=0)
    account = String(default="")


class Browser:
    """Hears the page's script. `hear(verb, text)` is called for every message, `arrive(key)` once."""

    def __init__(self, hear: Callable[[str, str], None], arrive: Callable[[str], None]) -> None:
        #: Travels with the page when something on the page refers to it.
        self.voice = Voice()
        self._hear, self._arrive = hear, arrive
        self.voice.on_change("times", self._on_message)
        self.voice.on_change("account", self._on_account)

    def listen(self, document: Document) -> None:
        """Begin when the page is drawn."""
        document.js_on_event("document_ready", CustomJS(args={"model": self.voice}, code=SCRIPT))

    def _on_message(self, attribute: str, old: Any, new: Any) -> None:
        verb, _, text = self.voice.said[:500].partition(":")
        self._hear(verb, text)

    def _on_account(self, attribute: str, old: Any, new: Any) -> None:
        self._arrive(str(new)[:64])
