"""Stories of orders: asked of the market's process, told when the answer comes."""

from app.session import Session
from app.views.story import Story


class Stories:
    """The view of a story, and the questions that are on their way."""

    def __init__(self, session: Session) -> None:
        self.view = Story()
        self._session = session
        self._asked: dict[int, tuple[str, int]] = {}

    @property
    def awaited(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._asked)

    def ask(self, text: str) -> None:
        """Ask for the story of an order, named as "agent number"."""
        agent, _, order = text.rpartition(" ")
        if self._session.runner is not None and order.isdecimal():
            number = self._session.runner.ask("story", agent, int(order))
            self._asked[number] = agent, int(order)

    def look(self) -> None:
        """Tell what has been answered."""
        runner = self._session.runner
        for number, (agent, order) in list(self._asked.items()):
            reply = runner.take_reply(number) if runner else None
            if reply is None and runner is not None and runner.failure is None:
                continue
            del self._asked[number]
            if reply is None or reply.error:
                sentence = reply.error if reply else "The market has ended."
                self.view.say(f"Order {order} of {agent}", sentence)
            else:
                self.view.tell(agent, order, reply.value)
