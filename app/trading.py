"""What a visitor sends: the order ticket, put into commands to the market."""

from app.session import Session
from app.views.ticket import Ticket


class Trading:
    """A ticket's hand. A field that is being written in counts as it stands."""

    def __init__(self, session: Session, ticket: Ticket) -> None:
        self._session, self._ticket = session, ticket

    def order(self, side: str) -> None:
        """Send what the ticket says; without a price a market order."""
        ticket = self._ticket
        # An emptied field means a market order, even where a price stood before.
        price = ticket.price.value if ticket.price.value_input is None else ticket.price.value_input
        self._session.order(side, self._size, price, ticket.tif.value, ticket.post_only.value)

    def replace(self) -> None:
        """Ask for the ticket's size and price for the order that was chosen."""
        if self._ticket.replacing is not None:
            price = self._ticket.price.value_input or self._ticket.price.value
            self._session.replace(self._ticket.replacing, self._size, price)
            self._ticket.choose(None)

    def change(self, order: int) -> None:
        """Fill the ticket with an open order of one's own."""
        wanted = [open_order for open_order in self._session.orders if open_order.order == order]
        self._ticket.choose(wanted[0] if wanted else None)

    def take_price(self, price: float) -> None:
        """A click into the ladder: the nearest price that an order may have."""
        info = self._session.info
        if info is not None and price == price:
            listing = info.listings[self._session.listing]
            rounded = round(price / listing.tick) * listing.tick
            self._ticket.price.value = f"{max(rounded, listing.tick):.{listing.price_decimals}f}"

    @property
    def _size(self) -> str:
        return self._ticket.size.value_input or self._ticket.size.value
