"""Work that nobody sees, spared: in the browser most of opening a page and of a repaint, on the server most
of a click. The scripts say what and how; docs/decisions/repaints-without-style-sheets.md says why.
"""

import json
from pathlib import Path

from bokeh.document import Document
from panel.util import edit_readonly
from panel_material_ui import Page

from app.wire import SEPARATOR

HOLD_MS = 150
"""How long after a click charts wait: a little longer than the server needs for its answer."""

NEAR_PX = 200
"""How far from what the visitor sees a chart still repaints and is fed, so that scrolling meets no old
picture.
"""

SCRIPTS = Path(__file__).with_name("scripts")
ORDER = ("bokeh", "frames", "styles", "axes", "glyphs", "repaints")
"""The first has what the others share."""

SCRIPT = "\n".join((SCRIPTS / f"{name}.js").read_text() for name in ORDER)
for name, value in (("__HOLD_MS__", HOLD_MS), ("__NEAR_PX__", NEAR_PX), ("__SEPARATOR__", SEPARATOR)):
    SCRIPT = SCRIPT.replace(name, json.dumps(value))

TEMPLATE = """
{% extends page %}
{% block postamble %}
{{ super() }}
<script>{ __SCRIPT__ }</script>
{% endblock %}
""".replace("__SCRIPT__", SCRIPT)


def spare_layouts(document: Document) -> None:
    """Have the page do so from its first element on. Comes after the document has got its page's template."""
    page = document.template
    document.template_variables["page"] = page
    document.template = page.environment.from_string(TEMPLATE)


def leave_idle(page: Page) -> None:
    """Have the page no longer follow whether the server is busy, which it has no indicator to show.

    Every click of any visitor makes the server busy and idle again, and at each change every open page went
    through all its children: 0.1 s a page, twice a click, before the click was looked at.
    """
    with edit_readonly(page):
        page.busy = False
