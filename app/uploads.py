"""A file from a visitor's browser: sent in small pieces, counted here, and looked at in a process of its own.

A whole file in one message would have to fit into the largest message that a server takes, and a larger one
would end the connection, and the page with it. What a browser says of a file (its size, its name) is a
courtesy: the bytes are counted where they arrive, and a name never becomes a path.
"""

import base64
import binascii
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import panel_material_ui as pmui
from bokeh.core.properties import Bool, Int, String
from bokeh.model import DataModel, Model

from market_sim.errors import MarketSimError
from market_sim.replaying.vetting import FileLimits, Vetted, vet
from market_sim.runner.tasks import Limits, Task, Tell

UPLOAD_MB = 16
"""The largest file, unless MARKET_SIM_UPLOAD_MB says otherwise."""

PIECE_BYTES = 192 * 1024
PIECE_TEXT = 4 * PIECE_BYTES // 3 + 16
NAME_SHOWN = 60
LOOK = Limits(wall_s=60.0, memory_mb=1024)
MB = 1_000_000

SEND = """
const chooser = document.createElement("input")
chooser.type = "file"
chooser.accept = ".csv,.txt,text/csv,text/plain"
chooser.onchange = async () => {
  const file = chooser.files[0]
  if (!file) { return }
  parcel.refused = ""
  parcel.title = file.name.slice(0, 200)
  parcel.size = file.size
  parcel.begun = parcel.begun + 1
  if (file.size > limit) { return }
  // Numbers go on from file to file: a property that is set to what it was is no message.
  let at = 0
  do {
    const bytes = new Uint8Array(await file.slice(at, at + piece).arrayBuffer())
    let text = ""
    for (let k = 0; k < bytes.length; k += 8192) {
      text += String.fromCharCode(...bytes.subarray(k, k + 8192))
    }
    parcel.piece = btoa(text)
    at += piece
    parcel.last = at >= file.size
    const number = parcel.number + 1
    parcel.number = number
    while (parcel.taken < number && !parcel.refused) { await new Promise(done => setTimeout(done, 5)) }
    if (parcel.refused) { return }
  } while (at < file.size)
}
chooser.click()
"""


class Parcel(DataModel):
    """What both ends of the connection see of a file on its way. `begun` counts files, `number` pieces."""

    title = String(default="")
    size = Int(default=0)
    begun = Int(default=0)
    piece = String(default="")
    last = Bool(default=False)
    number = Int(default=0)
    taken = Int(default=0)
    refused = String(default="")


@dataclass(frozen=True)
class Uploaded:
    """A file that may be used: its path on the server, what its owner calls it, what is in it."""

    path: Path
    name: str
    vetted: Vetted

    @property
    def symbol(self) -> str:
        """What to call its one symbol, where no column says it: the longest capitals in its name."""
        parts = re.findall(r"[A-Z][A-Z0-9]{1,11}", self.name)
        return max(parts, key=len) if parts else "ASSET"


def limit_bytes() -> int:
    """The largest file; ValueError in words if the environment's number is none."""
    text = os.environ.get("MARKET_SIM_UPLOAD_MB", str(UPLOAD_MB))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"MARKET_SIM_UPLOAD_MB is {text!r}: give a whole number above 0.")
    return int(text) * MB


def look_at(request: tuple[Path, str, int], folder: Path, tell: Tell) -> None:
    """The work of the task that looks at a file: (path, name, limit in bytes)."""
    path, name, limit = request
    tell(vet(path, name, FileLimits(size_bytes=limit)))


class Uploads:
    """The newest file of one visitor. `hear(sentence)` is told why a file is not taken, `take(file)` that it
    is; both are called from `poll` or as pieces arrive.
    """

    def __init__(self, carrier: Model, take: Callable[[Uploaded], None], hear: Callable[[str], None]) -> None:
        self.parcel = Parcel()
        carrier.tags = [*carrier.tags, self.parcel]
        self._take, self._hear = take, hear
        self._limit = limit_bytes()
        self._folder = Path(tempfile.mkdtemp(prefix="market_sim-upload-"))
        self._count = 0
        self._open = False
        self._bytes = 0
        self._path = self._folder / "none"
        self._task: Task | None = None
        self.parcel.on_change("begun", self._begin)
        self.parcel.on_change("number", self._receive)

    def button(self) -> pmui.Button:
        """What a visitor clicks to choose a file."""
        made = pmui.Button(
            label=f"Choose a CSV file, up to {self._limit / MB:g} MB",
            icon="upload_file",
            variant="outlined",
            size="small",
            sizing_mode="stretch_width",
            margin=(6, 0),
        )
        made.js_on_click(args={"parcel": self.parcel, "limit": self._limit, "piece": PIECE_BYTES}, code=SEND)
        return made

    @property
    def doing(self) -> str:
        """What is under way, in words; empty when nothing is."""
        if self._open:
            return f"Receiving {self._name()}: {self._bytes / MB:.1f} MB so far."
        return f"Looking at {self._name()}." if self._task is not None else ""

    def poll(self) -> None:
        """See how the look at a file goes."""
        task = self._task
        if task is None:
            return
        task.poll()
        if task.running:
            return
        self._task = None
        task.close()
        if task.failure is not None:
            self._drop(task.failure.sentence)
        elif task.items:
            self._take(Uploaded(self._path, self._name(), task.items[0]))

    def close(self) -> None:
        """Remove everything."""
        if self._task is not None:
            self._task.close()
        self._open = False
        shutil.rmtree(self._folder, ignore_errors=True)

    def _name(self) -> str:
        plain = "".join(letter for letter in self.parcel.title if letter.isprintable())
        return plain if len(plain) <= NAME_SHOWN else plain[:NAME_SHOWN] + "…"

    def _begin(self, attribute: str, old: Any, new: Any) -> None:
        if self._task is not None:
            self._task.close()
            self._task = None
        self._path.unlink(missing_ok=True)
        self._count += 1
        # The server's own name: what the browser calls the file is for people only.
        self._path = self._folder / f"upload-{self._count}.csv"
        self._bytes, self._open = 0, True
        if self.parcel.size > self._limit:
            self._refuse(self.parcel.size)

    def _refuse(self, size: int) -> None:
        self._drop(
            f"{self._name()}: {size / MB:.1f} MB are too many. Up to {self._limit / MB:g} MB are taken: cut "
            "it, or thin it out."
        )

    def _receive(self, attribute: str, old: Any, new: Any) -> None:
        if not self._open or not new:
            return
        text = self.parcel.piece
        try:
            if len(text) > PIECE_TEXT:
                raise ValueError("a piece is too large")
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            self._drop(f"{self._name()} did not arrive whole ({error}). Try again.")
            return
        self._bytes += len(raw)
        if self._bytes > self._limit:
            self._refuse(self._bytes)
            return
        with self._path.open("ab") as file:
            file.write(raw)
        self.parcel.taken = new
        if self.parcel.last:
            self._open = False
            self._look()

    def _look(self) -> None:
        try:
            self._task = Task(look_at, (self._path, self._name(), self._limit), LOOK)
        except MarketSimError as error:
            self._drop(str(error))

    def _drop(self, sentence: str) -> None:
        self._open = False
        self._path.unlink(missing_ok=True)
        self.parcel.refused = sentence
        self._hear(sentence)
