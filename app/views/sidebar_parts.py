"""What several sidebars share."""

from collections.abc import Iterable

import panel as pn

NOTE = """
p { font-size: 12px; line-height: 1.4; margin: 0; color: color-mix(in srgb, currentColor 75%, transparent); }
"""


class Later:
    """A column whose contents go to the browser when they are first wanted: a folded section's widgets cost a
    page that opens as much as those on show.
    """

    def __init__(self, *contents: pn.viewable.Viewable, wanted: bool = False) -> None:
        self._contents = list(contents)
        self.viewable = pn.Column(sizing_mode="stretch_width", margin=0)
        if wanted:
            self.show()

    def hold(self, contents: Iterable[pn.viewable.Viewable]) -> None:
        """Other contents from now on."""
        self._contents = list(contents)
        if self.viewable.objects:
            self.viewable.objects = self._contents

    def show(self) -> None:
        """From now on they are there."""
        if not self.viewable.objects:
            self.viewable.objects = self._contents
