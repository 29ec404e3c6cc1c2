"""Which charts a visitor can see: only those are fed. A narrow window shows one or two of eight."""

from collections.abc import Callable, Iterable


class Sight:
    """Charts by name, as the page's script finds them in or out of the window."""

    def __init__(self) -> None:
        self._away: frozenset[str] = frozenset()
        self._missed: set[tuple[str, ...]] = set()
        self._owed: set[tuple[str, ...]] = set()

    def tell(self, away: Iterable[str]) -> bool:
        """These are out of sight now, and no others. True when one comes back that has missed pictures."""
        self._away = frozenset(away)
        return not all(self._away.issuperset(names) for names in self._missed)

    def feed(
        self, names: tuple[str, ...], redraw: bool, again: Callable[[], bool], newest: Callable[[], object]
    ) -> None:
        """Feed what draws charts of these names. `again` draws everything, when `redraw` says so and until it
        says that there was something to draw, seen or not; and after pictures were missed. `newest` adds one
        picture, while one of the charts is seen.
        """
        away = self._away.issuperset(names)
        if redraw or names in self._owed or (names in self._missed and not away):
            self._missed.discard(names)
            self._owed.discard(names)
            if not again():
                self._owed.add(names)
        elif away:
            self._missed.add(names)
        else:
            newest()
