"""A market's course: run and hold, steps, speed, and what an instructor tells it. Who may not steer a shared
market has no effect here.
"""

from collections.abc import Callable
from dataclasses import replace

from app.controls import parse_speed, speed_text
from app.session import Session
from app.views.sidebar import SPEEDS, Sidebar, speed_options
from market_sim.runner import Command


class Steering:
    """Buttons, keys and the speed slider, as commands to the session's market."""

    def __init__(self, session: Session, sidebar: Sidebar, allowed: bool) -> None:
        self._session, self._sidebar, self._allowed = session, sidebar, allowed
        self._keys: dict[str, Callable[[], None]] = {
            "run": self.toggle_run,
            "second": self.step_second,
            "event": self.step_event,
            "faster": lambda: self._shift_speed(1),
            "slower": lambda: self._shift_speed(-1),
        }

    def toggle_run(self) -> None:
        """Run, or hold what runs."""
        if self._allowed:
            self._session.pause() if self._session.running else self._session.run()

    def step_second(self) -> None:
        """One simulated second on."""
        if self._allowed:
            self._session.step_second()

    def step_event(self) -> None:
        """One event on."""
        if self._allowed:
            self._session.step_event()

    def set_speed(self, text: str) -> None:
        """A speed as the slider says it."""
        if self._allowed and text != speed_text(self._session.controls.speed):
            self._session.set_speed(parse_speed(text))

    def follow_speed(self, speed: float | None) -> None:
        """Show the speed that the market has: another page may have set it."""
        if speed != self._session.controls.speed and not self._session.awaits_answer:
            self._session.controls = replace(self._session.controls, speed=speed)
            self._sidebar.speed.param.update(options=speed_options(speed), value=speed_text(speed))

    def send(self, command: Command) -> None:
        """Any other command."""
        if self._allowed:
            self._session.send(command)

    def press(self, key: str) -> None:
        """A key, by what it means."""
        if key in self._keys:
            self._keys[key]()

    def _shift_speed(self, by: int) -> None:
        now = self._session.controls.speed or SPEEDS[-1]
        further = [speed for speed in SPEEDS if (speed - now) * by > 0]
        if self._allowed and further:
            self._sidebar.speed.value = speed_text(min(further, key=lambda speed: abs(speed - now)))
